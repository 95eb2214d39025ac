"""``ulna explain``: what each source of a header said, which decided, and why."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from tests.daemon.users import WITHOUT_ROOTS_RIGHTS
from tests.factories import make_instance, write_instance


def radiograph(folder: Path, **elements: object) -> Path:
    bare = dict.fromkeys(
        ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ViewPosition", "ImageLaterality")
    )
    given: dict[str, Any] = {"SpecificCharacterSet": "ISO_IR 192", **bare, **elements}
    instance = make_instance(sop_class_uid="1.2.840.10008.5.1.4.1.1.1", **given)
    return write_instance(instance, folder / "radiograph.dcm")


def views(capsys: pytest.CaptureFixture[str], *words: object) -> list[dict]:
    main(["explain", *map(str, words), "--json"])
    return [view for study in json.loads(capsys.readouterr().out) for view in study["views"]]


def test_what_each_source_said_is_told_beside_what_was_decided(tmp_path, capsys):
    path = radiograph(
        tmp_path, StudyDescription="XR WRIST R/O FX", SeriesDescription="PA", BodyPartExamined="HAND"
    )
    (view,) = views(capsys, path)
    assert {key: view[key] for key in ("path", "region", "laterality", "projection", "reason")} == {
        "path": str(path),
        "region": "WRIST",
        "laterality": "",
        "projection": "frontal",
        "reason": "",
    }
    sources = {source["keyword"]: source for source in view["sources"]}
    assert sources["StudyDescription"]["text"] == "XR WRIST R/O FX"
    assert sources["StudyDescription"]["region"] == ["WRIST"]
    assert sources["StudyDescription"]["decides"] == ["region"]
    assert sources["BodyPartExamined"]["region"] == ["HAND"]
    assert sources["BodyPartExamined"]["decides"] == []
    assert sources["SeriesDescription"]["decides"] == ["projection"]
    assert view["why"]["laterality"] == "nothing names a side"


def test_a_conflict_names_both_sources(tmp_path, capsys):
    path = radiograph(tmp_path, StudyDescription="XR FOOT LT", SeriesDescription="5th digit oblique")
    (view,) = views(capsys, path)
    assert view["region"] == ""
    assert "SeriesDescription names finger" in view["reason"]
    assert "StudyDescription names a part that is not analyzed" in view["reason"]
    told = {source["keyword"]: source["contradicts"] for source in view["sources"]}
    assert told["StudyDescription"] == ["region"]


def test_contradicting_sides_are_told(tmp_path, capsys):
    path = radiograph(tmp_path, BodyPartExamined="HAND", ImageLaterality="R", SeriesDescription="LEFT HAND")
    (view,) = views(capsys, path)
    assert view["laterality"] == ""
    assert view["why"]["laterality"] == "SeriesDescription contradict the others or each other"


def test_the_ages_are_told_as_the_daemon_takes_them_and_without_the_birth_date(tmp_path, capsys):
    path = radiograph(tmp_path, BodyPartExamined="WRIST", StudyDate="20190301", PatientBirthDate="20160212")
    (view,) = views(capsys, path)
    assert (view["age_caution"], view["is_old"], view["reason"]) == ("younger", True, "")
    config = tmp_path / "config.toml"
    config.write_text('[study]\nbelow_minimum_age = "exclude"\n')
    main(["explain", "--config", str(config), str(path)])
    shown = capsys.readouterr().out
    assert "not analyzed: This patient is younger than 18 years (study.minimum_age_years)." in shown
    assert "age: the patient is younger than study.minimum_age_years" in shown
    assert "old study: it came later than study.max_age_days allows" in shown
    assert "2016" not in shown


def test_a_person_reads_it_as_text(tmp_path, capsys):
    path = radiograph(tmp_path, StudyDescription="XR [bold]KNEE[/bold] LT")
    assert main(["explain", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "not analyzed: This image shows a body part that ulna does not analyze." in shown
    assert "StudyDescription 'XR [bold]KNEE[/bold] LT': region other, laterality L" in shown


def test_a_file_that_cannot_be_read_is_told_and_fails(tmp_path, capsys):
    path = tmp_path / "x.dcm"
    path.write_bytes(b"no DICOM")
    assert main(["explain", str(path), "--json"]) == 1
    ((study),) = json.loads(capsys.readouterr().out)
    (view,) = study["views"]
    assert (view["region"], view["sources"]) == ("", [])
    assert view["reason"]


def test_a_sites_own_words_and_character_set_count(tmp_path, capsys, monkeypatch):
    words = tmp_path / "words.toml"
    words.write_text('[region.WRIST]\nwords.de = ["hwk"]\n', encoding="utf-8")
    path = radiograph(tmp_path, StudyDescription="HWK левая")
    path.write_bytes(path.read_bytes().replace("левая".encode(), "левая     ".encode("iso8859_5")))
    (view,) = views(capsys, path)
    assert "does not say which body part" in view["reason"]
    monkeypatch.setenv("ULNA_STUDY__VOCABULARY", str(words))
    monkeypatch.setenv("ULNA_STUDY__FALLBACK_CHARACTER_SET", "ISO_IR 144")
    (view,) = views(capsys, path)
    assert (view["region"], view["laterality"], view["reason"]) == ("WRIST", "L", "")


@pytest.mark.parametrize(("declared", "encoding"), [("ISO_IR 192", "latin-1"), ("ISO_IR 100", "utf-8")])
def test_text_that_contradicts_its_character_set_keeps_its_words(tmp_path, capsys, declared, encoding):
    path = radiograph(tmp_path, SpecificCharacterSet=declared, StudyDescription="RX MU~~ECA IZQ")
    written = "Ñ".encode(encoding)
    path.write_bytes(path.read_bytes().replace(b"~~ECA IZQ", (written + b"ECA IZQ").ljust(9)))
    (view,) = views(capsys, path)
    assert (view["region"], view["laterality"]) == ("WRIST", "L")


def test_what_this_user_may_not_read_is_told_and_the_others_are_explained(tmp_path):
    closed = radiograph(tmp_path, StudyDescription="XR WRIST").rename(tmp_path / "closed.dcm")
    closed.chmod(0)
    words = ["explain", "--json", closed, radiograph(tmp_path, StudyDescription="XR WRIST")]
    command = [*WITHOUT_ROOTS_RIGHTS, sys.executable, "-m", "daemon", *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    views = [view for study in json.loads(ended.stdout) for view in study["views"]]
    assert [(view["region"], view["reason"]) for view in views] == [
        ("", "the file cannot be read: Permission denied"),
        ("WRIST", ""),
    ]


def test_torch_is_not_loaded(tmp_path):
    path = radiograph(tmp_path, StudyDescription="XR WRIST")
    program = (
        "import sys; from daemon.cli import main; "
        f"main(['explain', {str(path)!r}]); sys.exit('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
