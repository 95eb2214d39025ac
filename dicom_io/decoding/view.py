"""The image of an instance as a viewer shows it.

This module holds that image with what is needed to draw it in right proportions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """The pixels of an instance, each in its place as stored, and their shape.

    Attributes
    ----------
    image
        (rows, columns) float32 in [0, 1], 1 = white.
    pixel_aspect
        Height of a pixel divided by its width, 1/4 to 4. It is for whoever draws or resizes the image; places
        in the image are those of the instance, whatever it is.
    """

    image: NDArray[np.float32]
    pixel_aspect: float = 1.0
