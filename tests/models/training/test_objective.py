from collections.abc import Sequence

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.networks.backbone import Level
from models.networks.member import MemberOutput
from models.training.objective import Objective
from models.training.recipe import Weights
from models.training.targets import UNKNOWN
from models.training.teaching import Lesson

FEATURES = torch.rand(4, 6, 2, 2, generator=torch.Generator().manual_seed(0))
ACTIVATION = torch.randn(4, 2, 2, generator=torch.Generator().manual_seed(1))
BIAS = torch.tensor([0.5])
OUTPUT = MemberOutput(ACTIVATION.mean((1, 2)) + BIAS, ACTIVATION, FEATURES.mean((2, 3)))
PROBABILITIES = torch.sigmoid(ACTIVATION + BIAS)
# A lesson that says what the member says leaves the entropy of its own answers.
ENTROPY = float(F.binary_cross_entropy(PROBABILITIES, PROBABILITIES))
LABELS = torch.tensor([1.0, 0.0, 1.0, 0.0])
CELLS = torch.zeros(4, 2, 2)


def loss_of(
    objective: Objective, labels: torch.Tensor = LABELS, cells: torch.Tensor = CELLS, **more
) -> float:
    return float(objective([FEATURES], OUTPUT, BIAS, (labels, cells), **more).detach())


def translation(objective: Objective, place: int = 0) -> tuple[nn.BatchNorm2d, nn.Conv2d]:
    norm, convolution = objective.translations[place].children()
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(convolution, nn.Conv2d)
    return norm, convolution


def bias_of(convolution: nn.Conv2d) -> torch.Tensor:
    assert convolution.bias is not None
    return convolution.bias.data


def taught_objective(levels: Sequence[Level]) -> Objective:
    """Learn from a teacher of the same levels whose features need no translation."""
    weights = Weights(teacher_cells=1.0, teacher_features=1.0)
    objective = Objective(weights, levels=levels, teacher_levels=levels)
    for place in range(len(levels)):
        norm, convolution = translation(objective, place)
        norm.eval()  # its statistics are still those of no change
        nn.init.dirac_(convolution.weight)
        nn.init.zeros_(bias_of(convolution))
    return objective


def centered(features: torch.Tensor) -> torch.Tensor:
    return features - features.mean((0, 2, 3), keepdim=True)


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
    objective = taught_objective([Level(6, 32)])
    alone = loss_of(Objective(Weights()))

    def left(features: torch.Tensor) -> float:
        return loss_of(objective, lesson=Lesson([features], PROBABILITIES)) - alone - ENTROPY

    norm, convolution = translation(objective)
    said = FEATURES / (1.0 + norm.eps) ** 0.5
    # What the teacher's channels are on the whole does not matter, only how they vary.
    assert left(said + 3.0) == pytest.approx(left(said), abs=1e-5)
    bias_of(convolution).copy_(-said.mean((0, 2, 3)))
    assert left(said) == pytest.approx(0.0, abs=1e-5)
    # Of the opposite the difference is twice as long, and four times its variance is left.
    assert left(-said) == pytest.approx(4.0, abs=1e-5)


def test_a_member_that_explains_nothing_leaves_the_whole_variance_whatever_its_scale():
    objective = taught_objective([Level(6, 32)])
    nn.init.zeros_(translation(objective)[1].weight)
    for scale in (1.0, 100.0):
        loss = loss_of(objective, lesson=Lesson([FEATURES * scale], PROBABILITIES))
        assert loss - loss_of(Objective(Weights())) - ENTROPY == pytest.approx(1.0, abs=1e-5)


def test_where_no_features_are_taught_the_map_alone_counts():
    objective = taught_objective([Level(6, 32)])
    loss = loss_of(objective, lesson=Lesson((), PROBABILITIES))
    assert loss - loss_of(Objective(Weights())) == pytest.approx(ENTROPY)


def test_every_level_of_the_teacher_counts_alike():
    levels = [Level(6, 8), Level(6, 16), Level(6, 32)]
    objective = taught_objective(levels)
    features = [centered(part) for part in (FEATURES, FEATURES[:, :, :1], FEATURES[:, :, :, :1])]

    def loss(taught: list[torch.Tensor]) -> float:
        targets = (LABELS, CELLS)
        return float(objective(features, OUTPUT, BIAS, targets, Lesson(taught, PROBABILITIES)).detach())

    learned = loss(features)
    for place in range(len(features)):
        turned = [-level if place == other else level for other, level in enumerate(features)]
        assert loss(turned) - learned == pytest.approx(4.0 / 3.0, abs=1e-3)
