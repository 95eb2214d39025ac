import pytest
import torch

from models.errors import UnknownArchitecture
from models.networks.architectures import ARCHITECTURES, architecture_named, members_of
from models.networks.ensembles import ENSEMBLES

PRINTED = {
    "ensemble200": {"densenet201", "mobilenet", "nasnetmobile"},
    "A": {"nasnetmobile", "xception", "mobilenet"},
    "B": {"nasnetmobile", "mobilenet"},
    "C": {"xception", "mobilenet"},
    "D": {"xception", "mobilenet"},
    "E": {"xception", "densenet201"},
    "F": {"xception", "densenet201", "mobilenet"},
    "ALL": {"densenet201", "xception", "mobilenet", "nasnetmobile"},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_backbone_has_the_levels_that_it_states_and_ends_with_its_features(name: str) -> None:
    assert ARCHITECTURES[name].name == name
    backbone = ARCHITECTURES[name].build().eval()
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = list(backbone.walk(x))
        last = backbone(x)
    assert [level.shape for level in features] == [
        (2, channels, 96 // stride, 96 // stride) for channels, stride in backbone.levels
    ]
    assert torch.allclose(features[-1], last, rtol=1e-4, atol=1e-6)
    assert {level.stride for level in backbone.levels} >= {8, 16, 32}


def test_ensembles_have_the_members_that_the_paper_prints() -> None:
    assert {name: set(members) for name, members in ENSEMBLES.items()} == PRINTED


def test_every_member_of_an_ensemble_is_an_architecture() -> None:
    assert {member for members in ENSEMBLES.values() for member in members} <= ARCHITECTURES.keys()


def test_an_architecture_is_an_ensemble_of_one() -> None:
    assert members_of("densenet169") == ("densenet169",)


def test_a_list_of_members_keeps_its_order() -> None:
    assert members_of(["xception", "densenet169"]) == ("xception", "densenet169")


def test_unknown_ensemble_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(UnknownArchitecture, match=r"'ensemble201'.*ensemble200.*densenet169"):
        members_of("ensemble201")


def test_ensemble_in_a_list_is_refused() -> None:
    with pytest.raises(UnknownArchitecture, match="'ensemble200'"):
        members_of(["ensemble200"])


def test_unknown_architecture_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(UnknownArchitecture, match=r"'resnet50'.*nasnetmobile"):
        architecture_named("resnet50")


@pytest.mark.parametrize(
    ("members", "found"), [([], "none"), (["mobilenet", "mobilenet"], "mobilenet, mobilenet")]
)
def test_empty_list_and_repeated_member_are_refused(members: list[str], found: str) -> None:
    with pytest.raises(ValueError, match=f"found: {found}"):
        members_of(members)
