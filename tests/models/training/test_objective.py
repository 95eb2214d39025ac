import pytest
import torch
from torch.nn import functional as F

from models.member import MemberOutput
from models.training.objective import Lesson, Objective
from models.training.recipe import Weights
from models.training.targets import UNKNOWN

FEATURES = torch.rand(4, 6, 2, 2, generator=torch.Generator().manual_seed(0))
ACTIVATION = torch.randn(4, 2, 2, generator=torch.Generator().manual_seed(1))
BIAS = torch.tensor([0.5])
OUTPUT = MemberOutput(ACTIVATION.mean((1, 2)) + BIAS, ACTIVATION, FEATURES.mean((2, 3)))
LABELS = torch.tensor([1.0, 0.0, 1.0, 0.0])
CELLS = torch.zeros(4, 2, 2)


def loss_of(
    objective: Objective, labels: torch.Tensor = LABELS, cells: torch.Tensor = CELLS, **more
) -> float:
    return float(objective(FEATURES, OUTPUT, BIAS, (labels, cells), **more).detach())


def test_with_no_other_weights_it_is_the_cross_entropy_of_the_labels():
    expected = F.binary_cross_entropy_with_logits(OUTPUT.logit, LABELS)
    assert loss_of(Objective(Weights())) == pytest.approx(float(expected))


def test_class_weights_multiply_and_the_number_of_views_divides():
    # Keras' class_weight: the weighted losses are summed and divided by the batch, not by the weights.
    each = F.binary_cross_entropy_with_logits(OUTPUT.logit, LABELS, reduction="none")
    expected = (each * torch.tensor([3.0, 0.5, 3.0, 0.5])).sum() / 4
    assert loss_of(Objective(Weights(), classes=(0.5, 3.0))) == pytest.approx(float(expected))


def test_unknown_labels_and_cells_do_not_count():
    objective = Objective(Weights(cells=1.0))
    some = torch.tensor([1.0, UNKNOWN, 1.0, 0.0])
    known = F.binary_cross_entropy_with_logits(OUTPUT.logit[[0, 2, 3]], LABELS[[0, 2, 3]])
    cells = torch.full((4, 2, 2), UNKNOWN)
    assert loss_of(objective, some, cells) == pytest.approx(float(known))
    cells[1, 0, 1] = 1.0
    cell = F.softplus(-(ACTIVATION[1, 0, 1] + BIAS))
    assert loss_of(objective, some, cells) == pytest.approx(float(known + cell))


def test_a_positive_cell_counts_as_often_as_the_recipe_says():
    cells = CELLS.clone()
    cells[0, 0, 0] = 1.0
    repeated = F.binary_cross_entropy_with_logits(
        torch.cat([(ACTIVATION + BIAS).flatten(), (ACTIVATION[0, 0, 0] + BIAS).repeat(4)]),
        torch.cat([cells.flatten(), torch.ones(4)]),
    )
    alone = loss_of(Objective(Weights()))
    objective = Objective(Weights(cells=2.0, positive_cell=5.0))
    assert loss_of(objective, cells=cells) == pytest.approx(alone + 2.0 * float(repeated))


def test_a_batch_of_unknown_labels_is_no_division_by_zero():
    assert loss_of(Objective(Weights()), torch.full((4,), UNKNOWN)) == 0.0


def test_the_lesson_is_learned_when_features_and_cells_agree():
    objective = Objective(Weights(teacher_cells=1.0, teacher_features=1.0), channels=6, teacher_channels=6)
    same = {"weight": torch.eye(6)[:, :, None, None], "bias": torch.zeros(6)}
    objective.translation.load_state_dict(same)
    alone = loss_of(Objective(Weights()))
    taught = loss_of(objective, lesson=Lesson(FEATURES, OUTPUT, BIAS)) - alone
    probabilities = torch.sigmoid(ACTIVATION + BIAS)
    entropy = F.binary_cross_entropy(probabilities, probabilities)
    assert taught == pytest.approx(float(entropy), abs=1e-6)
    turned = loss_of(objective, lesson=Lesson(-FEATURES, OUTPUT, BIAS)) - alone
    assert turned == pytest.approx(float(entropy) + 2.0, abs=1e-6)
