"""Makes findings of what the members say: calibrated, with their votes, and held against the training data.

The members run in an engine below (`models.engines`). Here are only arrays, so that what the numbers mean is
the same whatever computes them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.bundle.files import Description
from models.bundle.manifest import MemberEntry
from models.engines.engine import Engine, MemberPass
from models.engines.registry import open_engine
from models.errors import NonFiniteOutput
from models.finding import MemberFinding, ViewReading, probabilities
from models.preprocess import displayed
from models.reference.drift import InputCheck

if TYPE_CHECKING:  # it loads torch, which the engine may do without
    from models.bundle.loading import Bundle


class Ensemble:
    """The members of a bundle, ready to predict.

    `open_ensemble` makes one of a bundle in memory, `models.deployment.deploy` one that is to serve.

    Parameters
    ----------
    bundle
        Says what the members' numbers mean.
    engine
        Runs the members of this bundle.
    """

    def __init__(self, bundle: "Bundle | Description", engine: Engine) -> None:
        self.identity = bundle.identity
        self.preprocessing = bundle.manifest.preprocessing
        self._entries = bundle.manifest.members
        self._reference = bundle.reference
        self._engine = engine

    @property
    def engine(self) -> str:
        """What computes, and how, see `models.engines.engine.Engine.label`."""
        return self._engine.label

    def predict(self, batch: NDArray[np.float32]) -> list[tuple[MemberFinding, ...]]:
        """Return what each member says of each view: the members' part of `read`, which see."""
        return [reading.members for reading in self.read(batch)]

    def read(self, batch: NDArray[np.float32]) -> list[ViewReading]:
        """Return what each member says of each view, and how the view compares with the training data.

        Parameters
        ----------
        batch
            (B, H, W) float32, views as `models.preprocess.preprocess` gives them. The other views of a batch
            change a view's numbers by rounding only, below 1e-5.

        Returns
        -------
        list[ViewReading]
            One per view, in order; in it one finding per member, in the manifest's order, and the check of
            the input where the bundle has a reference.

        Raises
        ------
        NonFiniteOutput
            A member answered NaN or infinity; the exception names the views, the others can be run again.
        ValueError
            `batch` does not have the shape of the manifest's input.
        """
        if batch.ndim != 3 or batch.shape[1:] != self.preprocessing.input_size:
            raise ValueError(
                f"a batch must be (B, H, W) of {self.preprocessing.input_size}, not {batch.shape}"
            )
        if len(batch) == 0:
            return []
        passes = self._engine.run(np.ascontiguousarray(batch, dtype=np.float32))
        findings = [_findings(entry, passes[entry.name]) for entry in self._entries]
        checks = self._checks(batch, passes)
        return [
            ViewReading(members=members, input_check=check, engine=self.engine)
            for members, check in zip(zip(*findings, strict=True), checks, strict=True)
        ]

    def _checks(
        self, batch: NDArray[np.float32], passes: Mapping[str, MemberPass]
    ) -> Sequence[InputCheck | None]:
        if self._reference is None:
            return [None] * len(batch)
        embeddings = {name: each.embedding for name, each in passes.items()}
        return self._reference.check(displayed(batch, self.preprocessing), embeddings)


def open_ensemble(bundle: "Bundle", device: str, *, threads: int | None = None) -> Ensemble:
    """Make a bundle ready to predict with torch; parameters as for `models.engines.registry.open_engine`."""
    return Ensemble(bundle, open_engine(bundle, device=device, threads=threads))


def _findings(entry: MemberEntry, found: MemberPass) -> list[MemberFinding]:
    """Return what a member says of each view; raise NonFiniteOutput."""
    scale, offset = entry.calibration.scale, entry.calibration.offset
    logit = found.logit * scale + offset
    activation = found.activation * scale + offset
    finite = np.isfinite(logit) & np.isfinite(activation).all(axis=(1, 2))
    if not finite.all():
        raise NonFiniteOutput(entry.name, tuple(np.flatnonzero(~finite).tolist()))
    return [
        MemberFinding(member=entry.name, logit=z, probability=p, activation=a, vote=entry.vote)
        for z, p, a in zip(logit.tolist(), probabilities(logit).tolist(), activation, strict=True)
    ]
