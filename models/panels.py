"""Sets the members of an ensemble side by side: what each says of a view, and what several say together.

This module is the paper's Figure 12, where three models read one image: there the ensemble and two of its
members, here any choice of them. It recombines what members said; no network runs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bundle.entries import Calibration
from models.finding import MemberFinding, members_activation, view_probability

ENSEMBLE = "ensemble"
"""The name of the panel of several members, which comes first."""

PAPER_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperReading:
    """What the rule of Banga & Waiganjo makes of the same members.

    Attributes
    ----------
    score
        Mean of the members' sigmoids as they came from the networks, with equal votes, in the paper's
        polarity: 1 is NORMAL, 0 is abnormal. Its verdict is "abnormal" below 0.5.
    """

    score: float

    @property
    def is_abnormal(self) -> bool:
        """The paper's verdict, abnormal or normal."""
        return self.score < PAPER_THRESHOLD


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """What one member says of a view, or several together.

    Attributes
    ----------
    name
        The member's; `ENSEMBLE` where it is several.
    members
        Whose numbers these are, with their votes.
    probability
        P(abnormal) in [0, 1], the mean of the members' by their votes.
    activation
        (h, w) float32, log-odds of abnormal of each cell.
    reaches
        Whether the probability is at or above the operating point's threshold.
    is_stated
        Whether the operating point was stated for these members together: for all of the bundle's.
    paper
        The paper's rule on the same members; None where their calibrations are not at hand.
    """

    name: str
    members: tuple[MemberFinding, ...]
    probability: float
    activation: NDArray[np.float32]
    reaches: bool
    is_stated: bool
    paper: PaperReading | None

    @property
    def is_ensemble(self) -> bool:
        """Whether these are several members."""
        return len(self.members) > 1


def panels_of(
    members: Sequence[MemberFinding],
    *,
    threshold: float,
    chosen: Sequence[str] = (),
    calibrations: Mapping[str, Calibration] | None = None,
) -> tuple[Panel, ...]:
    """Return a panel of the chosen members together, where they are several, then one of each.

    Parameters
    ----------
    members
        All that a bundle's members said of one view.
    threshold
        The operating point's.
    chosen
        Names of members, in any order; all of them where it is empty.
    calibrations
        By member, as the manifest has them; None where that manifest is not at hand.

    Raises
    ------
    ValueError
        There is no member of a chosen name.
    """
    unknown = set(chosen) - {member.member for member in members}
    if unknown:
        raise ValueError(f"the bundle has no member called {', '.join(sorted(unknown))}")
    group = tuple(member for member in members if not chosen or member.member in chosen)

    def panel(name: str, some: tuple[MemberFinding, ...]) -> Panel:
        probability = view_probability(some)
        return Panel(
            name=name,
            members=some,
            probability=probability,
            activation=members_activation(some),
            reaches=probability >= threshold,
            is_stated=len(some) == len(members),
            paper=None if calibrations is None else paper_reading(some, calibrations),
        )

    each = tuple(panel(member.member, (member,)) for member in group)
    return each if len(group) == 1 else (panel(ENSEMBLE, group), *each)


def paper_reading(members: Sequence[MemberFinding], calibrations: Mapping[str, Calibration]) -> PaperReading:
    """Return what the paper's rule makes of members whose logits are calibrated as given."""
    sigmoids = [_raw_sigmoid(member.logit, calibrations[member.member]) for member in members]
    return PaperReading(score=1.0 - math.fsum(sigmoids) / len(sigmoids))


def _raw_sigmoid(logit: float, calibration: Calibration) -> float:
    """Return P(abnormal) as the network itself says it, before its calibration."""
    return 0.5 + 0.5 * math.tanh(0.5 * (logit - calibration.offset) / calibration.scale)
