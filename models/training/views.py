"""Makes training views out of samples: resized, varied and cut, with their targets.

A view is drawn from a seed of its own (run, epoch, place), so that it is the same whichever worker makes it
and whether or not the run was interrupted before.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as transforms
from torchvision.tv_tensors import BoundingBoxes

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Sample
from models.picture import read_picture
from models.training.recipe import Augmentation
from models.training.targets import UNKNOWN, cell_targets, view_target

# How often a cut of an abnormal radiograph is made around a box, and how far from its center, in cut sides.
_AROUND_BOX = 0.75
_BESIDE_BOX = 0.35
# A cut without a box has its center in one of so many places squared.
_PLACES = 16
# The border that a rotation by 45 degrees can bring in, as share of the side.
_EDGE = 0.21


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One view to be made: of which sample, how large (None: the whole radiograph), from which seed."""

    position: int
    side: int | None
    seed: tuple[int, ...]


class TrainingBatch(NamedTuple):
    """Views with their targets; a tuple, as torch's loader pins those in memory.

    Attributes
    ----------
    views
        (B, 1, H, W) float32, normalized as the preprocessing says.
    labels
        (B,) float32: 1 abnormal, 0 normal, UNKNOWN where the cut leaves it open.
    cells
        (B, H / 32, W / 32) float32: the same for each cell of the map.
    """

    views: torch.Tensor
    labels: torch.Tensor
    cells: torch.Tensor


class TrainingViews(Dataset[TrainingBatch]):
    """The batches of one epoch, each made when it is asked for.

    Parameters
    ----------
    samples
        The training part of a data set.
    batches
        The cuts of each batch; those of one batch have one side.
    preprocessing, augmentation
        As the recipe has them.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        batches: Sequence[Sequence[Cut]],
        preprocessing: Preprocessing,
        augmentation: Augmentation,
    ) -> None:
        self._samples = samples
        self._batches = batches
        self._preprocessing = preprocessing
        self._augmentation = augmentation

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> TrainingBatch:
        made = [self._view(cut) for cut in self._batches[index]]
        views, labels, cells = zip(*made, strict=True)
        return TrainingBatch(
            views=torch.stack(views), labels=torch.tensor(labels), cells=torch.from_numpy(np.stack(cells))
        )

    def _view(self, cut: Cut) -> tuple[torch.Tensor, float, NDArray[np.float32]]:
        return training_view(
            self._samples[cut.position],
            self._preprocessing,
            self._augmentation,
            side=cut.side,
            generator=np.random.default_rng(cut.seed),
        )


def training_view(
    sample: Sample,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    *,
    side: int | None,
    generator: np.random.Generator,
) -> tuple[torch.Tensor, float, NDArray[np.float32]]:
    """Make one view of `sample`.

    Returns
    -------
    tuple[torch.Tensor, float, NDArray[np.float32]]
        The view (1, side, side) float32, its label and the targets of its cells, see TrainingBatch. Where
        nobody drew boxes, the cells of an abnormal radiograph are UNKNOWN, and so is the label of a part.

    Raises
    ------
    UnreadablePicture
        The file is no readable picture.
    """
    image = torch.from_numpy(read_picture(sample.image))[None]
    boxes = _corners(sample)
    image, boxes = _resized(image, boxes, preprocessing, generator.uniform(*augmentation.scale))
    image, boxes = _turned(image, boxes, augmentation, generator)
    length = preprocessing.input_size[0] if side is None else side
    center = _center(image, boxes, generator, side, shift=augmentation.shift)
    view, offset = _cut(image, center, length)
    boxes = boxes - np.tile(offset, 2)
    view = _varied(view, augmentation, generator)
    gain = (preprocessing.upper - preprocessing.lower) / preprocessing.std
    view = view * gain + (preprocessing.lower - preprocessing.mean) / preprocessing.std
    if sample.abnormal and sample.boxes is None:
        cells = np.full((length // 32, length // 32), UNKNOWN, dtype=np.float32)
        return view, 1.0 if side is None else UNKNOWN, cells
    label = float(sample.abnormal) if side is None else view_target(boxes, length)
    return view, label, cell_targets(boxes, length)


def _corners(sample: Sample) -> NDArray[np.float64]:
    corners = [(box.left, box.top, box.left + box.width, box.top + box.height) for box in sample.boxes or ()]
    return np.array(corners, dtype=np.float64).reshape(-1, 4)


def _resized(
    image: torch.Tensor, boxes: NDArray[np.float64], preprocessing: Preprocessing, scale: float
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    rows, cols = image.shape[-2:]
    height, width = preprocessing.input_size
    down, across = height / rows, width / cols
    if preprocessing.resize == "letterbox":
        down = across = min(down, across)
    size = [max(1, round(rows * down * scale)), max(1, round(cols * across * scale))]
    image = transforms.resize(image, size, antialias=True)
    return image, boxes * np.tile([size[1] / cols, size[0] / rows], 2)


def _turned(
    image: torch.Tensor,
    boxes: NDArray[np.float64],
    augmentation: Augmentation,
    generator: np.random.Generator,
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """Flip and rotate an image with its boxes; a rotated box becomes the rectangle around it."""
    rows, cols = image.shape[-2:]
    rectangles: torch.Tensor = BoundingBoxes(boxes, format="XYXY", canvas_size=(rows, cols))
    if generator.random() < augmentation.horizontal_flip:
        image = transforms.horizontal_flip(image)
        rectangles = transforms.horizontal_flip(rectangles)
    if generator.random() < augmentation.vertical_flip:
        image = transforms.vertical_flip(image)
        rectangles = transforms.vertical_flip(rectangles)
    angle = generator.uniform(-1.0, 1.0) * augmentation.rotation_degrees
    if augmentation.edge_fill:
        return _rotated_with_edges(image, angle), rectangles.numpy()
    if angle:
        bilinear = transforms.InterpolationMode.BILINEAR
        image = transforms.rotate(image, angle, interpolation=bilinear, expand=True)
        if len(rectangles):
            rectangles = transforms.rotate(rectangles, angle, expand=True)
    return image, rectangles.numpy()


def _rotated_with_edges(image: torch.Tensor, angle: float) -> torch.Tensor:
    rows, cols = image.shape[-2:]
    pad = math.ceil(_EDGE * max(rows, cols))
    wide = transforms.pad(image, [pad], padding_mode="edge")
    turned = transforms.rotate(wide, angle, interpolation=transforms.InterpolationMode.BILINEAR)
    return transforms.center_crop(turned, [rows, cols])


def _center(
    image: torch.Tensor,
    boxes: NDArray[np.float64],
    generator: np.random.Generator,
    side: int | None,
    *,
    shift: float,
) -> NDArray[np.float64]:
    """Return where the middle of the view is to be: (x, y) in pixels of `image`."""
    size = np.array(image.shape[:0:-1], dtype=np.float64)
    anywhere = generator.random(2)
    if side is None:
        return size / 2 + (2 * anywhere - 1) * shift * size
    if len(boxes) and generator.random() < _AROUND_BOX:
        left, top, right, bottom = boxes[generator.integers(len(boxes))]
        middle = np.array([left + right, top + bottom]) / 2
        return middle + (2 * anywhere - 1) * _BESIDE_BOX * side
    return (_bright_place(image, generator) + anywhere) * size / _PLACES


def _bright_place(image: torch.Tensor, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw one of the places of a grid over `image`, the brighter the likelier: bone, not background."""
    brightness = adaptive_avg_pool2d(image, _PLACES).double().numpy().ravel() + 1e-3
    place = generator.choice(brightness.size, p=brightness / brightness.sum())
    return np.array([place % _PLACES, place // _PLACES], dtype=np.float64)


def _cut(
    image: torch.Tensor, center: NDArray[np.float64], side: int
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    left, top = (int(value) for value in np.round(center - side / 2))
    view = transforms.crop(image, top, left, side, side)
    return view, np.array([left, top], dtype=np.float64)


def _varied(view: torch.Tensor, augmentation: Augmentation, generator: np.random.Generator) -> torch.Tensor:
    """Vary the gray levels of `view` (1, side, side) in [0, 1]; the result is within [0, 1] too."""
    change = generator.uniform(-1.0, 1.0, size=3)
    blurred, noisy = generator.random(2) < 0.5
    sigma, spread = generator.random(2) * (augmentation.blur, augmentation.noise)
    if augmentation.log_gamma:
        view = transforms.adjust_gamma(view, math.exp(change[0] * augmentation.log_gamma))
    view = transforms.adjust_brightness(view, 1.0 + change[1] * augmentation.brightness)
    mean = view.mean()
    view = (mean + (view - mean) * (1.0 + change[2] * augmentation.contrast)).clamp(0.0, 1.0)
    if blurred and sigma > 0.3:
        view = transforms.gaussian_blur(view, [5, 5], [sigma, sigma])
    if noisy and spread > 0.0:
        grain = generator.standard_normal(view.shape, dtype=np.float32)
        view = (view + float(spread) * torch.from_numpy(grain)).clamp(0.0, 1.0)
    return view
