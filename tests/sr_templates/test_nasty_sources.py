"""Results of sources as archives really hold them."""

import subprocess
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread

from dicom_io.objects.common import to_bytes
from dicom_io.objects.inheritance import sanitized_source
from dicom_io.objects.secondary_capture import secondary_capture
from dicom_io.selection.laterality import Laterality
from sr_templates.report import structured_report
from tests.dicom_io.nasty_sources import CHARACTER_SETS, INHERITED, NASTY, Raw, source_bytes
from tests.dicom_io.validators import dciodvfy_errors
from tests.sr_templates.builders import analyzed, report_content

PAGE = np.zeros((4, 4, 3), np.uint8)


def results(raw: Raw) -> list[bytes]:
    """Return the Secondary Capture and the Structured Report of one nasty source."""
    source, _ = sanitized_source(source_bytes(raw))
    content = report_content([analyzed(source, laterality=Laterality.UNKNOWN)])
    capture = secondary_capture(
        PAGE, source=source, patient_source=content.patient_source, facts=content.facts, view_number=1
    )
    return [to_bytes(capture), to_bytes(structured_report(content))]


@pytest.mark.parametrize("name", NASTY)
def test_results_have_no_errors_and_dcmtk_reads_them(name, tmp_path):
    for data in results(NASTY[name]):
        assert dciodvfy_errors(data, tmp_path) == []
    path = tmp_path / "report.dcm"
    path.write_bytes(data)
    # DCMTK 3.6.7 takes a character set with an empty first value, which is legal, for none at all.
    for program in (["dsrdump"], ["dsr2html", "+Ca", "latin-1"]):
        done = subprocess.run([*program, path], capture_output=True, check=True)
        assert b"ulna with an UNTRAINED model" in done.stdout or program == ["dsrdump"]
        assert b"E: " not in done.stderr


@pytest.mark.parametrize("name", INHERITED)
def test_identity_comes_back_as_it_is(name, tmp_path):
    for data in results(INHERITED[name]):
        for keyword, value in INHERITED[name].items():
            assert value is None or value in data, keyword
        assert all(inherited_error(error) for error in dciodvfy_errors(data, tmp_path))


def inherited_error(error: str) -> bool:
    return any(
        keyword in error
        for keyword in (
            "PatientID",
            "AccessionNumber",
            "StudyID",
            "PatientName",
            "StudyInstanceUID",
            "SpecificCharacterSet",
        )
    )


@pytest.mark.parametrize("name", CHARACTER_SETS)
def test_patient_name_comes_back_byte_by_byte(name):
    term, patient_name = CHARACTER_SETS[name]
    for data in results({"SpecificCharacterSet": term, "PatientName": patient_name}):
        element = dcmread(BytesIO(data)).get_item(0x00100010)
        assert element.value.rstrip(b" ") == patient_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("latin-1", "Müller^Jörg"),
        ("cyrillic", "Люкс^Анна"),
        ("utf-8", "Wang^XiaoDong=王^小東="),
        ("greek", "Διονυσιος"),
    ],
)
def test_dcmtk_shows_the_name_in_its_script(name, shown, tmp_path):
    term, patient_name = CHARACTER_SETS[name]
    for data in results({"SpecificCharacterSet": term, "PatientName": patient_name}):
        path = tmp_path / "result.dcm"
        path.write_bytes(data)
        done = subprocess.run(["dcmdump", "+U8", "+P", "PatientName", path], capture_output=True, check=True)
        assert f"[{shown}]" in done.stdout.decode()
