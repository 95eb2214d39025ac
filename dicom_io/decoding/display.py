"""From stored values to what a viewer shows.

This module builds the grayscale pipeline of PS3.4 N.2 as one table: for each stored value its gray on
the display. Every step then works on a few thousand numbers in double precision, and the image itself
is looked up once.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

DoubleArray = NDArray[np.float64]


class VoiFunction(StrEnum):
    """(0028,1056) *VOI LUT Function* (PS3.3 C.11.2.1.3)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupTable:
    """A Modality or VOI LUT: `entries` (n,), of which the first belongs to input `first_mapped`."""

    first_mapped: int
    entries: DoubleArray

    @property
    def bits(self) -> int:
        """Bits that the entries of a VOI LUT take, at least 8 (PS3.3 C.11.2.1.1)."""
        return max(8, int(self.entries.max()).bit_length())


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Center and width of the values of interest, in output units of the modality transform."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayRules:
    """What an instance says about its display.

    `bits_stored` is 1 to 16. `padding` is the inclusive range of stored values that fill up the image
    (PS3.3 C.7.5.1.1.2); a range of all the values of an image is a mistake, and passed over. Of
    `voi_table` and `window` the table goes first; without both, the range of the values in use is stretched
    over the grays.
    """

    bits_stored: int
    signed: bool
    inverted: bool
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    modality_table: LookupTable | None = None
    voi_table: LookupTable | None = None
    window: Window | None = None
    padding: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Display:
    """The display of an image, as tables over the bit patterns of its stored values.

    Attributes
    ----------
    modality
        (n,) float64: each pattern's value after the modality transform, which windows are about.
    grays
        (n,) float32 in [0, 1], 1 = white: what a viewer shows. Padding is black.
    window
        The one that made the grays. Where a VOI LUT did, or the range of the values in use, it is
        LINEAR_EXACT over the values that became neither black nor white by being beyond it: where somebody
        begins who wants to see more of either.
    """

    modality: DoubleArray
    grays: NDArray[np.float32]
    window: Window


def display_values(stored: NDArray[np.uint16], rules: DisplayRules) -> NDArray[np.float32]:
    """Return what a viewer shows; parameters as for `display_of`.

    Returns
    -------
    NDArray[np.float32]
        (rows, columns) in [0, 1], 1 = white. Padding is black.
    """
    return np.take(display_of(stored, rules).grays, stored)


def display_of(stored: NDArray[np.uint16], rules: DisplayRules) -> Display:
    """Return how a viewer shows an image.

    Parameters
    ----------
    stored : NDArray[np.uint16]
        (rows, columns); the stored bits from bit 0 on, two's complement if signed.
    rules : DisplayRules
        What the instance says about its display.
    """
    values = _stored_values(rules)
    is_used = _is_used(stored, values.size)
    is_padding = _is_padding(values, rules)
    if is_padding[is_used].all() and np.count_nonzero(is_used) > 1:
        is_padding[:] = False
    output = _modality(values, rules)
    if rules.voi_table is not None:  # PS3.3 C.11.2: the VOI LUT, else the window
        # White is the largest entry that these bits can hold, not the declared ones: some writers declare 16
        # bits, or 8, whatever the entries are. Both agree where more than half of the declared range is used.
        gray = _clipped(_look_up(output, rules.voi_table) / ((1 << rules.voi_table.bits) - 1))
        first = rules.voi_table.first_mapped
        window = _window_over(first, first + rules.voi_table.entries.size - 1)
    elif rules.window is not None:
        gray, window = _windowed(output, rules.window), rules.window
    else:
        used = output[is_used & ~is_padding]
        gray = _stretched(output, used)
        window = _window_over(used.min(initial=np.inf), used.max(initial=-np.inf))
    if rules.inverted:
        gray = 1.0 - gray
    gray[is_padding] = 0.0
    return Display(modality=output, grays=gray.astype(np.float32), window=window)


def _window_over(low: float, high: float) -> Window:
    """Return the window from black at `low` to white at `high`; as narrow as one value where they are one."""
    if low > high:  # no value is in use but padding
        low, high = 0.0, 0.0
    center, width = (low + high) / 2, max(high - low, 1.0)
    return Window(center=float(center), width=float(width), function=VoiFunction.LINEAR_EXACT)


def _stored_values(rules: DisplayRules) -> DoubleArray:
    """Return the value of each bit pattern, in the order of the patterns."""
    values = np.arange(1 << rules.bits_stored, dtype=np.float64)
    if rules.signed:
        values[values.size // 2 :] -= values.size
    return values


def _is_padding(values: DoubleArray, rules: DisplayRules) -> NDArray[np.bool_]:
    if rules.padding is None:
        return np.zeros(values.shape, dtype=np.bool_)
    first, last = sorted(rules.padding)
    return (values >= first) & (values <= last)


def _is_used(stored: NDArray[np.uint16], size: int) -> NDArray[np.bool_]:
    used = np.zeros(size, dtype=np.bool_)
    used[stored] = True
    return used


def _modality(values: DoubleArray, rules: DisplayRules) -> DoubleArray:
    """Apply the modality transform (PS3.3 C.11.1)."""
    if rules.modality_table is not None:
        return _look_up(values, rules.modality_table)
    return values * rules.rescale_slope + rules.rescale_intercept


def _look_up(values: DoubleArray, table: LookupTable) -> DoubleArray:
    """Return table entries; inputs below or above the table get its first or last entry."""
    positions = np.clip(np.rint(values) - table.first_mapped, 0, table.entries.size - 1)
    looked_up: DoubleArray = table.entries[positions.astype(np.intp)]
    return looked_up


def _windowed(values: DoubleArray, window: Window) -> DoubleArray:
    center, width = window.center, window.width
    if window.function is VoiFunction.SIGMOID:  # PS3.3 C.11.2.1.3.1
        exponent = np.clip(-4.0 * (values - center) / width, -700.0, 700.0)
        return _clipped(1.0 / (1.0 + np.exp(exponent)))
    if window.function is VoiFunction.LINEAR and width >= 1.0:  # PS3.3 C.11.2.1.2.1
        center, width = center - 0.5, width - 1.0
    if width == 0.0:  # a threshold
        return (values > center).astype(np.float64)
    return _clipped((values - center) / width + 0.5)


def _stretched(values: DoubleArray, used: DoubleArray) -> DoubleArray:
    """Stretch the range of the values in use over [0, 1]; an image of one value is black."""
    if used.size == 0 or used.min() == used.max():
        return np.zeros_like(values)
    low, high = used.min(), used.max()
    return _clipped((values - low) / (high - low))


def _clipped(values: DoubleArray) -> DoubleArray:
    clipped: DoubleArray = np.clip(values, 0.0, 1.0)
    return clipped
