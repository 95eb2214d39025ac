"""Runs a bundle over labeled radiographs. This module holds what came out: the predictions.

Figures are made from predictions, so that a data set is read and thought about once, however many figures,
variants and resamples are asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.bundle.loading import Bundle
from models.bundle.manifest import MemberEntry, Preprocessing
from models.datasets.sample import Sample
from models.ensemble import open_ensemble
from models.errors import DatasetRefused, UnreadablePicture
from models.evaluation.cases import Cases, Level
from models.finding import MemberFinding, probabilities
from models.fold import Fold
from models.picture import read_picture
from models.preprocess import preprocess

# Decoding releases Python's lock; more readers than this wait for each other, and for the disk.
_READERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A radiograph that could not be read, and why; it is in no figure."""

    sample: Sample
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What M members say of N radiographs.

    Attributes
    ----------
    samples
        The N radiographs that were read, in the order given.
    members
        The names of the M members, in the bundle's order.
    votes
        (M,) float64, what each counts in the mean of several.
    logits
        (M, N) float64, calibrated log-odds of P(abnormal), as in `models.finding.MemberFinding`.
    activations
        (M, N, h, w) float32, each cell's log-odds of abnormal, over the network's whole input.
    shapes
        (N, 2) int, rows and columns of each image file: what boxes are drawn in.
    preprocessing
        How the images became inputs.
    fold
        How the bundle folds the images of a study.
    unreadable
        Those that are missing from `samples`.
    """

    samples: tuple[Sample, ...]
    members: tuple[str, ...]
    votes: NDArray[np.float64]
    logits: NDArray[np.float64]
    activations: NDArray[np.float32]
    shapes: NDArray[np.intp]
    preprocessing: Preprocessing
    fold: Fold = Fold.MEAN
    unreadable: tuple[Unreadable, ...] = ()

    def __post_init__(self) -> None:
        expected = (len(self.members), len(self.samples))
        for name in ("logits", "activations"):
            shape = getattr(self, name).shape
            if shape[:2] != expected:
                raise ValueError(f"the shape of {name} must begin with {expected}, not {shape}")
        if self.votes.shape != (len(self.members),):
            raise ValueError(f"votes must be ({len(self.members)},), not {self.votes.shape}")
        if self.shapes.shape != (len(self.samples), 2):
            raise ValueError(f"shapes must be ({len(self.samples)}, 2), not {self.shapes.shape}")

    @property
    def labels(self) -> NDArray[np.bool_]:
        """(N,) bool, True = abnormal."""
        return np.array([sample.abnormal for sample in self.samples], dtype=bool)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(M, N) P(abnormal) of each member."""
        return probabilities(self.logits)

    def cases(self, level: Level) -> Cases:
        """Return the images, or the studies that the bundle would make of them."""
        return Cases.of(self.samples, level, self.fold)

    def scores(self, members: Sequence[str]) -> NDArray[np.float64]:
        """Return (N,) P(abnormal) of the ensemble of `members`: the mean of what they say, by their votes."""
        chosen = [self.members.index(name) for name in members]
        mean: NDArray[np.float64] = np.average(self.probabilities[chosen], axis=0, weights=self.votes[chosen])
        return mean


def by_the_papers_rule(predictions: Predictions, members: Sequence[MemberEntry]) -> Predictions:
    """Return what the members said before any calibration, with equal votes and the mean over views.

    The paper averages raw sigmoids.

    `members` are those of the bundle's manifest, in its order.
    """
    scales = np.array([entry.calibration.scale for entry in members])[:, None]
    offsets = np.array([entry.calibration.offset for entry in members])[:, None]
    cells = (predictions.activations - offsets[..., None, None]) / scales[..., None, None]
    return replace(
        predictions,
        votes=np.ones(len(members)),
        fold=Fold.MEAN,
        logits=(predictions.logits - offsets) / scales,
        activations=cells.astype(np.float32),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    sample: Sample
    shape: tuple[int, int]
    pixels: NDArray[np.float32]


def predict(
    bundle: Bundle,
    samples: Sequence[Sample],
    *,
    device: str,
    batch: int = 16,
    on_progress: Callable[[int], None] = lambda images: None,
) -> Predictions:
    """Run the members of `bundle` over the images of `samples`.

    Parameters
    ----------
    device
        "cpu" or "cuda", see `models.engines.device.choose_device`.
    batch
        How many images go through the members at once. The next batch is read meanwhile; no more than two
        are in memory.
    on_progress
        Is told after each batch how many images it had.

    Raises
    ------
    DatasetRefused
        There is no sample, or none of the images can be read. Single images that cannot be read do not stop
        the run: they are in `Predictions.unreadable`.
    NonFiniteOutput
        A member answers NaN or infinity: the bundle is broken.
    """
    ensemble = open_ensemble(bundle, device)
    views: list[tuple[Sample, tuple[int, int]]] = []
    findings: list[tuple[MemberFinding, ...]] = []
    unreadable: list[Unreadable] = []
    for read in _read_ahead(samples, batch, ensemble.preprocessing):
        seen = [view for view in read if isinstance(view, _View)]
        unreadable += [problem for problem in read if isinstance(problem, Unreadable)]
        if seen:
            findings += ensemble.predict(np.stack([view.pixels for view in seen]))
        views += [(view.sample, view.shape) for view in seen]
        on_progress(len(read))
    if not views:
        raise DatasetRefused(_nothing_read(unreadable))
    return Predictions(
        samples=tuple(sample for sample, _ in views),
        members=bundle.identity.members,
        votes=np.array([entry.vote for entry in bundle.manifest.members]),
        logits=np.array([[finding.logit for finding in each] for each in findings]).T,
        activations=np.stack([[finding.activation for finding in each] for each in findings], axis=1),
        shapes=np.array([shape for _, shape in views]),
        preprocessing=ensemble.preprocessing,
        fold=bundle.manifest.fold,
        unreadable=tuple(unreadable),
    )


def _read_ahead(
    samples: Sequence[Sample], batch: int, preprocessing: Preprocessing
) -> Iterator[list[_View | Unreadable]]:
    """Yield batch after batch, while the one after it is being read."""

    def read(sample: Sample) -> _View | Unreadable:
        return _read(sample, preprocessing)

    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers:
        waiting: list[Future[_View | Unreadable]] = []
        for start in range(0, len(samples), batch):
            coming = [readers.submit(read, sample) for sample in samples[start : start + batch]]
            if waiting:
                yield [future.result() for future in waiting]
            waiting = coming
        if waiting:
            yield [future.result() for future in waiting]


def _read(sample: Sample, preprocessing: Preprocessing) -> _View | Unreadable:
    try:
        image = read_picture(sample.image)
        shape = (image.shape[0], image.shape[1])
        return _View(sample=sample, shape=shape, pixels=preprocess(image, preprocessing))
    except UnreadablePicture as problem:
        return Unreadable(sample=sample, reason=str(problem))


def _nothing_read(unreadable: Sequence[Unreadable]) -> str:
    if not unreadable:
        return "the data set has no images; choose another split or region"
    first = unreadable[0].reason
    return f"none of the {len(unreadable)} images can be read; the first: {first}"
