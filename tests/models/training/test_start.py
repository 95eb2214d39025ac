from pathlib import Path

import pytest
import torch
from torchvision.models import densenet201

from models.bundle.loading import load_bundle
from models.bundle.manifest import read_identity
from models.errors import TrainingRefused
from models.networks.member import build_member, initialize
from models.training.start import Start, copy_layers, start_member


def test_torchvisions_densenet_gives_the_same_features():
    torch.manual_seed(0)
    theirs = densenet201(weights=None).eval()
    ours = build_member("densenet201").backbone
    copy_layers(theirs.features, ours)
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = torch.relu(theirs.features(x))
        # Keras' batch normalizations add 1.001e-5 to the variance, torchvision's 1e-5.
        assert torch.allclose(ours(x), expected, rtol=1e-3, atol=1e-5)


def test_layers_of_another_network_are_refused_and_nothing_is_changed():
    ours = build_member("mobilenet")
    initialize(ours, 0)
    before = {key: tensor.clone() for key, tensor in ours.state_dict().items()}
    with pytest.raises(TrainingRefused, match="not those of the network"):
        copy_layers(densenet201(weights=None).features, ours.backbone)
    assert all(torch.equal(before[key], tensor) for key, tensor in ours.state_dict().items())


def test_torchvision_has_no_mobilenet_of_this_kind():
    with pytest.raises(TrainingRefused, match="no weights of mobilenet, only of densenet169, densenet201"):
        start_member(build_member("mobilenet"), "mobilenet", Start(kind="torchvision"), seed=0)


@pytest.mark.parametrize("text", ["keras", "keras:", "bundle:", "imagenet", ""])
def test_other_words_are_refused(text: str):
    with pytest.raises(TrainingRefused, match="keras:FILE"):
        Start.parse(text)


def test_a_bundles_member_is_gone_on_with(untrained_bundle: Path):
    start = Start.parse(f"bundle:{untrained_bundle}")
    assert start.pretrained
    member = build_member("mobilenet")
    start_member(member, "mobilenet", start, seed=99)
    theirs = load_bundle(untrained_bundle).members["mobilenet"].state_dict()
    assert all(torch.equal(theirs[key], tensor) for key, tensor in member.state_dict().items())


def test_a_bundle_without_the_architecture_is_refused(untrained_bundle: Path):
    with pytest.raises(TrainingRefused, match="expected one member of architecture nasnetmobile, found 0"):
        start_member(
            build_member("nasnetmobile"), "nasnetmobile", Start.parse(f"bundle:{untrained_bundle}"), seed=0
        )


def test_the_fingerprint_is_that_of_the_bundle(untrained_bundle: Path, pristine_bundle: Path):
    first = Start.parse(f"bundle:{untrained_bundle}").fingerprint()
    assert first == f"bundle {read_identity(untrained_bundle).digest}"
    assert Start.parse(f"bundle:{pristine_bundle}").fingerprint() != first


def test_a_missing_file_is_named(tmp_path: Path):
    start = Start.parse(f"keras:{tmp_path / 'weights.h5'}")
    with pytest.raises(TrainingRefused, match=r"weights\.h5: cannot be read"):
        start.fingerprint()


def test_the_fingerprint_follows_the_bytes_and_the_fresh_layers(tmp_path: Path):
    file = tmp_path / "weights.h5"
    file.write_bytes(b"one")
    first = Start.parse(f"keras:{file}").fingerprint()
    assert Start.parse(f"keras:{file}", fresh=("conv1",)).fingerprint() != first
    file.write_bytes(b"two")
    assert Start.parse(f"keras:{file}").fingerprint() != first
