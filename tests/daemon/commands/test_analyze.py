"""``ulna analyze``: files without a daemon."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless

from daemon.cli import main
from dicom_io.decoding.pixels import read_view
from models.bundle.loading import load_bundle
from models.ensemble import open_ensemble
from models.picture import read_picture
from models.preprocess import preprocess
from models.rendering.view_page import render_page
from models.rendering.words import Caption
from tests.daemon.users import WITHOUT_ROOTS_RIGHTS
from tests.dicom_io.decoding.compressed import compressed_by_dcmtk, with_frame
from tests.dicom_io.reading.unknown_vrs import with_vr
from tests.factories import encode, make_instance, ramp, uid, write_instance


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (200, 1))).save(folder / "a.png")
    write_instance(make_instance(study=1, instance=1), folder / "b.dcm")
    write_instance(make_instance(study=1, instance=2, photometric="MONOCHROME1"), folder / "c.dcm")
    return folder


def _analyze(capsys: pytest.CaptureFixture[str], bundle: Path, *words: object) -> tuple[int, str]:
    status = main(["analyze", "--bundle", str(bundle), "--allow-untrained", *map(str, words)])
    return status, capsys.readouterr().out


def test_json_gives_what_the_ensemble_says_of_each_file(
    bundle: Path, files: Path, capsys: pytest.CaptureFixture[str]
):
    status, shown = _analyze(capsys, bundle, "--json", files)
    assert status == 0
    picture, study = json.loads(shown)
    ensemble = open_ensemble(load_bundle(bundle), "cpu")
    for view, image in (
        (picture["views"][0], read_picture(files / "a.png")),
        (study["views"][0], read_view(files / "b.dcm").image),
        (study["views"][1], read_view(files / "c.dcm").image),
    ):
        ((expected,),) = ensemble.predict(preprocess(image, ensemble.preprocessing)[None])
        assert view["members"] == {"mobilenet": pytest.approx(expected.probability, abs=1e-6)}
    assert study["study"] == uid(1)
    assert study["probability"] == pytest.approx(np.mean([v["probability"] for v in study["views"]]))
    assert study["views"][0]["region"] == "WRIST"
    assert {(view["input_warning"], view["input_distance"]) for view in study["views"]} == {("", None)}


def test_json_gives_parts_places_and_what_was_looked_for(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "wrists"
    folder.mkdir()
    for number, side in enumerate("LRR", start=1):
        wrist = make_instance(instance=number, ImageLaterality=side)
        write_instance(wrist, folder / f"{number}.dcm")
    loud = bundle.parent / "loud"
    shutil.copytree(bundle, loud, dirs_exist_ok=True)
    text = (loud / "manifest.toml").read_text()
    (loud / "manifest.toml").write_text(text.replace("threshold = 0.5\n", "threshold = 0.0\n"))

    (study,) = json.loads(_analyze(capsys, loud, "--json", folder)[1])
    (quiet,) = json.loads(_analyze(capsys, bundle, "--json", folder)[1])

    assert study["target"] == "abnormality"
    views = study["views"]
    assert [view["part"] for view in views] == ["left wrist", "right wrist", "right wrist"]
    left, right = study["parts"]
    assert (left["part"], left["views"], right["part"], right["views"]) == ("left wrist", 1, "right wrist", 2)
    assert right["probability"] == pytest.approx((views[1]["probability"] + views[2]["probability"]) / 2)
    assert study["probability"] == max(left["probability"], right["probability"])
    for view in views:
        assert 1 <= len(view["places"]) <= 3
        for place in view["places"]:
            rows, columns = np.array(place["outline"]).T
            assert 0 <= rows.min() <= place["peak_at"][0] <= rows.max() <= 256
            assert 0 <= columns.min() <= place["peak_at"][1] <= columns.max() <= 192
    reached = [view["probability"] >= 0.5 for view in quiet["views"]]
    assert [bool(view["places"]) for view in quiet["views"]] == reached


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_analyzed(
    bundle: Path, files: Path, capsys: pytest.CaptureFixture[str]
):
    (files / "d.png").write_bytes((files / "a.png").read_bytes()[:200])
    (files / "e.dcm").write_bytes(b"rubbish")
    status, shown = _analyze(capsys, bundle, "--json", files)
    assert status == 1
    reasons = {Path(v["path"]).name: v["reason"] for study in json.loads(shown) for v in study["views"]}
    assert {name: bool(reason) for name, reason in reasons.items()} == {
        "a.png": False,
        "b.dcm": False,
        "c.dcm": False,
        "d.png": True,
        "e.dcm": True,
    }


def test_what_this_user_may_not_read_is_told_and_the_others_are_analyzed(bundle: Path, files: Path):
    (files / "b.dcm").chmod(0)
    shutil.copy(files / "a.png", files / "d.png")
    (files / "d.png").chmod(0)
    hidden = files.parent / "hidden"
    hidden.mkdir(mode=0o600)
    (hidden / "x.dcm").touch()
    words = ["analyze", "--bundle", bundle, "--allow-untrained", "--json", files, hidden / "x.dcm"]
    command = [*WITHOUT_ROOTS_RIGHTS, sys.executable, "-m", "daemon", *map(str, words)]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert f"left out: {hidden}/x.dcm is in a folder that this user may not look into" in ended.stderr
    views = [view for study in json.loads(ended.stdout) for view in study["views"]]
    assert {Path(view["path"]).name: view["reason"] for view in views} == {
        "a.png": "",
        "b.dcm": "the file cannot be read: Permission denied",
        "c.dcm": "",
        "d.png": "the file cannot be read: Permission denied",
    }


def test_output_holds_overlays_and_the_dicom_results(
    bundle: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    status, shown = _analyze(capsys, bundle, "--output", tmp_path / "out", files)
    assert status == 0
    assert "UNTRAINED; other findings were not looked for; not for diagnostic use" in " ".join(shown.split())
    written = sorted(path.name.partition("-")[0] for path in (tmp_path / "out").glob("*.dcm"))
    assert written == ["OT", "OT", "SR"]
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "a-overlay.png",
        "b-overlay.png",
        "c-overlay.png",
    }
    (report,) = (tmp_path / "out").glob("SR-*.dcm")
    assert dcmread(report).StudyInstanceUID == uid(1)


def test_a_result_of_ulna_gets_no_result(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_instance(make_instance(), tmp_path / "a.dcm")
    _analyze(capsys, bundle, "--output", tmp_path / "first", tmp_path / "a.dcm")
    (report,) = (tmp_path / "first").glob("SR-*.dcm")
    status, shown = _analyze(capsys, bundle, "--json", "--output", tmp_path / "second", report)
    ((study),) = json.loads(shown)
    assert (status, study["category"], study["instances"][0]["state"]) == (1, "not analyzed", "excluded")
    assert list((tmp_path / "second").iterdir()) == []


def test_files_that_are_named_alike_have_an_overlay_each(
    bundle: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for folder in ("left", "right"):
        (files / folder).mkdir()
        shutil.copy(files / "a.png", files / folder / "image1.png")
    status, _ = _analyze(capsys, bundle, "--output", tmp_path / "out", files)
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [
        "a-overlay.png",
        "b-overlay.png",
        "c-overlay.png",
        "left-image1.png-overlay.png",
        "right-image1.png-overlay.png",
    ]


def test_a_missing_path_is_told_and_the_others_are_analyzed(
    bundle: Path, files: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["--allow-untrained", "--json", str(files / "none.png"), str(files / "a.png")]
    assert main(["analyze", "--bundle", str(bundle), *words]) == 1
    shown = capsys.readouterr()
    ((view,),) = (study["views"] for study in json.loads(shown.out))
    assert (view["path"], view["reason"]) == (str(files / "a.png"), "")
    assert f"{files / 'none.png'} does not exist" in shown.err


@pytest.mark.parametrize("size", [(5, 5), (127, 400), (400, 127)])
def test_a_picture_too_small_to_be_a_radiograph_is_not_analyzed(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: tuple[int, int]
):
    Image.new("L", size, 99).save(tmp_path / "a.png")
    status, shown = _analyze(capsys, bundle, "--json", tmp_path / "a.png")
    ((view,),) = (study["views"] for study in json.loads(shown))
    assert (status, view["probability"]) == (1, None)
    assert view["reason"] == "this image is smaller than 128 x 128 pixels"


@pytest.fixture
def children(tmp_path: Path) -> Path:
    """A study of a child and one of nobody knows whom, both of long ago, where such are excluded."""
    folder = tmp_path / "children"
    folder.mkdir()
    child = make_instance(study=1, StudyDate="20190301", PatientBirthDate="20160212")
    write_instance(child, folder / "a.dcm")
    write_instance(make_instance(study=2, StudyDate="20190301", PatientBirthDate=""), folder / "b.dcm")
    write_instance(make_instance(study=3, StudyDate="20190301"), folder / "c.dcm")
    (tmp_path / "config.toml").write_text(
        '[study]\nminimum_age_years = 16\nbelow_minimum_age = "exclude"\nbeyond_max_age = "exclude"\n'
    )
    return folder


def test_whoever_names_a_file_has_it_read_whatever_the_age_and_is_cautioned(
    bundle: Path, children: Path, capsys: pytest.CaptureFixture[str]
):
    config = ("--config", children.parent / "config.toml")
    status, shown = _analyze(capsys, bundle, *config, "--json", children)
    views = [view for study in json.loads(shown) for view in study["views"]]
    assert status == 0
    assert [view["age_caution"] for view in views] == ["younger", "unknown", ""]
    assert [view["reason"] for view in views] == ["", "", ""]
    assert all(view["probability"] is not None for view in views)
    _, shown = _analyze(capsys, bundle, *config, children)
    said = " ".join(shown.split())
    assert f"study {uid(1)}: CAUTION: the patient is younger than 16 years" in said
    assert f"study {uid(2)}: CAUTION: the patient's age is not known" in said
    assert uid(3) not in said


def test_a_picture_says_no_age_and_is_not_asked(
    bundle: Path, files: Path, capsys: pytest.CaptureFixture[str]
):
    _, shown = _analyze(capsys, bundle, "--json", files / "a.png")
    ((study),) = json.loads(shown)
    assert study["views"][0]["age_caution"] == ""


def test_the_caution_about_the_age_is_in_report_and_pictures(
    bundle: Path, children: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
):
    captions: list[Caption] = []

    def render(view, finding, caption, *rest):
        captions.append(caption)
        return render_page(view, finding, caption, *rest)

    monkeypatch.setattr("daemon.commands.analyze.render_page", render)
    monkeypatch.setattr("daemon.pipeline.kinds.secondary_capture.render_page", render)
    _analyze(capsys, bundle, "--output", tmp_path / "out", children / "a.dcm")
    (report,) = (tmp_path / "out").glob("SR-*.dcm")
    caution = (
        "CAUTION: the patient is younger than 18 years, for whom the model was not tested; "
        "treat the result with caution."
    )
    texts = [element.value for element in dcmread(report).iterall() if element.keyword == "TextValue"]
    assert sum(caution in text for text in texts) == 1
    assert [caption.caution for caption in captions] == [caution, caution]


@pytest.mark.parametrize("vr", [b"  ", b"lo"])
def test_an_unknown_vr_in_a_header_costs_no_result(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], vr: bytes
):
    file = tmp_path / "a.dcm"
    file.write_bytes(with_vr(encode(make_instance()), "Manufacturer", vr))
    status, _ = _analyze(capsys, bundle, "--output", tmp_path / "out", file)
    assert status == 0
    assert sorted(dcmread(path).Modality for path in (tmp_path / "out").glob("*.dcm")) == ["OT", "SR"]


def test_a_bundle_of_random_weights_must_be_allowed(
    bundle: Path, files: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["analyze", "--bundle", str(bundle), str(files)]) == 2
    assert "allow_untrained" in capsys.readouterr().err


def test_frames_that_end_other_decoders_cost_no_other_file(
    bundle: Path, files: Path, capsys: pytest.CaptureFixture[str]
):
    # 7 bits below 8 in RLE are valid; one decoder in wide use aborts on them.
    seven_bits = make_instance(study=2, pixels=ramp(256, 192, 7).astype(np.uint8), bits_stored=7)
    plain = write_instance(seven_bits, files.parent / "plain.dcm")
    compressed_by_dcmtk(["dcmcrle"], plain, files / "d.dcm")
    cut = with_frame(seven_bits, b"\xff\x4f\xff\x51" + bytes(200), JPEG2000Lossless)
    cut.SOPInstanceUID = uid(3, 1, 1)
    cut.StudyInstanceUID = uid(3)
    write_instance(cut, files / "e.dcm")
    status, shown = _analyze(capsys, bundle, "--json", files)
    assert status == 1
    probabilities = {Path(v["path"]).name: v["probability"] for s in json.loads(shown) for v in s["views"]}
    reasons = {Path(v["path"]).name: v["reason"] for s in json.loads(shown) for v in s["views"]}
    assert [name for name, value in probabilities.items() if value is None] == ["e.dcm"]
    assert "JPEG 2000" in reasons["e.dcm"]
    _, alone = _analyze(capsys, bundle, "--json", plain)
    assert probabilities["d.dcm"] == json.loads(alone)[0]["views"][0]["probability"]


def test_whoever_names_a_file_has_it_read_though_it_tells_no_region(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    nameless = make_instance(
        BodyPartExamined=None, AnatomicRegionSequence=None, SeriesDescription=None, StudyDescription=None
    )
    write_instance(nameless, tmp_path / "nameless.dcm")
    status, shown = _analyze(capsys, bundle, "--json", tmp_path)
    ((view,),) = (study["views"] for study in json.loads(shown))
    assert (status, view["region"], view["reason"]) == (0, "", "")
    assert view["probability"] is not None


def test_two_patients_in_a_study_have_no_results(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for number in (1, 2):
        ds = make_instance(study=4, instance=number, PatientID=f"CASE-{number}")
        write_instance(ds, tmp_path / f"{number}.dcm")
    files = sorted(tmp_path.glob("*.dcm"))
    status, shown = _analyze(capsys, bundle, "--json", "--output", tmp_path / "out", *files)
    (study,) = json.loads(shown)
    assert (status, study["category"], study["reason"]) == (1, "not analyzed", "patient_mismatch")
    assert list((tmp_path / "out").iterdir()) == []
