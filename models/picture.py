"""This module reads a radiograph from a PNG or JPEG file, for training and for use without DICOM."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.errors import UnreadablePicture

SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})

MAX_PIXELS = 100_000_000
"""Rows times columns of the largest picture that is decoded unless the caller says otherwise."""

READER = "models.picture:picture_samples"
"""Where a process that decodes finds `picture_samples`."""

_SIXTEEN_BIT = frozenset({"I;16", "I;16B", "I;16L", "I"})


def read_picture(path: Path) -> NDArray[np.float32]:
    """Read a picture as luminance.

    Returns
    -------
    NDArray[np.float32]
        (rows, cols) in [0, 1], 1 = white. 16-bit pictures keep their depth; color becomes ITU-R 601 luma.

    Raises
    ------
    UnreadablePicture
        The file is no PNG or JPEG, is cut short, or is too large to be a radiograph.
    """
    try:
        with path.open("rb") as stream:
            samples = picture_samples(stream)
    except OSError as error:
        raise UnreadablePicture(f"{path}: it cannot be read: {error.strerror}") from error
    except UnreadablePicture as error:
        raise UnreadablePicture(f"{path}: {error}") from error
    return samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)


def picture_samples(stream: BinaryIO, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Read the samples of a picture, (rows, cols): the type's largest value is white.

    Its raises are those of `read_picture`, the messages name no file.
    """
    try:
        with Image.open(stream, formats=("PNG", "JPEG")) as picture:
            # Before anything is unpacked: a few bytes can declare any size.
            if picture.width * picture.height > max_pixels:
                raise UnreadablePicture(
                    f"a picture of {picture.height} x {picture.width} pixels is not read: "
                    f"expected at most {max_pixels} in all"
                )
            if picture.mode in _SIXTEEN_BIT:
                return np.asarray(picture).astype(np.uint16)
            return np.asarray(picture.convert("L"))
    except UnreadablePicture:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UnreadablePicture(
            f"not a whole PNG or JPEG picture ({type(error).__name__}); export it again"
        ) from error
