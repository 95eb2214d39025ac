"""Says what an engine is, and holds what it answers.

Only arrays go in and come out: whoever asks an engine needs no library that computes networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberPass:
    """What one member says of B views, before any calibration; NaN or infinity where it has no answer.

    Attributes
    ----------
    logit
        (B,) float64; its sigmoid is the P(abnormal) that the member learned to give.
    activation
        (B, h, w) float32, each cell's logit, with the bias of the head: pooled over h and w, it is `logit`.
        All members of a bundle have the same h and w.
    embedding
        (B, C) float32, the mean of the member's features: what it saw, before it judged.

    Raises
    ------
    ValueError
        An array has another shape or type; broadcast, it would make wrong numbers and no error.
    """

    logit: NDArray[np.float64]
    activation: NDArray[np.float32]
    embedding: NDArray[np.float32]

    def __post_init__(self) -> None:
        views = self.logit.shape[:1]
        for name, axes, dtype in (
            ("logit", 1, np.float64),
            ("activation", 3, np.float32),
            ("embedding", 2, np.float32),
        ):
            array = getattr(self, name)
            if (array.ndim, array.shape[:1], array.dtype) != (axes, views, dtype):
                raise ValueError(
                    f"{name} must be {dtype.__name__} of {axes} axes that begin with {views}, as the logit, "
                    f"not {array.dtype} {array.shape}"
                )


class Engine(Protocol):
    """The members of one bundle, ready on one device."""

    @property
    def label(self) -> str:
        """The library that computes, and its precision: "torch float32"; ASCII, at most 64 characters.

        Engines whose numbers differ by more than rounding have different labels: results are told apart by
        it. The device is no part of it.
        """

    def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
        """Take a batch through all members.

        Parameters
        ----------
        batch
            (B, H, W) float32 in C order, B at least 1: views as `models.preprocess.preprocess` gives them.

        Returns
        -------
        Mapping[str, MemberPass]
            By the name of the member, in the manifest's order. The same batch gives the same bits; the other
            views of a batch change a view's numbers by rounding only. A view that holds NaN gets NaN or
            infinity, and leaves the others' numbers finite.
        """
