"""Says how a view compares with the data that its bundle was trained on.

A network answers whatever it is shown: an inverted wrist, a knee, a screenshot. This module holds the values
that tell a reader when an answer is about something the members never saw. They hide no result and change no
score.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

UNLIKE_ANY_RADIOGRAPH = 1.5
"""Distance from which on a low score is not reported; docs/research.md has what lies on which side of it."""


class InputWarning(StrEnum):
    """In what way a view differs from the training data, as far as it can be said."""

    INVERTED = "inverted"
    TONES = "tones"
    CONTENT = "content"
    BODY_PART = "body part"

    @property
    def clause(self) -> str:
        """What is unusual, as words that follow "the view"."""
        return _CLAUSES[self]

    @property
    def sentence(self) -> str:
        """The whole warning for a reader, in printable ASCII."""
        return f"This view {self.clause}: it differs from the training data, treat its result with caution."


_CLAUSES = {
    InputWarning.INVERTED: "looks inverted (black for white)",
    InputWarning.TONES: "has unusual gray tones",
    InputWarning.CONTENT: "looks unlike a radiograph of the training data",
    InputWarning.BODY_PART: "looks like another body part",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputCheck:
    """One view compared with the reference of its bundle.

    Attributes
    ----------
    distance
        From the training data, relative to the limit: above 1 the view is unlike them. Finite, not negative.
    warning
        What is unusual; None up to a distance of 1.
    """

    distance: float
    warning: InputWarning | None = None

    @property
    def defect(self) -> InputWarning | None:
        """In what way the view differs so much that a low score says nothing of it; None where it does.

        Milder differences are warned of and leave the score what it is.
        """
        if self.warning is InputWarning.INVERTED or self.distance >= UNLIKE_ANY_RADIOGRAPH:
            return self.warning
        return None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.distance) and self.distance >= 0.0):
            raise ValueError(f"distance must be finite and not negative, not {self.distance}")
        if (self.distance > 1.0) != (self.warning is not None):
            raise ValueError("there is a warning exactly where the distance is above 1")
