import pytest

from models.errors import TrainingRefused
from models.training.recipe import Round, Stage
from models.training.recipes import (
    PAPER,
    RECIPES,
    ULNA,
    ULNA_FROM_NOTHING,
    ULNA_TAUGHT,
    recipe_for,
    stretched,
)

PRINTED = {"horizontal_flip": 0.5, "rotation_degrees": 45.0, "vertical_flip": 0.0, "scale": (1.0, 1.0)}


def test_the_paper_is_followed_to_the_letter():
    assert PAPER.preprocessing.input_size == (224, 224)
    assert (PAPER.preprocessing.resize, PAPER.preprocessing.lower, PAPER.preprocessing.upper) == (
        "square",
        0.0,
        1.0,
    )
    assert (PAPER.batch, PAPER.class_weights, PAPER.sharpness, PAPER.average) == (32, True, 0.0, 0.0)
    assert (PAPER.schedule.peak, PAPER.schedule.decay, PAPER.weight_decay) == (1e-4, 1e-4, 0.0)
    assert {name: getattr(PAPER.augmentation, name) for name in PRINTED} == PRINTED
    assert (PAPER.weights.cells, PAPER.augmentation.noise, PAPER.augmentation.blur) == (0.0, 0.0, 0.0)


def test_a_member_without_weights_first_sees_small_cuts():
    assert recipe_for("ulna", pretrained=False) is ULNA_FROM_NOTHING
    assert recipe_for("ulna", pretrained=False, taught=True) is ULNA_FROM_NOTHING
    assert recipe_for("ulna", pretrained=True) is ULNA
    assert recipe_for("paper", pretrained=False) is recipe_for("paper", pretrained=True) is PAPER


def test_a_member_that_has_learned_is_taught_features_first_and_in_the_end_answers_alone():
    recipe = recipe_for("ulna", pretrained=True, taught=True)
    assert recipe is ULNA_TAUGHT
    assert [stage.features for stage in recipe.stages] == [True, False]
    assert recipe_for("paper", pretrained=True, taught=True) is PAPER


def test_the_stage_of_an_epoch():
    first, second, _ = ULNA_FROM_NOTHING.stages
    assert ULNA_FROM_NOTHING.stage_at(first.epochs - 1) == first
    assert ULNA_FROM_NOTHING.stage_at(first.epochs) == second
    with pytest.raises(ValueError, match=f"{ULNA_FROM_NOTHING.epochs} epochs"):
        ULNA_FROM_NOTHING.stage_at(ULNA_FROM_NOTHING.epochs)


@pytest.mark.parametrize(("epochs", "lengths"), [(2, [1, 1]), (3, [2, 1]), (17, [12, 5]), (68, [48, 20])])
def test_stages_keep_their_proportion(epochs: int, lengths: list[int]):
    stages = (Stage(epochs=24, side=128), Stage(epochs=10))
    assert [stage.epochs for stage in stretched(stages, epochs)] == lengths


def test_the_rounds_that_the_stages_make():
    first, again = Round(first=0, epochs=20, share=1.0), Round(first=20, epochs=16, share=0.6)
    assert ULNA.rounds[:2] == (first, again)
    assert [(found.first, found.epochs) for found in ULNA.rounds[2:]] == [(36, 16), (52, 16)]
    assert [ULNA.round_at(epoch) for epoch in (0, 19, 20, 35)] == [first, first, again, again]
    (only,) = ULNA_FROM_NOTHING.rounds
    assert only == Round(first=0, epochs=ULNA_FROM_NOTHING.epochs, share=1.0)


@pytest.mark.parametrize(
    ("epochs", "lengths"),
    [(5, [5]), (20, [20]), (21, [12, 9]), (36, [20, 16]), (68, [20, 16, 16, 16]), (136, [40, 32, 32, 32])],
)
def test_fewer_epochs_leave_out_the_later_rounds(epochs: int, lengths: list[int]):
    assert [stage.epochs for stage in stretched(ULNA.stages, epochs)] == lengths


def test_fewer_epochs_than_stages_are_refused():
    with pytest.raises(TrainingRefused, match="3 stages"):
        stretched(ULNA_FROM_NOTHING.stages, 2)


def test_every_side_fits_the_stride_of_the_networks():
    recipes = (*RECIPES.values(), ULNA_FROM_NOTHING, ULNA_TAUGHT)
    sides = [stage.side for recipe in recipes for stage in recipe.stages]
    assert all(side is None or side % 32 == 0 for side in sides)
