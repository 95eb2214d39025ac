import pytest
import torch

from models.architectures import ARCHITECTURES, ENSEMBLES, architecture_named, members_of
from models.errors import UnknownArchitecture

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
def test_backbone_has_the_channels_that_its_architecture_states(name: str) -> None:
    architecture = ARCHITECTURES[name]
    assert architecture.name == name
    with torch.inference_mode():
        features = architecture.build().eval()(torch.zeros(2, 3, 96, 96))
    assert features.shape == (2, architecture.feature_channels, 3, 3)


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
