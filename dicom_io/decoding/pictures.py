"""Radiographs in picture files, such as PNG: no instances, but shown and analyzed like their images.

This module makes of a picture's gray samples what `dicom_io.decoding.pixels` makes of an instance. Who reads
the samples is said from outside: this package speaks DICOM only.
"""

from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dicom_io.decoding.display import VoiFunction, Window
from dicom_io.decoding.stored_image import StoredImage, eight_bits
from dicom_io.decoding.view import View
from dicom_io.defects import Defect
from dicom_io.errors import UndecodablePixels

Samples = NDArray[np.uint8] | NDArray[np.uint16]

PictureReader = Callable[[BinaryIO, int], Samples]
"""Reads a picture of at most so many pixels: (rows, columns), the type's largest value is white.

It raises ValueError, which says why, where there is none.
"""


def read_samples(reader: PictureReader | None, stream: BinaryIO, max_pixels: int) -> Samples:
    """Have a picture read; raise UndecodablePixels where there is none, or nobody who reads it."""
    if reader is None:
        raise UndecodablePixels(Defect.PICTURES_NOT_READ)
    try:
        return reader(stream, max_pixels)
    except ValueError as error:
        raise UndecodablePixels(Defect.PICTURE_UNREADABLE, words=str(error)) from error


def picture_view(samples: Samples) -> View:
    """Return a picture as it is shown."""
    return View(image=samples.astype(np.float32) / np.float32(_white(samples)))


def picture_stored(samples: Samples) -> StoredImage:
    """Return a picture with its display."""
    white = _white(samples)
    values = np.arange(white + 1, dtype=np.float32)
    return StoredImage(
        values=samples.astype(np.uint16, copy=False),
        modality=values,
        grays=eight_bits(values / np.float32(white)),
        window=Window(center=white / 2, width=float(white), function=VoiFunction.LINEAR_EXACT),
    )


def _white(samples: Samples) -> int:
    return int(np.iinfo(samples.dtype).max)
