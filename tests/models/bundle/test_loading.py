import re

import numpy as np
import pytest
import torch

from models.bundle.loading import create_untrained, load_bundle, verify_bundle
from models.bundle.manifest import read_identity, read_manifest
from models.bundle.writing import create_bundle
from models.errors import (
    BundleExists,
    BundleRefused,
    HashMismatch,
    ManifestInvalid,
    MemberMissing,
    ShapeMismatch,
    UnknownArchitecture,
)
from tests.models.bundles import replace_file, replace_weights, tiny_manifest, two_members


def flip_bit(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(bytes(content))


def test_bundle_is_loaded_as_it_was_written(tmp_path):
    members = list(two_members())
    create_bundle(tmp_path / "bundle", members=members, describe=tiny_manifest)

    loaded = load_bundle(tmp_path / "bundle")

    assert list(loaded.members) == ["first", "second"]
    for new in members:
        written, read = new.member.state_dict(), loaded.members[new.name].state_dict()
        assert written.keys() == read.keys()
        assert all(torch.equal(written[key], read[key]) for key in written)


def test_loaded_members_are_float32_frozen_and_in_evaluation_mode(pristine_bundle):
    for member in load_bundle(pristine_bundle).members.values():
        tensors = [*member.parameters(), *member.buffers()]
        assert {tensor.device.type for tensor in tensors} == {"cpu"}
        assert {tensor.dtype for tensor in tensors} == {torch.float32, torch.int64}
        assert not any(tensor.requires_grad for tensor in tensors)
        assert not any(module.training for module in member.modules())


def test_loading_leaves_the_random_generator_alone(pristine_bundle):
    before = torch.random.get_rng_state()

    load_bundle(pristine_bundle)

    assert torch.equal(torch.random.get_rng_state(), before)


def test_verified_identity_is_the_one_that_the_manifest_states(pristine_bundle):
    assert verify_bundle(pristine_bundle) == read_identity(pristine_bundle)
    assert verify_bundle(pristine_bundle) == load_bundle(pristine_bundle).identity


def test_half_precision_weights_are_cast_when_loaded(bundle):
    whole = load_bundle(bundle).members["first"].head.weight
    replace_weights(bundle, "first", lambda state: state.update({k: v.half() for k, v in state.items()}))

    halved = load_bundle(bundle).members["first"].head.weight

    assert halved.dtype == torch.float32
    np.testing.assert_allclose(halved.numpy(), whole.numpy(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("position", [0, 7, 100, 5_000_000, -1])
def test_flipped_bit_in_a_weights_file_is_refused(bundle, position):
    stated = read_manifest(bundle).members[1].sha256
    flip_bit(bundle / "second.safetensors", position)

    with pytest.raises(HashMismatch) as caught:
        verify_bundle(bundle)

    message = str(caught.value)
    assert message.startswith(f"{bundle / 'second.safetensors'}: expected SHA-256 {stated}, found ")
    assert "install the bundle again" in message


def test_flipped_bit_in_the_manifest_is_refused_or_changes_the_digest(bundle):
    path = bundle / "manifest.toml"
    pristine, digest = path.read_bytes(), verify_bundle(bundle).digest
    refused = 0
    for position in range(0, len(pristine), 7):
        flip_bit(path, position)
        try:
            assert read_identity(bundle).digest != digest
        except BundleRefused:
            refused += 1
        path.write_bytes(pristine)

    assert refused > 10


def test_truncated_weights_file_is_refused(bundle):
    path = bundle / "first.safetensors"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(HashMismatch):
        load_bundle(bundle)


def test_missing_weights_file_is_refused_by_name(bundle):
    (bundle / "second.safetensors").unlink()

    with pytest.raises(
        MemberMissing, match=r"second\.safetensors: expected a readable weights file, found No"
    ):
        load_bundle(bundle)


def test_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(ManifestInvalid, match=r"manifest\.toml"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.update({"head.weight": torch.zeros(1, 1023)}),
            r"expected head\.weight float32 \(1, 1024\), found float32 \(1, 1023\)",
        ),
        (lambda state: state.pop("head.bias"), r"expected head\.bias float32 \(1,\), found nothing"),
        (
            lambda state: state.update({"surplus": torch.zeros(3)}),
            r"expected surplus nothing, found float32 \(3,\)",
        ),
        (
            lambda state: state.update({"head.bias": torch.zeros(1, dtype=torch.float64)}),
            r"found float64 \(1,\)",
        ),
        (
            lambda state: state.update({"head.bias": torch.zeros(1, dtype=torch.int32)}),
            r"found int32 \(1,\)",
        ),
    ],
    ids=["shape", "lacking", "surplus", "double", "integer"],
)
def test_tensors_of_another_architecture_are_refused(bundle, change, message):
    replace_weights(bundle, "first", change)

    with pytest.raises(ShapeMismatch, match=rf"first\.safetensors: .*{message}"):
        load_bundle(bundle)


@pytest.mark.parametrize("content", [b"", b"\x80\x04}q\x00.", b"\xff" * 64])
def test_file_that_is_not_safetensors_is_refused_though_its_hash_fits(bundle, content):
    replace_file(bundle, "first", content)

    with pytest.raises(ShapeMismatch, match="expected safetensors"):
        load_bundle(bundle)


def test_unknown_architecture_is_refused_with_those_that_exist(bundle):
    path = bundle / "manifest.toml"
    path.write_text(path.read_text().replace('architecture = "mobilenet"', 'architecture = "resnet"', 1))

    with pytest.raises(UnknownArchitecture, match=r"manifest\.toml, member first: .*'resnet'.*densenet201"):
        load_bundle(bundle)


def test_weights_of_one_architecture_do_not_pass_for_another(bundle):
    path = bundle / "manifest.toml"
    path.write_text(
        path.read_text().replace('architecture = "mobilenet"', 'architecture = "nasnetmobile"', 1)
    )

    with pytest.raises(ShapeMismatch):
        load_bundle(bundle)


def test_untrained_bundle_says_so_and_claims_nothing(untrained_bundle):
    manifest = read_manifest(untrained_bundle)

    assert read_identity(untrained_bundle).label == "mobilenet-untrained 0.1.0 UNTRAINED"
    assert not manifest.trained
    assert manifest.training_data == "none: untrained"
    assert [(point.name, point.threshold, point.sensitivity) for point in manifest.operating_points] == [
        ("sensitive", 0.5, None),
        ("specific", 0.6, None),
    ]
    assert {point.data for point in manifest.operating_points} == {"none: untrained"}


def test_untrained_bundle_is_a_function_of_its_seed(untrained_bundle, tmp_path):
    facts = {"ensemble": "mobilenet", "name": "mobilenet-untrained", "version": "0.1.0"}
    create_untrained(tmp_path / "same", seed=7, **facts)
    create_untrained(tmp_path / "other", seed=8, **facts)

    def content(folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    assert content(tmp_path / "same") == content(untrained_bundle)
    assert content(tmp_path / "other").keys() == content(untrained_bundle).keys()
    assert verify_bundle(tmp_path / "other").digest != verify_bundle(untrained_bundle).digest


def test_untrained_ensemble_holds_the_members_that_were_asked_for(tmp_path):
    with pytest.raises(UnknownArchitecture, match="resnet"):
        create_untrained(tmp_path / "new", ensemble="resnet", seed=1, name="n", version="1")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", ["mkdir", "touch"])
def test_bundle_is_never_written_over_something(tmp_path, make):
    target = tmp_path / "there"
    getattr(target, make)()

    with pytest.raises(BundleExists, match=re.escape(str(target))):
        create_bundle(target, members=two_members(), describe=tiny_manifest)

    assert list(tmp_path.iterdir()) == [target]


def test_bundle_that_cannot_be_finished_leaves_nothing_behind(tmp_path):
    def fail(_):
        raise RuntimeError("no manifest today")

    with pytest.raises(RuntimeError, match="no manifest today"):
        create_bundle(tmp_path / "deep" / "new", members=two_members(), describe=fail)

    assert list((tmp_path / "deep").iterdir()) == []


def test_finished_bundle_can_be_read_by_other_users(pristine_bundle):
    assert pristine_bundle.stat().st_mode & 0o777 == 0o755
    assert {path.name for path in pristine_bundle.iterdir()} == {
        "manifest.toml",
        "first.safetensors",
        "second.safetensors",
    }
