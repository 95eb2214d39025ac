"""How high a pixel is for its width.

This module reads it out of the elements of an image.
"""

from dicom_io.reading.values import Values, tag_of

_PIXEL_SIZES = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")

PIXEL_SIZES = frozenset(map(tag_of, _PIXEL_SIZES))
"""Tags of the elements that say how high and how wide a pixel is."""

_LARGEST_ASPECT = 4.0  # plates and detectors have up to 2; beyond 4 a value is a mistake
_ROUNDING = 0.01  # rounded spacings of square pixels differ by less


def read_pixel_aspect(values: Values) -> float:
    """Return the height of a pixel divided by its width; 1 where nothing believable says otherwise.

    A spacing goes before the ratio, which is for images without any (PS3.3 C.7.6.3.1.7). The first element
    that holds two sizes, of which neither is more than four times the other, counts.
    """
    aspects = (_aspect(values.decimals(keyword)) for keyword in _PIXEL_SIZES)
    aspect = next((aspect for aspect in aspects if aspect is not None), 1.0)
    return 1.0 if abs(aspect - 1.0) < _ROUNDING else aspect


def _aspect(sizes: tuple[float | None, ...]) -> float | None:
    height, width = (*sizes, None, None)[:2]
    if height is None or width is None or height <= 0 or width <= 0:
        return None
    aspect = height / width
    return aspect if 1 / _LARGEST_ASPECT <= aspect <= _LARGEST_ASPECT else None
