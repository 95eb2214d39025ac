"""Draws images that stand for a bundle's data, and some that do not belong there."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.resampling import resize

SIZE = (64, 96)

Images = list[NDArray[np.float32]]


def limbs(count: int, *, seed: int) -> Images:
    """Smooth gray limbs on black, two bright bones each, of various widths, places, slopes and brightness."""
    generator = np.random.default_rng(seed)
    return [_limb(generator) for _ in range(count)]


def lying_limbs(count: int, *, seed: int) -> Images:
    """Limbs that lie across the image: as gray, but otherwise another part."""
    generator = np.random.default_rng(seed)
    return [_lying(_limb(generator)) for _ in range(count)]


def noise(count: int) -> Images:
    return list(np.random.default_rng(1).random((count, *SIZE), dtype=np.float32))


def screenshots(count: int) -> Images:
    """White pages with lines of text."""
    return [_screenshot(number) for number in range(count)]


def _limb(generator: np.random.Generator) -> NDArray[np.float32]:
    row, col = np.mgrid[-1 : 1 : SIZE[0] * 1j, -1 : 1 : SIZE[1] * 1j]
    across = col - generator.uniform(-0.2, 0.2) - generator.uniform(-0.3, 0.3) * row
    width = generator.uniform(0.35, 0.5)
    tissue = 0.4 * _bump(across / width)
    gap = 0.4 * width
    bones = 0.5 * (_bump((across - gap) / (0.3 * width)) + _bump((across + gap) / (0.3 * width)))
    return _grainy(generator.uniform(0.8, 1.0) * (tissue + bones), generator)


def _lying(limb: NDArray[np.float32]) -> NDArray[np.float32]:
    return resize(np.ascontiguousarray(limb.T), SIZE)


def _bump(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-(x**4))


def _grainy(image: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float32]:
    grain = resize(generator.random((16, 24), dtype=np.float32), SIZE) - 0.5
    return np.clip(image * (1.0 + 0.2 * grain), 0.0, 1.0).astype(np.float32)


def _screenshot(number: int) -> NDArray[np.float32]:
    page = Image.new("L", (SIZE[1], SIZE[0]), 255)
    canvas = ImageDraw.Draw(page)
    for line in range(6):
        canvas.text((2, 10 * line), f"Results {number + line}: none of these", fill=0)
    return np.asarray(page, dtype=np.float32) / np.float32(255)
