"""``ulna bundle assemble``: two runs become one bundle."""

import shutil
from pathlib import Path

import pytest

from daemon.cli import main
from models.bundle.loading import load_bundle
from models.bundle.manifest import read_manifest
from models.bundle.targets import ABNORMALITY, FRACTURE
from models.fold import Fold
from tests.models.training.generated import samples, write_table

WORDS = ["--license", "CC0", "--training-data", "generated bars"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bars")
    path = folder / "bars.csv"
    write_table(path, samples(folder / "data", 12) + samples(folder / "data", 8, split="val", seed=1))
    return path


@pytest.fixture(scope="module")
def runs(table: Path) -> list[Path]:
    """The bundles of two trainings that differ in their seeds."""
    bundles = []
    for seed in ("0", "1"):
        folder = table.parent / f"run{seed}"
        quick = ["--members", "mobilenet", "--recipe", "paper", "--epochs", "3", "--learning-rate", "0.001"]
        data = ["--data", f"csv:{table}", "--workers", "0", "--seed", seed]
        assert main(["train", str(folder), *data, *quick, *WORDS]) == 0
        bundles.append(folder / "bundle")
    return bundles


def assemble(new: Path, table: Path, *options: str) -> int:
    return main(["bundle", "assemble", str(new), "--data", f"csv:{table}", *WORDS, *options])


def test_two_runs_become_one_calibrated_bundle(
    runs: list[Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    both = ",".join(map(str, runs))
    assert assemble(tmp_path / "bars", table, "--member", f"mobilenet={both}") == 0

    assert "operating point" in capsys.readouterr().out
    manifest = read_manifest(tmp_path / "bars")
    assert manifest.name == "bars"
    assert manifest.trained
    assert (manifest.target, manifest.fold) == (ABNORMALITY, Fold.HIGHEST)
    assert manifest.training_recipe == (
        "members of other bundles; mobilenet: mobilenet-paper 0.1.0 and mobilenet-paper 0.1.0"
    )
    heads = [load_bundle(path).members["mobilenet"].head.weight for path in (*runs, tmp_path / "bars")]
    assert heads[2].tolist() == ((heads[0] + heads[1]) / 2).half().float().tolist()
    calibrations = [read_manifest(path).members[0].calibration for path in (*runs, tmp_path / "bars")]
    assert calibrations[2] not in calibrations[:2]


def test_what_is_looked_for_must_be_said_where_the_bundles_differ(
    runs: list[Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = tmp_path / "other"
    shutil.copytree(runs[1], other)
    text = (other / "manifest.toml").read_text()
    (other / "manifest.toml").write_text(text.replace('text = "abnormality"', 'text = "tumor"'))
    both = f"mobilenet={runs[0]},{other}"

    assert assemble(tmp_path / "new", table, "--member", both) == 1
    assert "look for abnormality and tumor" in capsys.readouterr().err
    assert assemble(tmp_path / "new", table, "--member", both, "--target", "fracture", "--fold", "mean") == 0
    manifest = read_manifest(tmp_path / "new")
    assert (manifest.target, manifest.fold) == (FRACTURE, Fold.MEAN)
    assert "looks for: fracture. not looked for: dislocation" in capsys.readouterr().out


def test_nothing_is_written_over(runs: list[Path], table: Path, capsys: pytest.CaptureFixture[str]):
    assert assemble(runs[0], table, "--member", f"mobilenet={runs[1]}") == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("member", ["mobilenet", "mobilenet=", "=somewhere"])
def test_a_member_without_a_bundle_is_refused(
    member: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert assemble(tmp_path / "new", table, "--member", member) == 1
    assert "expected NAME=BUNDLE" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_bundles_teach_without_being_trained(runs: list[Path], table: Path, tmp_path: Path):
    folder = tmp_path / "taught"
    quick = ["--members", "mobilenet", "--recipe", "paper", "--epochs", "1"]
    teachers = ["--teacher", f"mobilenet=bundle:{runs[0]}", "--teacher", f"mobilenet=bundle:{runs[1]}"]
    taught = [*teachers, "--init", f"bundle:{runs[1]}"]
    data = ["--data", f"csv:{table}", "--workers", "0"]
    before = (runs[0] / "mobilenet.safetensors").read_bytes()

    assert main(["train", str(folder), *data, *quick, *taught, *WORDS]) == 0

    recipe = read_manifest(folder / "bundle").training_recipe
    assert recipe is not None
    teacher = "mobilenet of mobilenet-paper 0.1.0"
    assert f"taught by {teacher} and {teacher}" in recipe
    assert (runs[0] / "mobilenet.safetensors").read_bytes() == before


def test_a_teacher_that_sees_other_inputs_is_refused(
    runs: list[Path], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    taught = ["--members", "mobilenet", "--teacher", f"mobilenet=bundle:{runs[0]}"]
    data = ["--data", f"csv:{table}", "--workers", "0"]

    assert main(["train", str(tmp_path / "run"), *data, *taught, *WORDS]) == 1

    assert "take a teacher of the same recipe" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
