"""Headers of elements whose value representation is none."""

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from dicom_io.decoding.pixels import read_view
from dicom_io.objects.inheritance import sanitized_source
from dicom_io.reading.instance import read_header
from dicom_io.reading.values import CodedTerm
from tests.dicom_io.reading.unknown_vrs import UNKNOWN_VRS, vr_position, with_vr
from tests.factories import code_item, encode, make_instance

ORDERS = {ExplicitVRLittleEndian: "<", ExplicitVRBigEndian: ">"}
KEYWORDS = [
    "SpecificCharacterSet",  # the first that has text
    "Manufacturer",
    "PatientName",
    "ReferringPhysicianName",  # empty
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "Rows",
    "PixelData",  # the last
]


def instance(transfer_syntax_uid: str = ExplicitVRLittleEndian) -> Dataset:
    return make_instance(rows=4, columns=4, transfer_syntax_uid=transfer_syntax_uid)


def assert_reads_alike(content: bytes, sound: bytes) -> None:
    assert read_header(content) == read_header(sound)
    np.testing.assert_array_equal(read_view(io.BytesIO(content)).image, read_view(io.BytesIO(sound)).image)
    assert sanitized_source(content) == sanitized_source(sound)


@pytest.mark.parametrize("transfer_syntax_uid", ORDERS)
@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("vr", [*UNKNOWN_VRS, b"lower", b"Title"], ids=repr)
def test_an_element_whose_vr_is_none_costs_nothing(vr, keyword, transfer_syntax_uid):
    sound, order = encode(instance(transfer_syntax_uid)), ORDERS[transfer_syntax_uid]
    at = vr_position(sound, keyword, order)
    right = sound[at : at + 2]
    vr = {b"lower": right.lower(), b"Title": right.title()}.get(vr, vr)
    assert_reads_alike(with_vr(sound, keyword, vr, order), sound)


@pytest.mark.parametrize("vr", [b"  ", b"??", b"--"])
def test_a_data_set_without_any_vr_is_read(vr):
    ds = instance()
    sound = content = encode(ds)
    for element in ds:
        content = with_vr(content, element.keyword, vr)
    assert_reads_alike(content, sound)


def test_a_data_set_whose_vrs_are_lower_case_is_read():
    ds = instance()
    sound = content = encode(ds)
    for element in ds:
        content = with_vr(content, element.keyword, element.VR.lower().encode())
    assert_reads_alike(content, sound)


def test_a_vr_of_the_future_has_a_long_header():
    # PS3.5 7.1.2: all VRs but those named have a length of 32 bits
    sound = encode(instance())
    value = b"text of any length"
    tag = tag_for_keyword("ManufacturerModelName")
    assert tag is not None
    element = struct.pack("<HH2s2xL", tag >> 16, tag & 0xFFFF, b"QX", len(value)) + value
    at = sound.index(struct.pack("<HH", 0x0018, 0x0015))
    assert read_header(sound[:at] + element + sound[at:]).manufacturer_model_name == value.decode()


def implicit_item(ds: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_dataset(buffer, ds)
    content = buffer.getvalue()
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


WORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ ", min_size=1, max_size=40).map(str.strip).filter(bool)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(WORDS, WORDS.filter(lambda word: len(word) <= 16))
def test_items_without_vrs_within_a_data_set_with_them_are_read(meaning, scheme):
    ds = instance()
    ds.AnatomicRegionSequence = []
    content = encode(ds)
    header = struct.pack("<HH2s2x", 0x0008, 0x2218, b"SQ")
    items = implicit_item(code_item("1234", scheme, meaning))
    at = content.index(header)
    content = content[: at + 8] + struct.pack("<L", len(items)) + items + content[at + 12 :]
    assert read_header(content).anatomic_regions == (CodedTerm(scheme=scheme, value="1234", meaning=meaning),)


@pytest.mark.parametrize("length", [0, 2, 32, 0x2030, 2**31, 0xFFFFFFFE])
def test_a_wrong_length_within_a_sequence_costs_nothing_behind_it(length):
    sound = encode(instance())
    item = struct.pack("<HH", 0xFFFE, 0xE000)
    at = sound.index(item) + 4
    content = sound[:at] + struct.pack("<L", length) + sound[at + 4 :]
    expected = read_header(sound)
    assert replace(read_header(content), anatomic_regions=expected.anatomic_regions) == expected


def test_a_wrong_length_of_an_element_within_a_sequence_costs_nothing_behind_it():
    sound = encode(instance())
    at = sound.index(struct.pack("<HH2s", 0x0008, 0x0102, b"SH")) + 6
    content = sound[:at] + b"\xff\xff" + sound[at + 2 :]
    expected = read_header(sound)
    assert replace(read_header(content), anatomic_regions=expected.anatomic_regions) == expected
