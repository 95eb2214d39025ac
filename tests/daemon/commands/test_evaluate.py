"""``ulna evaluate``: from a bundle and labeled pictures to tables, a document and a page."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from daemon.cli import main
from models.bundle.manifest import Manifest, MemberEntry, OperatingPoint, Preprocessing
from models.bundle.targets import FRACTURE
from models.bundle.writing import NewMember, create_bundle
from models.networks.member import build_member, initialize

QUICK = ("--resamples", "50", "--batch", "5", "--device", "cpu")


def _manifest(members: tuple[MemberEntry, ...]) -> Manifest:
    return Manifest(
        name="small",
        version="0.1.0",
        trained=False,
        license="Apache-2.0",
        intended_use="Tests.",
        training_data="none: untrained",
        target=FRACTURE,
        preprocessing=Preprocessing(input_size=(64, 64)),
        members=members,
        operating_points=(
            OperatingPoint(name="sensitive", threshold=0.5, data="none: untrained"),
            OperatingPoint(name="specific", threshold=0.6, data="none: untrained"),
        ),
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two MobileNets of small inputs and random weights."""
    folder = tmp_path_factory.mktemp("bundles") / "small"
    members = []
    for seed, name in enumerate(("one", "two")):
        member = build_member("mobilenet")
        initialize(member, seed)
        members.append(NewMember(name=name, architecture="mobilenet", member=member))
    create_bundle(folder, members=members, describe=_manifest)
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve studies of two pictures, every third abnormal: a square in noise. One file is cut short."""
    folder = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(5)
    rows = []
    for number in range(24):
        abnormal = number // 2 % 3 == 0
        pixels = generator.integers(0, 120, (80, 60), dtype=np.uint8)
        if abnormal:
            pixels[20:40, 10:30] = 250
        Image.fromarray(pixels).save(folder / f"{number}.png")
        boxes = "[[10, 20, 20, 20]]" if abnormal else ""
        region = "wrist" if number < 12 else "hand"
        rows.append((f"{number}.png", int(abnormal), "val", f"study{number // 2}", region, boxes))
    broken = folder / "23.png"
    broken.write_bytes(broken.read_bytes()[:500])
    with (folder / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "label", "split", "study", "region", "boxes"))
        writer.writerows(rows)
    return folder / "data.csv"


def evaluate(bundle: Path, data: object, *words: str) -> int:
    return main(["evaluate", str(bundle), "--data", str(data), *QUICK, *words])


def test_the_document_is_all_that_is_printed(
    bundle: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(bundle, f"csv:{table}", "--json", "--prevalence", "0.1") == 0
    document = json.loads(capsys.readouterr().out)

    assert document["data"]["studies"] == 12
    assert document["data"]["images"] == 23
    assert [Path(image).name for image, _ in document["data"]["unreadable"]] == ["23.png"]
    assert [each["name"] for each in document["classifiers"]] == ["ensemble", "one", "two"]
    assert {each["prevalence"] for each in document["triage"]} == {0.1}
    assert any("UNTRAINED" in warning for warning in document["warnings"])


def test_the_files_tell_what_the_tables_tell(
    bundle: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "evaluation"
    assert evaluate(bundle, f"csv:{table}", "--output", str(folder), "--paper-tables") == 0
    shown = capsys.readouterr().out

    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    document = json.loads((folder / "evaluation.json").read_text())
    page = (folder / "report.html").read_text()

    assert [Path(row["image"]).name for row in rows] == [f"{number}.png" for number in range(23)]
    auroc = roc_auc_score([row["label"] == "1" for row in rows], [float(row["ensemble"]) for row in rows])
    measured = document["measured"][0]
    assert (measured["classifier"], measured["level"], measured["subset"]["kind"]) == (
        "ensemble",
        "image",
        "overall",
    )
    assert measured["figures"]["auroc"]["value"] == pytest.approx(auroc)
    assert f"{auroc:.3f}" in shown
    assert f"{auroc:.3f}" in page
    for words in (
        "warning: The bundle is UNTRAINED",
        "23.png",
        "operating points",
        "ensemble by region",
        "maps on",
        "places outlined on flagged images",
        "positive class is NORMAL",
        "0.8340",
        "report.html",
    ):
        assert words in shown
    assert "Tables 3 and 4" in page


def test_nothing_is_overwritten_unless_asked(
    bundle: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.html").write_text("last year's")

    assert evaluate(bundle, f"csv:{table}", "--output", str(tmp_path)) == 1
    told = capsys.readouterr()
    assert "holds report.html already" in told.err
    assert told.out == ""
    assert (tmp_path / "report.html").read_text() == "last year's"

    assert evaluate(bundle, f"csv:{table}", "--output", str(tmp_path), "--overwrite", "--region", "hand") == 0
    assert "Evaluation of small 0.1.0" in (tmp_path / "report.html").read_text()


def test_only_the_regions_asked_for_are_read(
    bundle: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(bundle, f"csv:{table}", "--json", "--region", "wrist", "--variant", "pair=one,two") == 0
    document = json.loads(capsys.readouterr().out)

    assert document["data"]["regions"] == ["wrist"]
    assert document["data"]["images"] == 12
    assert document["classifiers"][-1] == {"name": "pair", "members": ["one", "two"]}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--split", "test"), "no images in the split 'test'; its splits are: val"),
        (("--region", "knee"), "no region knee; it has: hand, wrist"),
        (("--variant", "A"), "needs one member each of nasnetmobile"),
        (("--variant", "x=three"), "each must be one of the bundle's"),
    ],
)
def test_what_cannot_be_evaluated_is_told(
    bundle: Path, table: Path, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(bundle, f"csv:{table}", *words) == 1
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.out == ""


def test_bad_data_and_bundles_are_told(
    bundle: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text("image,label,split,study,region,mood\n")

    assert evaluate(bundle, f"csv:{odd}") == 1
    assert "unknown: 'mood'" in capsys.readouterr().err
    assert evaluate(bundle, "dicom:somewhere") == 1
    assert "mura:FOLDER" in capsys.readouterr().err
    assert evaluate(bundle, f"csv:{tmp_path / 'none.csv'}") == 1
    assert "none.csv" in capsys.readouterr().err
    assert evaluate(tmp_path / "nowhere", f"csv:{table}") == 1
    assert "manifest.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [(), ("--data",), ("--data", "csv:x", "--batch", "0"), ("--data", "csv:x", "--prevalence", "1")]
)
def test_wrong_use_exits_with_2(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "bundle", *words])
    assert ended.value.code == 2
