"""What results inherit from a source."""

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from dicom_io.errors import MissingUid
from dicom_io.objects.inheritance import UIDS, sanitized_source
from tests.dicom_io.nasty_sources import CHARACTER_SETS, INHERITED, NASTY, source_bytes
from tests.factories import code_item, encode, make_instance, write_instance


def raw(ds: Dataset, keyword: str) -> bytes:
    """Return the bytes of an element as they will be written."""
    element = ds.get_item(Tag(keyword))
    value = element.value
    if not isinstance(value, bytes):
        value = "\\".join([value] if isinstance(value, str) else value).encode()
    return value.rstrip(b" ")


def test_a_valid_source_passes_unchanged(tmp_path):
    instance = make_instance()
    clean, problems = sanitized_source(write_instance(instance, tmp_path / "a.dcm"))
    assert problems == ()
    for keyword in clean.dir():
        assert clean[keyword].value == instance[keyword].value, keyword


def test_nothing_but_the_listed_elements_is_inherited():
    private = make_instance(
        PatientAddress="1 Street", PatientComments="x", OperatorsName="Doe", InstitutionName="Clinic"
    )
    clean, _ = sanitized_source(encode(private))
    assert not {"PatientAddress", "PatientComments", "OperatorsName", "InstitutionName"} & set(clean.dir())
    assert "PixelData" not in clean


@pytest.mark.parametrize("name", CHARACTER_SETS)
def test_patient_name_keeps_its_bytes(name):
    term, patient_name = CHARACTER_SETS[name]
    clean, problems = sanitized_source(
        source_bytes({"SpecificCharacterSet": term, "PatientName": patient_name})
    )
    assert raw(clean, "PatientName") == patient_name
    assert problems == ()


def test_an_unknown_character_set_becomes_utf_8():
    clean, problems = sanitized_source(source_bytes(NASTY["charset junk"]))
    assert clean.SpecificCharacterSet == "ISO_IR 192"
    assert raw(clean, "PatientName") == "Müller".encode()
    assert len(problems) == 1


@pytest.mark.parametrize("name", INHERITED)
def test_identity_is_never_repaired(name):
    clean, _ = sanitized_source(source_bytes(INHERITED[name]))
    for keyword, value in INHERITED[name].items():
        assert value is None or raw(clean, keyword) == value


def test_text_that_does_not_decode_is_told():
    _, problems = sanitized_source(source_bytes(INHERITED["declared utf-8 that is latin-1"]))
    assert problems == ("PatientName does not decode in the declared character set",)


def test_control_characters_are_dropped_from_identity():
    clean, problems = sanitized_source(source_bytes({"PatientID": b"12\x003\r\n4"}))
    assert raw(clean, "PatientID") == b"1234"
    assert problems == ("PatientID holds control characters, which were dropped",)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", b"MALE"),
        ("PatientBirthDate", b"00000000"),
        ("PatientBirthDate", b"19700230"),
        ("StudyDate", b"2024-02-29"),
        ("StudyTime", b"08:15:00"),
        ("StudyTime", b"246000"),
        ("PatientOrientation", b"POSTERIOR"),
        ("ImagerPixelSpacing", rb"nan\nan"),
        ("ImagerPixelSpacing", b"0.15"),
        ("BodyPartExamined", b"wrist"),
        ("TimezoneOffsetFromUTC", b"+2500"),
        ("StudyDescription", b"x" * 65),
    ],
)
def test_a_value_that_breaks_its_vr_stays_behind_and_is_told(keyword, value):
    clean, problems = sanitized_source(source_bytes({keyword: value}))
    assert not clean.get(keyword)
    assert len(problems) == 1
    assert problems[0].startswith(keyword)
    assert value.decode() not in problems[0]


@pytest.mark.parametrize("value", [b"08", b"0815", b"081560", b"081500.123456"])
def test_a_time_may_be_short_or_long(value):
    clean, problems = sanitized_source(source_bytes({"StudyTime": value}))
    assert clean.StudyTime == value.decode()
    assert problems == ()


def test_missing_type_2_elements_are_empty():
    clean, problems = sanitized_source(source_bytes(NASTY["no type 2 elements"]))
    assert [clean[keyword].value for keyword in NASTY["no type 2 elements"]] == [""] * 9
    assert problems == ()


@pytest.mark.parametrize("keyword", UIDS)
def test_a_missing_uid_is_refused(keyword):
    data = source_bytes({keyword: b""})
    with pytest.raises(MissingUid, match=keyword):
        sanitized_source(data)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_every_transfer_syntax_gives_the_same(syntax):
    codes = [code_item("36643-5", "LN", "XR wrist")]
    other = make_instance(transfer_syntax_uid=syntax, ProcedureCodeSequence=codes)
    same = make_instance(ProcedureCodeSequence=codes)
    assert sanitized_source(encode(other)) == sanitized_source(encode(same))


def test_an_incomplete_code_is_left_out():
    incomplete = code_item("1", "L", "")
    clean, problems = sanitized_source(
        encode(make_instance(ProcedureCodeSequence=[incomplete, code_item("2", "L", "wrist")]))
    )
    assert [item.CodeValue for item in clean.ProcedureCodeSequence] == ["2"]
    assert problems == ("an item of ProcedureCodeSequence is incomplete and was left out",)
