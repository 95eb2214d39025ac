"""This module shows the Secondary Captures of a study as PNG."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.result_kind import ResultKind
from daemon.store.worklist import study_detail
from daemon.web.address import requested_study
from dicom_io.errors import UnusableInstance
from dicom_io.reading.part10 import read_part10_header, read_pixel_data
from dicom_io.reading.values import Values, tag_of

# Level 1 is about five times faster than the default and 15 % larger; the page is near its reader.
_COMPRESSION = 1

# fmt: off
_WANTED = frozenset(map(tag_of, (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated",
)))
# fmt: on


class PictureUnavailable(Exception):
    """A stored picture cannot be shown; the message says why, without a path."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of the stored results."""

    store: Store
    spool: Spool

    def show(self, request: Request) -> Response:
        """Answer ``/studies/{study_instance_uid}/results/{sop_instance_uid}.png``."""
        detail = study_detail(self.store, requested_study(request))
        sop_instance_uid = request.path_params["sop_instance_uid"]
        for result in detail.results:
            if result.sop_instance_uid == sop_instance_uid and result.kind == ResultKind.SECONDARY_CAPTURE:
                return _answer(self.spool.absolute(result.path))
        raise HTTPException(404, "This study has no such picture.")


def picture_of(path: Path) -> bytes:
    """Return a Secondary Capture of ours as PNG.

    Raises
    ------
    PictureUnavailable
        The file is gone or is not as we write it: RGB, 8 bit, interleaved, uncompressed.
    """
    try:
        with path.open("rb") as stream:
            picture = _read(stream)
    except OSError as error:
        raise PictureUnavailable("the file of the picture is gone") from error
    except UnusableInstance as error:
        raise PictureUnavailable("the file of the picture is damaged") from error
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def _answer(path: Path) -> Response:
    try:
        return Response(picture_of(path), media_type="image/png")
    except PictureUnavailable as error:
        raise HTTPException(404, f"The picture cannot be shown: {error}.") from error


def _read(stream: BinaryIO) -> Image.Image:
    header = read_part10_header(stream, wanted=_WANTED, wanted_sequences=())
    values = Values(header.data_set, little_endian=header.little_endian)
    columns, rows = values.number("Columns"), values.number("Rows")
    extent = header.pixel_data
    if extent is None or extent.declared is None or not _is_plain(values):
        raise PictureUnavailable("the picture is not stored as plain RGB")
    size_bytes = columns * rows * 3
    pixels = read_pixel_data(stream, extent, size_bytes)
    if not 0 < len(pixels) == size_bytes:
        raise PictureUnavailable("the file of the picture is damaged")
    return Image.frombytes("RGB", (columns, rows), pixels)


def _is_plain(values: Values) -> bool:
    sample = (values.number(word) for word in ("SamplesPerPixel", "BitsAllocated", "PlanarConfiguration"))
    return (values.code_string("PhotometricInterpretation"), *sample) == ("RGB", 3, 8, 0)
