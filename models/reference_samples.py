"""Makes a bundle's reference from labeled radiographs: those of its regions, and the others against them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from models.datasets.sample import Sample
from models.datasets.source import of_split
from models.errors import UnreadablePicture
from models.manifest_entries import Preprocessing
from models.member import Member
from models.picture import read_picture
from models.preprocess import preprocess
from models.reference import NewReference
from models.reference_fit import ReferenceInputs, reference_of

# The least share of each side that is left when a radiograph is cut, and the strongest change of its tones.
_LEAST_KEPT = 0.7
_LOG_GAMMA = 0.25


def reference_of_samples(
    members: Mapping[str, Member],
    samples: Iterable[Sample],
    preprocessing: Preprocessing,
    *,
    regions: Collection[str] = (),
    data: str,
    on_progress: Callable[[], None] = lambda: None,
) -> NewReference:
    """Fit a reference to the splits "train" and "val" of `samples`, every second image as `retaken`.

    Parameters
    ----------
    members
        As for `models.reference_fit.reference_of`, which see for the errors, too.
    regions
        What the bundle is for, as the data set names it; training images of other regions stand for other
        body parts. Empty if all regions are its own.
    data
        Which images these are, in a sentence for the manifest.
    on_progress
        Called after each image.

    Raises
    ------
    DatasetRefused
        There is no split "train" or "val".
    """
    every = tuple(samples)

    def inputs(split: str, *, own: bool) -> Iterator[NDArray[np.float32]]:
        chosen = (sample for sample in of_split(every, split) if is_of_regions(sample, regions) is own)
        for image in inputs_of(chosen, preprocessing):
            yield image
            on_progress()

    given = ReferenceInputs(
        training=inputs("train", own=True),
        validation=inputs("val", own=True),
        others=inputs("train", own=False),
    )
    return reference_of(members, given, preprocessing, data=data)


def is_of_regions(sample: Sample, regions: Collection[str]) -> bool:
    """Say whether a sample shows nothing but `regions`; what it shows may be several, joined by "+"."""
    return not regions or all(part in regions for part in sample.region.split("+"))


def inputs_of(samples: Iterable[Sample], preprocessing: Preprocessing) -> Iterator[NDArray[np.float32]]:
    """Yield the inputs (H, W) of the samples whose pictures can be read, every second one as `retaken`.

    The same samples give the same inputs.
    """
    for number, sample in enumerate(samples):
        try:
            picture = read_picture(sample.image)
        except UnreadablePicture:
            continue  # a reference is of what the members can be shown
        if number % 2:
            picture = retaken(picture, np.random.default_rng(number))
        yield preprocess(picture, preprocessing)


def retaken(picture: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Return a radiograph as another operator might have collimated and exposed it.

    Data sets come from few machines, and are cut alike. Without this, a hand that is cut closer than usual
    would seem to be another body part.

    Parameters
    ----------
    picture
        (rows, cols) in [0, 1]; at least `_LEAST_KEPT` of each side is kept.
    """
    rows, cols = (_cut(length, generator) for length in picture.shape)
    gamma = np.exp(generator.uniform(-_LOG_GAMMA, _LOG_GAMMA))
    return np.ascontiguousarray(picture[rows, cols] ** np.float32(gamma))


def _cut(length: int, generator: np.random.Generator) -> slice:
    kept = max(1, round(length * generator.uniform(_LEAST_KEPT, 1.0)))
    start = int(generator.integers(length - kept + 1))
    return slice(start, start + kept)
