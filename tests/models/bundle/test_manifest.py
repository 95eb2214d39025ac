import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.bundle.manifest import (
    Manifest,
    MemberEntry,
    Metric,
    OperatingPoint,
    Preprocessing,
    identity_of,
    parse_manifest,
    read_identity,
    read_manifest,
)
from models.bundle.manifest_text import manifest_text
from models.bundle.targets import FRACTURE
from models.errors import BundleRefused, ManifestInvalid, UnknownOperatingPoint
from models.fold import Fold
from tests.models.builders import MANIFEST, an_identity, write_manifest


def refusal(text: str) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(text.encode(), path=Path("manifest.toml"))
    return str(caught.value)


def test_manifest_is_read_as_written(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "bundle"))

    assert (manifest.name, manifest.version, manifest.trained) == ("tiny", "0.1.0", False)
    assert [member.name for member in manifest.members] == ["first", "second"]
    assert manifest.preprocessing == Preprocessing(input_size=(64, 96), resize="square")
    assert manifest.operating_points[1].threshold == 0.6


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = 1\nsurprise = 3", "surprise"),
        ('name = "tiny"', 'name = "../tiny"', "name"),
        ('name = "tiny"', 'name = "tiny\\n"', "name"),
        ('name = "tiny"', f'name = "{"n" * 37}"', "name"),
        ('version = "0.1.0"', "version = 1", "version"),
        ("trained = false", 'trained = "false"', "trained"),
        ("trained = false", "", "trained"),
        ('"Tests."', '"T\u00e9sts."', "intended_use"),
        ("[64, 96]", "[64, 97]", r"preprocessing\.input_size\.1"),
        ("[64, 96]", "[64]", r"preprocessing\.input_size"),
        ("[64, 96]", '[64, 96]\nresize = "crop"', r"preprocessing\.resize"),
        ("[64, 96]", "[64, 96]\nstd = 0.0", r"preprocessing\.std"),
        ("[64, 96]", "[64, 96]\nmean = nan", r"preprocessing\.mean"),
        ("[64, 96]", "[64, 96]\nlower = 1.0", "lower must be below upper"),
        ('"first.safetensors"', '"../first.safetensors"', r"members\.0\.file"),
        ('"first.safetensors"', '"/tmp/first.safetensors"', r"members\.0\.file"),
        ('"first.safetensors"', '"first.pickle"', r"members\.0\.file"),
        ('"first.safetensors"', '"second.safetensors"', "repeated: second.safetensors"),
        ('name = "second"', 'name = "first"', "repeated: first"),
        ("a" * 64, "A" * 64, r"members\.0\.sha256"),
        ("a" * 64, "a" * 63, r"members\.0\.sha256"),
        ("threshold = 0.5", "threshold = 1.5", r"operating_points\.0\.threshold"),
        ("threshold = 0.5", 'threshold = "0.5"', r"operating_points\.0\.threshold"),
        ("threshold = 0.5", "threshold = 0.7", "must not be above"),
        ('name = "specific"', 'name = "special"', 'must hold "sensitive" and "specific"'),
        ("threshold = 0.5", "threshold = 0.5\nsensitivity = 0.9", "untrained bundle must not state"),
        ("threshold = 0.5", "threshold = 0.5\nsensitivity_interval = [0.8, 1.0]", "must contain sensitivity"),
    ],
)
def test_manifest_that_breaks_the_schema_is_refused_by_key(old, new, key):
    assert old in MANIFEST

    message = refusal(MANIFEST.replace(old, new, 1))

    assert re.search(key, message)
    assert message.startswith("manifest.toml: expected ")


def test_all_problems_are_reported_at_once():
    message = refusal(MANIFEST.replace("0.5", "5").replace("[64, 96]", "[65, 96]").replace("format", "from"))

    for key in ("operating_points.0.threshold", "preprocessing.input_size.0", "from"):
        assert key in message


def test_a_bundle_that_does_not_say_what_it_looks_for_is_told_what_to_add():
    target = MANIFEST[MANIFEST.index("[target]") : MANIFEST.index("[preprocessing]")]
    old = 'aggregation = "mean"\n' + MANIFEST.replace(target, "")

    message = refusal(old)

    assert "target: Field required" in message
    assert 'add what its members learned to find, e.g. [target] text = "fracture", code = {' in message
    assert 'replace aggregation = "mean" by fold = "mean"' in message
    # Where more is wrong, editing these two does not help.
    assert "install the bundle again" in refusal(old.replace("format = 1", "format = 2"))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('text = "fracture"', 'text = "Fracture"', r"target\.text"),
        ('text = "fracture"', f'text = "{"long " * 5}word"', r"target\.text"),
        ('value = "125605004"', 'value = "12\\\\5"', r"target\.code\.value"),
        ('not_looked_for = "dislocation"', 'not_looked_for = ""', r"target\.not_looked_for"),
        ("format = 1", 'format = 1\nfold = "median"', "fold"),
    ],
)
def test_a_target_or_fold_that_cannot_be_said_is_refused(old, new, key):
    assert old in MANIFEST
    assert re.search(key, refusal(MANIFEST.replace(old, new, 1)))


def test_interval_must_contain_its_value():
    with pytest.raises(ValueError, match="specificity_interval must contain specificity"):
        OperatingPoint(
            name="sensitive", threshold=0.5, specificity=0.5, specificity_interval=(0.6, 0.7), data="x"
        )


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name = ", b"", b"[[members]]\n" * 3])
def test_bytes_that_are_no_manifest_are_refused(content):
    with pytest.raises(ManifestInvalid):
        parse_manifest(content, path=Path("manifest.toml"))


def test_missing_manifest_is_refused_with_its_path(tmp_path):
    with pytest.raises(
        BundleRefused, match=re.escape(f"{tmp_path / 'manifest.toml'}: expected a readable file")
    ):
        read_manifest(tmp_path)


def test_manifest_in_place_of_which_is_a_folder_is_refused(tmp_path):
    (tmp_path / "manifest.toml").mkdir()

    with pytest.raises(ManifestInvalid, match="Is a directory"):
        read_manifest(tmp_path)


def test_manifest_of_a_megabyte_is_refused_unread(tmp_path):
    write_manifest(tmp_path, MANIFEST + "#" * 1_000_000)

    with pytest.raises(ManifestInvalid, match="at most 1000000 bytes"):
        read_manifest(tmp_path)


def test_manifest_text_is_read_back_equal():
    manifest = Manifest(
        name="full",
        version="2.0.1+a",
        created=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        trained=True,
        license='Says "yes" \\ and {no}',
        intended_use="Tests.",
        training_data="Phantoms.",
        fold=Fold.TWO_HIGHEST,
        target=FRACTURE,
        preprocessing=Preprocessing(
            input_size=(320, 320), resize="letterbox", lower=-1.0, mean=0.1, std=1e-7
        ),
        members=(MemberEntry(name="a", architecture="xception", file="a.safetensors", sha256="0" * 64),),
        operating_points=(
            OperatingPoint(
                name="sensitive", threshold=0.1, sensitivity=0.95, sensitivity_interval=(0.9, 0.97), data="x"
            ),
            OperatingPoint(name="specific", threshold=1.0, data="x"),
        ),
        metrics=(Metric(name="AUROC", value=0.9, interval=(0.8, 0.95), data="x"),),
    )

    text = manifest_text(manifest)

    assert parse_manifest(text.encode(), path=Path("manifest.toml")) == manifest
    assert manifest_text(manifest) == text


def test_manifest_without_metrics_is_read_back_equal():
    manifest = parse_manifest(MANIFEST.encode(), path=Path("manifest.toml"))

    assert parse_manifest(manifest_text(manifest).encode(), path=Path("manifest.toml")) == manifest


def test_identity_carries_what_outputs_state(tmp_path):
    identity = read_identity(write_manifest(tmp_path))

    assert identity.label == "tiny 0.1.0 UNTRAINED"
    assert identity.members == ("first", "second")
    assert re.fullmatch(r"[0-9a-f]{64}", identity.digest)
    assert identity.operating_point("specific").threshold == 0.6


def test_trained_bundle_has_a_plain_label():
    assert an_identity(trained=True).label == "ensemble200 0.1.0"


def test_longest_label_fits_64_characters():
    name, version = "n" * 36, "v" * 16
    text = MANIFEST.replace('name = "tiny"', f'name = "{name}"').replace("0.1.0", version)

    manifest = parse_manifest(text.encode(), path=Path("manifest.toml"))

    assert len(identity_of(manifest, text.encode()).label) <= 64


def test_unknown_operating_point_is_an_error_that_names_the_known():
    with pytest.raises(UnknownOperatingPoint, match="sensitive, specific"):
        an_identity().operating_point("other")


def test_digest_changes_with_any_byte_of_the_manifest():
    def digest(text: str) -> str:
        return identity_of(parse_manifest(text.encode(), path=Path("x")), text.encode()).digest

    variants = [
        MANIFEST,
        MANIFEST + "\n",
        MANIFEST.replace("0.6", "0.61"),
        MANIFEST.replace("a" * 64, "c" * 64),
    ]

    assert len({digest(text) for text in variants}) == len(variants)
    assert digest(MANIFEST) == digest(MANIFEST)
