"""Compressed instances for tests: what DCMTK, pydicom, GDCM and the codecs themselves write."""

import subprocess
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from jpeg_ls import encode_buffer
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import (
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

gdcm: Any = import_module("gdcm")  # its bindings carry no types


def compressed_by_dcmtk(command: list[str], source: Path, target: Path) -> None:
    """Run one of DCMTK's compressing programs."""
    subprocess.run([*command, source, target], check=True, capture_output=True)


def compressed_by_gdcm(syntax: int, source: Path, target: Path) -> None:
    """Compress with GDCM."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def fragments_of(ds: Dataset) -> list[bytes]:
    """Return the fragments of encapsulated pixel data, without the offset table."""
    _, *fragments = generate_fragments(ds.PixelData)
    return fragments


def with_frame(ds: Dataset, frame: bytes, transfer_syntax_uid: str) -> Dataset:
    """Return an instance with another frame, whatever its header says."""
    changed = deepcopy(ds)
    changed.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    changed.PixelData = encapsulate([frame])
    changed["PixelData"].VR = "OB"
    changed["PixelData"].is_undefined_length = True
    return changed


def jpeg_lossless(samples: NDArray[Any], precision: int) -> bytes:
    """Return unsigned samples as a lossless JPEG of so many bits."""
    typed = samples.astype(np.uint8 if precision <= 8 else np.uint16)
    return bytes(imagecodecs.jpeg8_encode(typed, lossless=True, bitspersample=precision))


def jpeg_ls(samples: NDArray[Any], precision: int) -> bytes:
    """Return unsigned samples as a JPEG-LS codestream of so many bits."""
    typed = samples.astype(np.uint8 if precision <= 8 else np.uint16)
    return bytes(encode_buffer(typed.tobytes(), *samples.shape, 1, precision))


def jpeg_2000(samples: NDArray[Any], precision: int) -> bytes:
    """Return samples as a reversible JPEG 2000 codestream, signed if they are."""
    typed = samples.astype(f"{samples.dtype.kind}{1 if precision <= 8 else 2}")
    return bytes(
        imagecodecs.jpeg2k_encode(typed, level=0, reversible=True, codecformat="j2k", bitspersample=precision)
    )


def htj2k(samples: NDArray[Any], precision: int) -> bytes:
    """Return samples as a reversible HTJ2K codestream of 8 or 16 bits, written by OpenJPH."""
    typed = samples.astype(f"{samples.dtype.kind}{1 if precision <= 8 else 2}")
    return bytes(imagecodecs.htj2k_encode(typed))


Encoder = Callable[[NDArray[Any], int], bytes]

CODECS: dict[str, tuple[Encoder, tuple[int, ...]]] = {
    JPEGLosslessSV1: (jpeg_lossless, (7, 8, 10, 12, 16)),
    JPEGLSLossless: (jpeg_ls, (7, 8, 10, 12, 16)),
    JPEG2000Lossless: (jpeg_2000, (7, 8, 10, 12, 16)),
    HTJ2KLossless: (htj2k, (8, 16)),
}
"""For each transfer syntax its encoder, and the precisions that it writes here."""
