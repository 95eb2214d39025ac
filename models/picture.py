"""This module reads a radiograph from a PNG or JPEG file, for training and for use without DICOM."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.errors import UnreadablePicture

SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})

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
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            if picture.mode in _SIXTEEN_BIT:
                return np.asarray(picture, dtype=np.float32) / np.float32(65535)
            return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UnreadablePicture(
            f"{path}: not a whole PNG or JPEG picture ({type(error).__name__}); export it again"
        ) from error
