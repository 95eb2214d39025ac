"""This module shows the Secondary Captures of a study as PNG."""

import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.values import ResultKind
from daemon.store.worklist import study_detail
from daemon.web.address import requested_study

# Level 1 is about five times faster than the default and 15 % larger; the page is near its reader.
_COMPRESSION = 1

# No more is read: the file also holds patient data.
_WANTED = [
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "PixelData",
]

# What pydicom and Pillow raise on bytes that are not as they were written.
_DAMAGES = (
    AttributeError,
    BytesLengthException,
    EOFError,
    KeyError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
)


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
            if result.sop_instance_uid == sop_instance_uid and result.kind is ResultKind.SECONDARY_CAPTURE:
                return _answer(self.spool.absolute(result.path))
        raise HTTPException(404, "This study has no such picture.")


def picture_of(path: Path) -> bytes:
    """Give a Secondary Capture of ours as PNG.

    Raises
    ------
    PictureUnavailable
        The file is gone or is not as we write it: RGB, 8 bit, interleaved, uncompressed.
    """
    try:
        ds = dcmread(path, specific_tags=_WANTED)
        size = ds.Columns, ds.Rows
        if not _is_plain(ds):
            raise PictureUnavailable("the picture is not stored as plain RGB")
        picture = Image.frombytes("RGB", size, ds.PixelData[: size[0] * size[1] * 3])
    except (OSError, InvalidDicomError) as error:
        raise PictureUnavailable("the file of the picture is gone or damaged") from error
    except _DAMAGES as error:
        raise PictureUnavailable("the file of the picture is damaged") from error
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def _answer(path: Path) -> Response:
    try:
        return Response(picture_of(path), media_type="image/png")
    except PictureUnavailable as error:
        raise HTTPException(404, f"The picture cannot be shown: {error}.") from error


def _is_plain(ds: Dataset) -> bool:
    stored = ds.PhotometricInterpretation, ds.SamplesPerPixel, ds.BitsAllocated, ds.PlanarConfiguration
    return stored == ("RGB", 3, 8, 0) and not ds.file_meta.TransferSyntaxUID.is_compressed
