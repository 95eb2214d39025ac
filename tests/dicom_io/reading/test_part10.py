"""The file meta information is read by its elements, and each UID of it is checked when it is asked for."""

from io import BytesIO

import pytest
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_io.errors import InvalidUid, MissingUid, NotDicom, TruncatedDataSet
from dicom_io.reading.part10 import FileMeta, opened, read_file_meta
from tests.factories import encode, make_instance

SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


def part10(*meta: bytes, data_set: bytes = b"\x08\0\x60\0CS\x02\0DX") -> bytes:
    """Return a file with these elements as its file meta information."""
    return bytes(128) + b"DICM" + b"".join(meta) + data_set


def uid_element(element: int, value: bytes) -> bytes:
    return b"\x02\0" + element.to_bytes(2, "little") + b"UI" + len(value).to_bytes(2, "little") + value


def meta_of(content: bytes) -> FileMeta:
    return read_file_meta(BytesIO(content))


@pytest.mark.parametrize("transfer_syntax_uid", SYNTAXES)
def test_file_meta_is_that_of_pydicom_and_the_data_set_follows_it(tmp_path, transfer_syntax_uid):
    content = encode(make_instance(rows=4, columns=4, transfer_syntax_uid=transfer_syntax_uid))
    (tmp_path / "a.dcm").write_bytes(content)
    theirs = read_file_meta_info(tmp_path / "a.dcm")
    stream = BytesIO(content)
    meta = read_file_meta(stream)
    assert meta.sop_class_uid == str(theirs.MediaStorageSOPClassUID)
    assert meta.sop_instance_uid == str(theirs.MediaStorageSOPInstanceUID)
    assert meta.transfer_syntax_uid == transfer_syntax_uid
    # PS3.10 7.1: the group length counts from byte 144 on.
    assert stream.tell() == meta.data_set_position == 144 + theirs.FileMetaInformationGroupLength


@pytest.mark.parametrize("length", [0, 1000, 0xFFFFFFF0])
def test_group_length_is_not_believed(length):
    group_length = b"\x02\0\0\0UL\x04\0" + length.to_bytes(4, "little")
    content = part10(group_length, uid_element(0x10, b"1.2.840.10008.1.2\0"))
    assert meta_of(content).data_set_position == content.index(b"\x08\0\x60\0")


def test_absent_and_wrong_uids_are_errors_only_where_they_are_asked_for():
    meta = meta_of(part10(uid_element(0x02, b"1.2\0"), uid_element(0x03, b"a name")))
    assert meta.sop_class_uid == "1.2"
    with pytest.raises(InvalidUid, match="MediaStorageSOPInstanceUID"):
        _ = meta.sop_instance_uid
    with pytest.raises(MissingUid, match="TransferSyntaxUID"):
        _ = meta.transfer_syntax_uid


def test_file_without_the_prefix_is_none():
    with pytest.raises(NotDicom, match="DICM"):
        meta_of(bytes(132) + uid_element(0x10, b"1.2.840.10008.1.2\0"))


def test_file_that_ends_within_or_after_its_file_meta_is_truncated():
    whole = part10(uid_element(0x10, b"1.2.840.10008.1.2\0"), data_set=b"")
    for content in (whole, whole[:-4]):
        with pytest.raises(TruncatedDataSet):
            meta_of(content)


def test_file_and_content_are_closed_and_a_stream_stays_open(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    for source in (tmp_path / "a", b"content"):
        with opened(source) as stream:
            assert stream.read() == b"content"
    mine = BytesIO(b"content")
    with opened(mine) as stream:
        assert stream is mine
    assert not mine.closed
