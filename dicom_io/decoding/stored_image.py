"""The stored values of an image, for whoever windows them anew.

This module holds them beside what is shown of them at first, and gives both the form in which they leave a
process: the one that decodes, and the one that serves a page.
"""

import json
from dataclasses import dataclass
from mmap import mmap
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dicom_io.decoding.display import VoiFunction, Window

_ALIGNMENT = 4  # bytes; so that typed arrays can lie upon what was read


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredImage:
    """The pixels of an instance as bit patterns, and what they mean, as tables over all n patterns.

    Attributes
    ----------
    values
        (rows, columns) uint16 below n: the bits of each stored value, two's complement if signed.
    modality
        (n,) float32: each pattern's value after the modality transform, which windows are about.
    grays
        (n,) uint8, 255 = white: what pictures and analysis show of it (PS3.4 N.2).
    window
        The one that made the grays, or comes close to what did.
    inverted
        Whether what the window makes white is shown black.
    pixel_aspect
        Height of a pixel divided by its width.
    """

    values: NDArray[np.uint16]
    modality: NDArray[np.float32]
    grays: NDArray[np.uint8]
    window: Window
    inverted: bool = False
    pixel_aspect: float = 1.0

    def to_bytes(self) -> bytes:
        """Return the wire form, all little endian, each part padded to a multiple of four bytes.

        These are the length of the header, uint32; the header, JSON; `modality`; `grays`; `values` row by
        row. The header has rows, columns, pixel_aspect, count (n), inverted and window.
        """
        rows, columns = self.values.shape
        header = json.dumps(
            {
                "rows": rows,
                "columns": columns,
                "pixel_aspect": self.pixel_aspect,
                "count": len(self.grays),
                "inverted": self.inverted,
                "window": {
                    "center": self.window.center,
                    "width": self.window.width,
                    "function": self.window.function,
                },
            }
        ).encode()
        header += b" " * (-len(header) % _ALIGNMENT)
        return b"".join(
            (
                len(header).to_bytes(4, "little"),
                header,
                np.ascontiguousarray(self.modality, "<f4").data,
                np.ascontiguousarray(self.grays).data,
                bytes(-len(self.grays) % _ALIGNMENT),
                np.ascontiguousarray(self.values, "<u2").data,
            )
        )

    @classmethod
    def from_bytes(cls, wire: bytes | mmap) -> Self:
        """Read the wire form; the arrays lie upon `wire`, which they keep."""
        start = 4 + int.from_bytes(memoryview(wire)[:4], "little")
        header = json.loads(bytes(memoryview(wire)[4:start]))
        count, rows, columns = header["count"], header["rows"], header["columns"]
        grays = start + 4 * count
        values = grays + count + -count % _ALIGNMENT
        window = header["window"]
        return cls(
            values=np.frombuffer(wire, "<u2", rows * columns, values).reshape(rows, columns),
            modality=np.frombuffer(wire, "<f4", count, start),
            grays=np.frombuffer(wire, np.uint8, count, grays),
            window=Window(
                center=window["center"], width=window["width"], function=VoiFunction(window["function"])
            ),
            inverted=header["inverted"],
            pixel_aspect=header["pixel_aspect"],
        )


def eight_bits(grays: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return grays in [0, 1] as a screen has them, 0 to 255."""
    rounded: NDArray[np.uint8] = np.rint(grays * np.float32(255)).astype(np.uint8)
    return rounded
