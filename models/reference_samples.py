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
    """Yield the inputs (H, W) of the samples whose pictures can be read."""
    for sample in samples:
        try:
            yield preprocess(read_picture(sample.image), preprocessing)
        except UnreadablePicture:
            continue  # a reference is of what the members can be shown
