"""``ulna train`` from the command line, on generated radiographs."""

from pathlib import Path

import pytest

from daemon.cli import main
from models.bundle.manifest import SENSITIVE, SPECIFIC, read_manifest
from tests.models.training.generated import samples, write_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WORDS = ["--license", "CC0", "--training-data", "generated bars"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    write_table(path, samples(tmp_path / "data", 12) + samples(tmp_path / "data", 8, split="val", seed=1))
    return path


def train(table: Path, folder: Path, *options: str) -> int:
    quick = ["--members", "mobilenet", "--recipe", "paper", "--epochs", "3", "--learning-rate", "0.001"]
    return main(["train", str(folder), "--data", f"csv:{table}", *quick, *WORDS, "--workers", "0", *options])


def test_the_papers_recipe_ends_in_a_bundle_of_raw_sigmoids(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert train(table, tmp_path / "run") == 0
    manifest = read_manifest(tmp_path / "run" / "bundle")
    assert manifest.averages_raw_sigmoids
    assert {point.threshold for point in manifest.operating_points} == {0.5}
    assert manifest.calibration_data is None
    assert manifest.training_recipe == "paper; mobilenet from none; epochs mobilenet 3; seed 0"


def test_a_member_that_learned_nothing_makes_no_bundle_and_its_checkpoint_is_named(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "run"
    assert train(table, folder, "--epochs", "1", "--learning-rate", "1e-12") == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "not above chance" in told
    assert str(folder / "mobilenet" / "checkpoint.pt") in told
    assert (folder / "mobilenet" / "checkpoint.pt").exists()
    assert not (folder / "bundle").exists()


def test_one_epoch_without_weights_is_refused_with_what_is_possible(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert train(table, tmp_path / "run", "--recipe", "ulna", "--epochs", "1") == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "mobilenet starts from nothing" in told
    assert "--epochs 3 is possible" in told
    assert not (tmp_path / "run").exists()


def test_calibration_of_the_papers_members_is_an_option_that_says_whose_it_is(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "run"
    assert (
        train(table, folder, "--rule", "ulna", "--operating-level", "image", "--attribution", "nobody") == 0
    )
    assert "mobilenet epoch 3" in capsys.readouterr().err
    assert main(["bundle", "verify", str(folder / "bundle")]) == 0
    manifest = read_manifest(folder / "bundle")
    assert manifest.trained
    assert manifest.training_data == "generated bars; 12 images, 6 of them abnormal"
    assert manifest.attribution == "nobody"
    assert manifest.training_recipe == (
        "paper; mobilenet from none; epochs mobilenet 3; seed 0; "
        "calibration, votes and operating points are ulna's own, not the paper's"
    )
    (member,) = manifest.members
    assert member.calibration.scale != 1.0
    points = {point.name: point for point in manifest.operating_points}
    assert points.keys() == {SENSITIVE, SPECIFIC, "sensitivity-90", "sensitivity-98"}
    assert points[SENSITIVE].sensitivity == 1.0
    assert points[SENSITIVE].data == "generated bars, val; 8 images, 4 of them abnormal; per image"
    assert {metric.name for metric in manifest.metrics} >= {"auroc ensemble", "auroc mobilenet"}
    # Weights as float16: half of 3.23 million parameters' four bytes.
    assert (folder / "bundle" / member.file).stat().st_size < 6_700_000
    # Evaluated on the images that calibrated it, it says so beside the figures; on others it does not.
    capsys.readouterr()
    for split, flatters in (("val", True), ("train", False)):
        assert evaluated(folder / "bundle", table, split) == 0
        shown = capsys.readouterr().out
        assert ("to these very images" in shown) is flatters
        assert ("! measured on images that calibrated the bundle" in shown) is flatters
        assert ("1.000 !" in shown) is flatters
        assert "ulna's own, not the paper's" in " ".join(shown.split())


def evaluated(bundle: Path, table: Path, split: str) -> int:
    return main(["evaluate", str(bundle), "--data", f"csv:{table}", "--split", split, "--resamples", "20"])


def test_a_finished_run_is_not_written_over(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "run" / "bundle").mkdir(parents=True)
    assert train(table, tmp_path / "run") == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--init", "keras:nowhere.h5"], "nowhere.h5: cannot be read"),
        (["--init", "xception=none"], "xception is not among the members"),
        (["--init", "imagenet"], "keras:FILE"),
        (["--teacher", "xception"], "xception is not among the members"),
        (["--teacher", "mobilenet="], "bundle:BUNDLE"),
        (["--teacher", "mobilenet=torchvision"], "comes from a bundle, not from torchvision"),
        (["--teacher", "mobilenet", "--teacher", "xception"], "one member can teach the others"),
        (["--teacher", "=bundle:ensemble200-fracatlas"], "which member of ensemble200-fracatlas"),
        (["--train-split", "holidays"], "holidays"),
        (["--device", "cuda"], "cuda"),
    ],
)
def test_what_cannot_be_trained_is_said_before_training(
    options: list[str], reason: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert train(table, tmp_path / "run", *options) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
