"""Makes a bundle's reference from labeled radiographs: those of its regions, and the others against them.

How closely a radiograph is collimated differs between hospitals more than within a data set, and a large hand
is no other body part. So every training image counts twice, as it is and cut to a part.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from models.bundle.entries import Preprocessing
from models.datasets.sample import Sample
from models.datasets.source import of_split
from models.errors import UnreadablePicture
from models.networks.member import Member
from models.picture import read_picture
from models.preprocess import preprocess
from models.reference.fitting import ReferenceInputs, reference_of
from models.reference.reference import NewReference

# The sides of a cut, as shares of the image's, are drawn evenly from here to the whole.
_SMALLEST_CUT = 0.6


def reference_of_samples(
    members: Mapping[str, Member],
    samples: Iterable[Sample],
    preprocessing: Preprocessing,
    *,
    regions: Collection[str] = (),
    data: str,
    on_progress: Callable[[], None] = lambda: None,
) -> NewReference:
    """Fit a reference to the splits "train" and "val" of `samples`.

    Parameters
    ----------
    members
        As for `models.reference.fitting.reference_of`, which see for the errors, too.
    regions
        What the bundle is for, as the data set names it; training images of other regions stand for other
        body parts. Empty if all regions are its own.
    data
        Which images these are, in a sentence for the manifest.
    on_progress
        Called after each image and each cut.

    Raises
    ------
    DatasetRefused
        There is no split "train" or "val".
    """
    every = tuple(samples)
    generator = np.random.default_rng(0)

    def inputs(split: str, *, own: bool, cut: bool) -> Iterator[NDArray[np.float32]]:
        chosen = (sample for sample in of_split(every, split) if is_of_regions(sample, regions) is own)
        for picture in _pictures(chosen):
            yield preprocess(picture, preprocessing)
            on_progress()
            if cut:
                yield preprocess(_part(picture, generator), preprocessing)
                on_progress()

    given = ReferenceInputs(
        training=inputs("train", own=True, cut=True),
        validation=inputs("val", own=True, cut=False),
        others=inputs("train", own=False, cut=True),
        views=2,
    )
    return reference_of(members, given, preprocessing, data=data)


def is_of_regions(sample: Sample, regions: Collection[str]) -> bool:
    """Say whether a sample shows nothing but `regions`; what it shows may be several, joined by "+"."""
    return not regions or all(part in regions for part in sample.region.split("+"))


def _pictures(samples: Iterable[Sample]) -> Iterator[NDArray[np.float32]]:
    for sample in samples:
        try:
            yield read_picture(sample.image)
        except UnreadablePicture:
            continue  # a reference is of what the members can be shown


def _part(picture: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Cut a rectangle of the picture's proportions out of it, somewhere."""
    share = generator.uniform(_SMALLEST_CUT, 1.0)
    rows, cols = (max(1, round(share * side)) for side in picture.shape)
    top = int(generator.integers(picture.shape[0] - rows + 1))
    left = int(generator.integers(picture.shape[1] - cols + 1))
    return np.ascontiguousarray(picture[top : top + rows, left : left + cols])
