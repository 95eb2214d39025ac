"""Pictures that we made travel compressed, and are the same pictures."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dicom_io.network.compression import compressed
from dicom_io.network.scu import Address
from dicom_io.network.store_scu import SendOutcome, send_files
from tests.dicom_io.peers import storescp
from tests.dicom_io.pictures import picture


def send(path: Path, port: int, *, compress: bool = True) -> SendOutcome:
    address = Address(ae_title="PACS", host="127.0.0.1", port=port)
    (outcome,) = send_files([path], address, calling_ae_title="ULNA", compress=compress)
    assert outcome.error is None
    return outcome


@contextmanager
def pacs(*syntaxes: str) -> Iterator[tuple[int, list[tuple[str, Dataset]]]]:
    came: list[tuple[str, Dataset]] = []

    def keep(event: Event) -> int:
        came.append((str(event.context.transfer_syntax), event.dataset))
        return 0

    entity = AE("PACS")
    entity.add_supported_context(SecondaryCaptureImageStorage, list(syntaxes))
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    assert server is not None
    try:
        yield server.server_address[1], came
    finally:
        server.shutdown()


def without_pixels(ds: Dataset) -> Dataset:
    del ds.PixelData
    return ds


def test_dcmtk_gets_a_compressed_picture_with_every_pixel_as_it_was(tmp_path):
    path = picture(tmp_path)
    (tmp_path / "pacs").mkdir()
    with storescp(tmp_path / "pacs", "+xs") as port:
        send(path, port)
    (received,) = (tmp_path / "pacs").iterdir()
    held, stored = dcmread(received), dcmread(path)
    assert held.file_meta.TransferSyntaxUID == JPEGLosslessSV1
    assert len(held.PixelData) < len(stored.PixelData)
    subprocess.run(["dcmdjpeg", "+cn", received, tmp_path / "decoded.dcm"], check=True, timeout=30)
    assert dcmread(tmp_path / "decoded.dcm").PixelData == stored.PixelData
    assert (held.SOPInstanceUID, held.LossyImageCompression) == (stored.SOPInstanceUID, "00")
    assert without_pixels(held) == without_pixels(stored)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_peer_that_takes_no_compressed_picture_gets_the_one_that_is_stored(tmp_path, syntax):
    path = picture(tmp_path)
    with pacs(syntax) as (port, came):
        send(path, port)
    ((used, held),) = came
    stored = dcmread(path)
    assert (used, held.PixelData) == (syntax, stored.PixelData)
    assert without_pixels(held) == without_pixels(stored)  # with them, their VR


def test_what_others_made_is_sent_as_it_is(tmp_path):
    path = picture(tmp_path)
    with pacs(JPEGLosslessSV1, ExplicitVRLittleEndian) as (port, came):
        send(path, port, compress=False)
    assert came == [(ExplicitVRLittleEndian, dcmread(path))]


@pytest.mark.parametrize(
    "changes",
    [{"PhotometricInterpretation": "YBR_FULL"}, {"PlanarConfiguration": 1}, {"NumberOfFrames": 2}],
    ids=lambda changes: next(iter(changes)),
)
def test_other_pixels_than_those_of_a_page_are_sent_as_stored(tmp_path, changes):
    path = picture(tmp_path, **changes)
    with pacs(JPEGLosslessSV1, ExplicitVRLittleEndian) as (port, came):
        send(path, port)
    assert came == [(ExplicitVRLittleEndian, dcmread(path))]


def test_same_picture_is_compressed_to_the_same_bytes(tmp_path):
    path = picture(tmp_path)
    first, second = compressed(path), compressed(path)
    assert first is not None
    assert first == second
