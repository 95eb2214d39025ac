"""``ulna bundle add-reference`` as it is typed."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.cli import main
from models.bundle.loading import load_bundle
from models.bundle.manifest import Preprocessing, read_manifest
from models.bundle.writing import NewMember, create_bundle
from models.ensemble import open_ensemble
from models.networks.member import build_member, initialize
from models.preprocess import preprocess
from tests.models.bundles import tiny_manifest, two_members
from tests.models.radiograph_like import SIZE, limbs, lying_limbs

SPEC = Preprocessing(input_size=SIZE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle without a reference."""
    folder = tmp_path_factory.mktemp("plain") / "bundle"
    member = build_member("mobilenet")
    initialize(member, 1)
    create_bundle(
        folder,
        members=[NewMember(name="mobilenet", architecture="mobilenet", member=member, half=True)],
        describe=lambda entries: tiny_manifest(entries).model_copy(update={"preprocessing": SPEC}),
    )
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Limbs to train and validate, lying ones as another region, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for split, region, images in (
        ("train", "wrist", limbs(40, seed=1)),
        ("val", "wrist+hand", limbs(20, seed=2)),
        ("train", "leg", lying_limbs(20, seed=3)),
        ("val", "wrist+leg", lying_limbs(20, seed=4)),
    ):
        for number, image in enumerate(images):
            name = f"{split}-{region}-{number}.png"
            Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(folder / name)
            rows.append((name, "0", split, name, region))
    (folder / "broken.png").write_bytes(b"no picture")
    rows.append(("broken.png", "0", "train", "broken", "wrist"))
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label", "split", "study", "region"), *rows])
    return folder / "table.csv"


def add(plain: Path, new: Path, table: Path, *more: str) -> int:
    words = ["bundle", "add-reference", str(plain), str(new), "--data", f"csv:{table}", "--device", "cpu"]
    return main([*words, "--description", "drawn limbs", *more])


def test_the_copy_knows_its_training_data_and_other_regions(
    plain: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(plain, tmp_path / "new", table, "--regions", "wrist,hand", "--json") == 0
    stated, old = read_manifest(tmp_path / "new"), read_manifest(plain)
    assert stated.reference is not None
    assert stated.reference.limits.body_part is not None
    images = (
        stated.reference.training_images,
        stated.reference.validation_images,
        stated.reference.other_images,
    )
    assert (images, stated.reference.data) == ((40, 20, 20), "drawn limbs")
    assert stated.model_copy(update={"reference": None}) == old
    weights = "mobilenet.safetensors"
    assert (tmp_path / "new" / weights).read_bytes() == (plain / weights).read_bytes()
    bundle = load_bundle(tmp_path / "new")
    assert json.loads(capsys.readouterr().out)["digest"] == bundle.identity.digest
    inputs = np.stack([preprocess(image, SPEC) for image in lying_limbs(6, seed=8)])
    checks = [reading.input_check for reading in open_ensemble(bundle, "cpu").read(inputs)]
    assert all(check is not None and check.warning is not None for check in checks)


def test_without_regions_all_are_its_own(plain: Path, table: Path, tmp_path: Path) -> None:
    assert add(plain, tmp_path / "new", table) == 0
    reference = read_manifest(tmp_path / "new").reference
    assert reference is not None
    assert (reference.training_images, reference.validation_images, reference.other_images) == (60, 40, 0)
    assert reference.limits.body_part is None


def test_a_reference_of_one_member_compares_its_features_only(table: Path, tmp_path: Path) -> None:
    create_bundle(
        tmp_path / "two",
        members=[replace(each, half=True) for each in two_members()],
        describe=lambda entries: tiny_manifest(entries).model_copy(update={"preprocessing": SPEC}),
    )
    assert add(tmp_path / "two", tmp_path / "new", table, "--members", "second") == 0
    reference = load_bundle(tmp_path / "new").reference
    assert reference is not None
    assert list(reference.statistics.members) == ["second"]


def test_an_unknown_member_is_named(
    plain: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(plain, tmp_path / "new", table, "--members", "mobilenet,vgg16") != 0
    assert "the bundle has mobilenet, not vgg16" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_region_without_images_is_told_and_nothing_is_written(
    plain: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(plain, tmp_path / "new", table, "--regions", "elbow") != 0
    assert "16 training images, found 0" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(
    plain: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new").mkdir()
    assert add(plain, tmp_path / "new", table) != 0
    assert "exists already" in " ".join(capsys.readouterr().err.split())
