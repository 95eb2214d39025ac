import pytest

from daemon.predictor.content import HEAD_BYTES, is_picture
from daemon.predictor.errors import UnusableUpload
from tests.factories import encode, make_instance

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"


@pytest.mark.parametrize("head", [PNG, JPEG])
def test_a_picture_is_known_by_its_first_bytes(head: bytes) -> None:
    assert is_picture(head)


def test_a_dicom_file_is_known_by_its_prefix() -> None:
    assert not is_picture(encode(make_instance())[:HEAD_BYTES])


@pytest.mark.parametrize("head", [PNG, JPEG, b"MZ", b"%PDF-1.7"])
def test_a_dicom_file_whose_preamble_is_something_else_is_a_dicom_file(head: bytes) -> None:
    assert not is_picture(head.ljust(128, b"\0") + b"DICM")


@pytest.mark.parametrize("head", [b"", b"GIF89a", b"%PDF-1.7", b"<svg>", b"PK\x03\x04", b"DICM", bytes(132)])
def test_anything_else_is_refused(head: bytes) -> None:
    with pytest.raises(UnusableUpload):
        is_picture(head)
