"""Says what is asked of an evaluation. This module is the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.evaluation.figures import RESAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of an evaluation.

    Attributes
    ----------
    variants
        Members by the name of their variant, beside each member alone and the ensemble of all, which are
        always measured.
    sensitivities
        Operating points are sought for these, to show what specificity they cost.
    prevalences
        Shares of abnormal studies for which triage is worked out.
    resamples, seed
        Of the bootstrap.
    """

    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sensitivities: tuple[float, ...] = (0.90, 0.95, 0.98)
    prevalences: tuple[float, ...] = (0.05, 0.15, 0.30)
    resamples: int = RESAMPLES
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the samples are from: the data set as it was named, such as "csv:FILE", and its split."""

    source: str
    split: str
