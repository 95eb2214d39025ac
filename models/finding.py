"""Holds what the ensemble says of one view, member by member.

Every number is about P(abnormal): 1 is abnormal, 0 is normal; abnormal is what the bundle's target names.
`models.study_finding` makes the finding of a study of these, from which all outputs are made.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import OperatingPoint
from models.errors import UnjudgedView
from models.places import Place
from models.reference.drift import InputCheck, InputWarning


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberFinding:
    """What one member says of one view.

    Attributes
    ----------
    member
        Name of the member in its bundle.
    logit
        Log-odds of P(abnormal), finite; calibrated as the bundle's manifest says.
    probability
        P(abnormal) in [0, 1].
    activation
        (h, w) float32, read-only: each cell's log-odds of abnormal, as if the view looked everywhere like
        there; calibrated as the logit is, which is what they pool to.
    vote
        What the member counts in the ensemble, above 0, in relation to the others.
    """

    member: str
    logit: float
    probability: float
    activation: NDArray[np.float32]
    vote: float = 1.0

    def __post_init__(self) -> None:
        activation = np.array(self.activation, dtype=np.float32)
        if activation.ndim != 2 or activation.size == 0:
            raise ValueError(f"activation must be (h, w) and not empty, not {activation.shape}")
        if not (math.isfinite(self.logit) and np.isfinite(activation).all()):
            raise ValueError(f"logit and activation of member {self.member} must be finite")
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability must be in [0, 1], not {self.probability}")
        if not 0.0 < self.vote < math.inf:
            raise ValueError(f"vote must be above 0 and finite, not {self.vote}")
        activation.setflags(write=False)
        object.__setattr__(self, "activation", activation)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MemberFinding):
            return NotImplemented
        return self._numbers() == other._numbers() and np.array_equal(self.activation, other.activation)

    def __hash__(self) -> int:
        return hash(self._numbers())

    def _numbers(self) -> tuple[str, float, float, float]:
        return self.member, self.logit, self.probability, self.vote


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewReading:
    """What the ensemble reads in one input: the members' findings, and whether it is one they can judge.

    `input_check` is None where the bundle has no reference. `engine` is what computed the numbers, as in
    `models.engines.engine.Engine.label`; empty where nobody kept it.
    """

    members: tuple[MemberFinding, ...]
    input_check: InputCheck | None = None
    engine: str = ""

    def require_judged(self, point: OperatingPoint) -> None:
        """Refuse a view that must not count as not flagged.

        A network that is shown an inverted wrist finds nothing in it, and nobody may take that for an answer.
        What it does find there stays, with its warning.

        Raises
        ------
        UnjudgedView
            The view is inverted or unlike any radiograph, and below the operating point.
        """
        defect = None if self.input_check is None else self.input_check.defect
        if defect and view_probability(self.members) < point.threshold:
            raise UnjudgedView(defect)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewGeometry:
    """Size and shape of a view as it is stored.

    `rows` and `columns` are in pixels, `pixel_aspect` is the height of a pixel divided by its width.
    """

    rows: int
    columns: int
    pixel_aspect: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFinding:
    """What the ensemble says of one view.

    Attributes
    ----------
    view_id
        Opaque here; the daemon uses the SOP Instance UID.
    part
        Region and side that the view shows, for people, such as "left wrist"; empty where nobody knows. The
        views of a part are folded together.
    input_check
        Compares the view with the training data; None where the bundle has no reference. It changes no
        number.
    geometry
        None where nobody kept it; then the finding has no places.
    places
        Where the ensemble finds the target, highest first; filled in by `models.study_finding` for a
        view that reaches the operating point.
    """

    view_id: str
    members: tuple[MemberFinding, ...]
    part: str = ""
    input_check: InputCheck | None = None
    geometry: ViewGeometry | None = None
    places: tuple[Place, ...] = ()

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("a view finding needs at least one member")
        shapes = {member.activation.shape for member in self.members}
        if len(shapes) > 1:
            raise ValueError(f"activations of all members must have one shape, not {sorted(shapes)}")

    @property
    def probability(self) -> float:
        """P(abnormal) of the view: `view_probability` of its members."""
        return view_probability(self.members)

    @property
    def warning(self) -> InputWarning | None:
        """In what way the view differs from the training data; None where it does not, or nobody can say."""
        return None if self.input_check is None else self.input_check.warning

    @property
    def activation(self) -> NDArray[np.float32]:
        """Where the ensemble sees abnormality: (h, w) float32, log-odds of abnormal of each cell.

        It is the mean of the members', weighted by their votes and by how abnormal they find the view: who
        sees nothing there has little to say of where. Of the ways that `models.evaluation.combinations`
        compares it pointed best at fractures (docs/research.md).
        """
        return members_activation(self.members)


def view_probability(members: Sequence[MemberFinding]) -> float:
    """Return the mean of the members' probabilities, weighted by their votes."""
    # Rounded once, at the end, so that members who agree on a threshold keep the view on it.
    votes = [Fraction(member.vote) for member in members]
    stated = [Fraction(member.probability) for member in members]
    return float(sum(vote * p for vote, p in zip(votes, stated, strict=True)) / sum(votes))


def members_activation(members: Sequence[MemberFinding]) -> NDArray[np.float32]:
    """Return where members together see abnormality, (h, w); see `ViewFinding.activation`."""
    cells = np.stack([member.activation for member in members])
    votes = np.array([member.vote for member in members])
    return weighted_cells(cells, votes * [member.probability for member in members])


def weighted_cells(activations: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the mean (h, w) of M maps (M, h, w), weighted by M numbers that are not negative."""
    # Members who are all entirely sure that there is nothing leave no weight at all.
    mean: NDArray[np.float32] = np.average(activations, axis=0, weights=weights + 1e-12).astype(np.float32)
    return mean


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits of any shape, float64, into probabilities in [0, 1], each on its own to the last bit."""
    with np.errstate(over="ignore"):  # below -709 the exponential is infinity, and the probability rightly 0
        sigmoid: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-logits))
    return sigmoid


def cell_probabilities(activations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn log-odds of any shape, float32, into probabilities in [0, 1]."""
    # By way of tanh, which no log-odds overflow.
    half = np.float32(0.5)
    probabilities: NDArray[np.float32] = half + half * np.tanh(half * activations)
    return probabilities
