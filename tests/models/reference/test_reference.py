"""A bundle's reference: fitted, written, read back, and what it warns of."""

import numpy as np
import pytest
import safetensors.numpy
import torch

from models.bundle.loading import Bundle, load_bundle, verify_bundle
from models.bundle.manifest import Preprocessing, read_identity, read_manifest
from models.bundle.writing import NewMember, create_bundle
from models.ensemble import open_ensemble
from models.errors import HashMismatch, ManifestInvalid, ReferenceMissing, SamplesInsufficient, ShapeMismatch
from models.networks.member import build_member, initialize
from models.preprocess import displayed, preprocess
from models.reference.drift import InputWarning
from models.reference.fitting import ReferenceInputs, reference_of
from tests.models.bundles import replace_file, tiny_manifest
from tests.models.radiograph_like import SIZE, limbs, lying_limbs, noise, screenshots

SPEC = Preprocessing(input_size=SIZE, lower=-1.0, upper=1.0, resize="letterbox")


def inputs(images):
    return (preprocess(image, SPEC) for image in images)


@pytest.fixture(scope="module")
def members():
    """Two random members with features that differ; only the features matter here."""
    made = {}
    for name, seed in (("first", 1), ("second", 2)):
        made[name] = build_member("mobilenet")
        initialize(made[name], seed)
    return made


@pytest.fixture(scope="module")
def without_others(members):
    given = ReferenceInputs(training=inputs(limbs(200, seed=1)), validation=inputs(limbs(100, seed=2)))
    return reference_of(members, given, SPEC, data="limbs")


@pytest.fixture(scope="module")
def new_reference(members):
    given = ReferenceInputs(
        training=inputs(limbs(200, seed=1)),
        validation=inputs(limbs(100, seed=2)),
        others=inputs(lying_limbs(60, seed=3)),
    )
    return reference_of(members, given, SPEC, data="limbs, and lying ones as other parts")


def write(folder, members, reference):
    create_bundle(
        folder,
        members=[NewMember(name=n, architecture="mobilenet", member=m) for n, m in members.items()],
        describe=lambda entries: tiny_manifest(entries).model_copy(update={"preprocessing": SPEC}),
        reference=reference,
    )
    return folder


@pytest.fixture(scope="module")
def folder(members, new_reference, tmp_path_factory):
    return write(tmp_path_factory.mktemp("reference") / "bundle", members, new_reference)


@pytest.fixture
def spoiled(members, new_reference, tmp_path):
    """The same bundle, to be spoiled."""
    return write(tmp_path / "bundle", members, new_reference)


def checks(bundle: Bundle, images):
    readings = open_ensemble(bundle, "cpu").read(np.stack(list(inputs(images))))
    return [reading.input_check for reading in readings]


def warnings(bundle: Bundle, images):
    return [check.warning for check in checks(bundle, images)]


def test_held_out_images_of_the_same_kind_rarely_warn(folder):
    warned = [warning for warning in warnings(load_bundle(folder), limbs(100, seed=7)) if warning]

    assert len(warned) <= 5


@pytest.mark.parametrize(
    ("images", "warning"),
    [
        ([1.0 - image for image in limbs(10, seed=5)], InputWarning.INVERTED),
        (lying_limbs(10, seed=5), InputWarning.BODY_PART),
        (noise(5), None),
        (screenshots(5), None),
        ([np.full(SIZE, level, dtype=np.float32) for level in (0.0, 0.5, 1.0)], None),
    ],
    ids=["inverted", "another body part", "noise", "screenshots", "blank"],
)
def test_what_does_not_belong_warns(folder, images, warning):
    found = warnings(load_bundle(folder), images)

    assert None not in found
    assert warning is None or found.count(warning) > len(found) / 2


def test_inverted_images_are_known_in_a_letterbox_too(folder):
    narrow = [1.0 - image[:, 8:88] for image in limbs(5, seed=5)]

    assert warnings(load_bundle(folder), narrow) == [InputWarning.INVERTED] * 5


def test_limits_hold_the_stated_share_of_the_validation_images(folder, new_reference):
    found = warnings(load_bundle(folder), limbs(100, seed=2))

    assert new_reference.quantile == 0.99
    assert found.count(None) == 99


def test_without_images_of_other_parts_none_is_named(without_others, members, tmp_path):
    bundle = load_bundle(write(tmp_path / "bundle", members, without_others))

    assert without_others.reference.limits.body_part is None
    assert InputWarning.BODY_PART not in warnings(bundle, lying_limbs(10, seed=5))
    assert None not in warnings(bundle, noise(3))


def test_a_warning_changes_no_number(folder, members, tmp_path):
    views = np.stack(list(inputs([*limbs(2, seed=5), *noise(2)])))
    plain = open_ensemble(load_bundle(write(tmp_path / "plain", members, None)), "cpu")

    assert open_ensemble(load_bundle(folder), "cpu").predict(views) == plain.predict(views)
    assert [reading.input_check for reading in plain.read(views)] == [None] * 4


def test_manifest_says_what_the_reference_was_made_of(folder):
    entry = read_manifest(folder).reference

    assert entry is not None
    assert (entry.training_images, entry.validation_images, entry.other_images) == (200, 100, 60)
    assert (entry.quantile, entry.file, entry.data) == (
        0.99,
        "reference.safetensors",
        "limbs, and lying ones as other parts",
    )


def test_reference_read_back_gives_the_same_checks(folder, members, new_reference):
    views = np.stack(list(inputs([*limbs(6, seed=5), *lying_limbs(6, seed=5)])))
    embeddings = {
        name: member(torch.from_numpy(views)[:, None].expand(-1, 3, -1, -1)).embedding.detach().numpy()
        for name, member in members.items()
    }
    direct = new_reference.reference.check(displayed(views, SPEC), embeddings)

    read = checks(load_bundle(folder), [*limbs(6, seed=5), *lying_limbs(6, seed=5)])

    assert [check.distance for check in read] == pytest.approx([c.distance for c in direct], rel=1e-3)
    assert [check.warning for check in read] == [check.warning for check in direct]


def test_the_same_images_give_the_same_bytes(folder, spoiled):
    for name in ("reference.safetensors", "manifest.toml"):
        assert (folder / name).read_bytes() == (spoiled / name).read_bytes()


def test_a_small_change_of_the_reference_file_is_refused_and_its_hash_is_in_the_digest(spoiled):
    path, digest = spoiled / "reference.safetensors", read_identity(spoiled).digest
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(HashMismatch, match=r"reference\.safetensors"):
        verify_bundle(spoiled)

    replace_file(spoiled, "reference", bytes(content))  # gives the manifest no new hash: it holds the old one
    (spoiled / "manifest.toml").write_text(
        (spoiled / "manifest.toml").read_text().replace("limbs, and", "limbs; and")
    )
    assert read_identity(spoiled).digest != digest


def test_a_missing_reference_file_is_refused_by_name(spoiled):
    (spoiled / "reference.safetensors").unlink()

    with pytest.raises(ReferenceMissing, match=r"reference\.safetensors: expected a readable reference file"):
        load_bundle(spoiled)


def _drop(state):
    del state["members/first/axes"]


def _shorten(state):
    state["members/first/mean"] = state["members/first/mean"][:-1]


def _narrow(state):
    state |= {f"members/first/{part}": state[f"members/first/{part}"][..., :9] for part in ("mean", "axes")}
    state["members/first/axes"] = state["members/first/axes"][:8]
    state["members/first/variances"] = state["members/first/variances"][:8]


def _spoil(state):
    state["tones/rest"] = np.array([np.nan], dtype=np.float32)


def _fewer_tones(state):
    state |= {
        "tones/mean": state["tones/mean"][:5],
        "tones/axes": np.eye(2, 5, dtype=np.float32),
        "tones/variances": np.ones(2, dtype=np.float32),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop, "missing: members/first/axes"),
        (_shorten, "do not fit"),
        (_narrow, "embeddings of 1024 numbers"),
        (_spoil, "finite"),
        (_fewer_tones, "tones are 5 numbers, not 11"),
        (lambda state: state.update({"more": np.zeros(1, dtype=np.float32)}), "unknown: more"),
    ],
    ids=["lacking", "shape", "another member", "not a number", "other tones", "surplus"],
)
def test_a_reference_of_other_members_is_refused_though_its_hash_fits(spoiled, change, message):
    state = safetensors.numpy.load((spoiled / "reference.safetensors").read_bytes())
    change(state)
    replace_file(spoiled, "reference", safetensors.numpy.save(state))

    with pytest.raises(ShapeMismatch, match=rf"reference\.safetensors: .*{message}"):
        load_bundle(spoiled)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("quantile = 0.99", "quantile = 1.5", "reference.quantile"),
        ("training_images = 200", "training_images = -1", "reference.training_images"),
        ('file = "reference.safetensors"', 'file = "../x.safetensors"', "reference.file"),
        ('file = "reference.safetensors"', 'file = "first.safetensors"', "members.file must be distinct"),
        ("limits = { tones = ", "limits = { tones = -", "reference.limits.tones"),
    ],
)
def test_a_reference_table_that_breaks_the_schema_is_refused_by_key(spoiled, old, new, key):
    path = spoiled / "manifest.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    with pytest.raises(ManifestInvalid, match=key):
        read_manifest(spoiled)


@pytest.mark.parametrize(
    ("counts", "kind"),
    [((15, 40, 0), "15"), ((0, 40, 0), "found 0"), ((20, 15, 0), "15"), ((20, 40, 3), "3")],
)
def test_too_few_images_are_refused(members, counts, kind):
    training, validation, others = (inputs(limbs(count, seed=4)) for count in counts)
    given = ReferenceInputs(training=training, validation=validation, others=others)

    with pytest.raises(SamplesInsufficient, match=f"needs.*{kind}"):
        reference_of(members, given, SPEC, data="too few")
