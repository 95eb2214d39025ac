"""This module holds the layout of an image's stored values, as its header says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """Shape and layout of the stored values (PS3.3 C.7.6.3): one sample per pixel, one frame.

    Attributes
    ----------
    overlay_bits
        Mask of the bits of a sample in which the header places overlay planes.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    overlay_bits: int = 0

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.rows * self.columns
