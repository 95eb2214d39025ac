"""An engine without networks, and a bundle for it: an ensemble whose numbers a test can foretell."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle.loading import Bundle
from models.bundle.manifest import Calibration, MemberEntry, identity_of, parse_manifest
from models.engines.engine import MemberPass
from models.reference.reference import Reference
from tests.models.builders import MANIFEST

_CELL = 32  # pixels along a side, as for the real members


class FakeEngine:
    """Members that read brightness: a cell's logit is the mean of its pixels plus the bias of the member.

    The bundle's input is (64, 96), so maps are (2, 3).
    """

    label = "brightness float32"

    def __init__(self, biases: Mapping[str, float]) -> None:
        self._biases = biases

    def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
        views, rows, cols = batch.shape
        cells = batch.reshape(views, rows // _CELL, _CELL, cols // _CELL, _CELL).mean(axis=(2, 4))
        return {name: _pass(cells + np.float32(bias)) for name, bias in self._biases.items()}


def _pass(activation: NDArray[np.float32]) -> MemberPass:
    return MemberPass(
        logit=activation.mean(axis=(1, 2), dtype=np.float64),
        activation=activation,
        embedding=activation.reshape(len(activation), -1),
    )


def bundle_without_weights(
    *,
    calibrations: Sequence[Calibration] = (),
    votes: Sequence[float] = (),
    reference: Reference | None = None,
) -> Bundle:
    """Return a bundle of "first" and "second", whose members are for the engine to bring."""
    content = MANIFEST.encode()
    plain = parse_manifest(content, path=Path("manifest.toml"))
    entries: list[MemberEntry] = list(plain.members)
    for name, values in (("calibration", calibrations), ("vote", votes)):
        if values:
            entries = [e.model_copy(update={name: v}) for e, v in zip(entries, values, strict=True)]
    manifest = plain.model_copy(update={"members": tuple(entries)})
    return Bundle(identity=identity_of(manifest, content), manifest=manifest, members={}, reference=reference)


def plain_views(*levels: float) -> NDArray[np.float32]:
    """Return a batch for it, each view of one level all over."""
    return np.stack([np.full((64, 96), level, dtype=np.float32) for level in levels])
