"""Folds the probabilities of several views into one.

The rule is a choice of the bundle's manifest, because its operating points hold for the rule under which they
were chosen. docs/research.md compares the rules.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import mean


class Fold(StrEnum):
    """How the views of a part become one P(abnormal).

    MEAN is the paper's. HIGHEST is the only one under which no view can reach a threshold that its part
    misses. NOISY_OR is what independent views would say together.
    """

    MEAN = "mean"
    HIGHEST = "highest"
    TWO_HIGHEST = "two-highest"
    NOISY_OR = "noisy-or"

    def of(self, probabilities: Sequence[float]) -> float:
        """Return one probability for those of a part's views, in any order; raise ValueError for none."""
        if not probabilities:
            raise ValueError("a fold needs at least one probability")
        match self:
            case Fold.MEAN:
                # statistics.mean rounds once, at the end: views that all sit on a threshold stay on it.
                return mean(probabilities)
            case Fold.HIGHEST:
                return max(probabilities)
            case Fold.TWO_HIGHEST:
                return mean(sorted(probabilities)[-2:])
            case Fold.NOISY_OR:
                # In this form one view alone keeps its probability to the last bit.
                others, highest = sorted(probabilities)[:-1], max(probabilities)
                return highest + (1.0 - highest) * (1.0 - math.prod(1.0 - p for p in others))

    def words(self, views: int) -> str:
        """Say what was folded: "1 view", "highest of 3 views"."""
        if views == 1:
            return "1 view"
        return f"{_WORDS[self]} {views} views"


_WORDS = {
    Fold.MEAN: "mean of",
    Fold.HIGHEST: "highest of",
    Fold.TWO_HIGHEST: "mean of the two highest of",
    Fold.NOISY_OR: "noisy-or of",
}
