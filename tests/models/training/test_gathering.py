from pathlib import Path

import pytest
import torch

from models.bundle.loading import load_bundle
from models.bundle.manifest import Manifest, MemberEntry, Preprocessing
from models.bundle.writing import NewMember, create_bundle
from models.errors import TrainingRefused
from models.networks.member import build_member, initialize
from models.training.gathering import gather, mean_state
from tests.models.bundles import tiny_manifest


def bundle(folder: Path, seed: int, *, side: int = 224, sharpness: float = 0.0) -> Path:
    """A bundle of one MobileNet with random weights."""
    member = build_member("mobilenet", sharpness=sharpness)
    initialize(member, seed)

    def describe(entries: tuple[MemberEntry, ...]) -> Manifest:
        preprocessing = Preprocessing(input_size=(side, side))
        return tiny_manifest(entries).model_copy(update={"preprocessing": preprocessing})

    path = folder / str(seed)
    new = NewMember(name="mobilenet", architecture="mobilenet", member=member)
    create_bundle(path, members=[new], describe=describe)
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    return bundle(folder, 0), bundle(folder, 1)


def test_the_mean_of_two_bundles_lies_half_way_between_their_weights(pair: tuple[Path, Path]) -> None:
    (trained,) = gather({"mobilenet": pair}).members

    first, second = (load_bundle(path).members["mobilenet"].state_dict() for path in pair)
    found = trained.member.state_dict()
    assert found.keys() == first.keys()
    for key, tensor in found.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (first[key] + second[key]) / 2)
    assert not torch.equal(found["head.weight"], first["head.weight"])


def test_a_member_of_one_bundle_keeps_its_bits(pair: tuple[Path, Path]) -> None:
    (trained,) = gather({"mobilenet": pair[:1]}).members

    expected = load_bundle(pair[0]).members["mobilenet"].state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in trained.member.state_dict().items())


def test_the_mean_keeps_the_types_of_what_it_averages() -> None:
    states = [{"w": torch.tensor([value]).half(), "steps": torch.tensor(3)} for value in (1.0, 2.0)]

    mean = mean_state(states)

    assert (mean["w"].dtype, float(mean["w"])) == (torch.float16, 1.5)
    assert int(mean["steps"]) == 3


def test_it_says_where_the_members_come_from(pair: tuple[Path, Path]) -> None:
    label = load_bundle(pair[0]).identity.label

    assert gather({"mobilenet": pair}).origin == f"mobilenet: {label} and {label}"


def test_a_member_that_a_bundle_lacks_is_refused_with_those_it_has(pair: tuple[Path, Path]) -> None:
    with pytest.raises(TrainingRefused, match="no member called xception; it has mobilenet"):
        gather({"xception": pair})


@pytest.mark.parametrize(
    ("other", "reason"),
    [({"side": 256}, "does not prepare images as"), ({"sharpness": 2.0}, "only equal networks have a mean")],
)
def test_bundles_that_do_not_fit_together_are_refused(
    other: dict[str, int], reason: str, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(TrainingRefused, match=reason):
        gather({"mobilenet": (pair[0], bundle(tmp_path, 2, **other))})
