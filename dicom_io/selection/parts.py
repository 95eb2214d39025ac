"""The parts of a study: the regions and sides that its views show.

Both hands of one study are two parts. This module says to which part each view belongs.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dicom_io.selection.laterality import Laterality
from dicom_io.selection.regions import Region

SIDES = {
    Laterality.LEFT: "left ",
    Laterality.RIGHT: "right ",
    Laterality.BOTH: "bilateral ",
    Laterality.UNKNOWN: "",
}
"""A side as the first word of a part's name."""


@dataclass(frozen=True, slots=True)
class Part:
    """A region and a side, as far as they are known."""

    region: Region | None
    laterality: Laterality

    @property
    def name(self) -> str:
        """The part for people, such as "left wrist"; empty where nobody knows the region."""
        return "" if self.region is None else f"{SIDES[self.laterality]}{self.region.lower()}"


NOWHERE = Part(None, Laterality.UNKNOWN)
"""The part of an image that does not say what it shows."""


def parts_of(shown: Sequence[Part]) -> tuple[Part, ...]:
    """Return the part that each view of a study belongs to; `shown` is what each says by itself.

    A view without a side is of the one side that the other views of its region show. Where they show two it
    may be of either, so it stays a part of its own.
    """
    sides: defaultdict[Region | None, set[Laterality]] = defaultdict(set)
    for part in shown:
        sides[part.region] |= {part.laterality} - {Laterality.UNKNOWN}
    return tuple(
        Part(part.region, *sides[part.region])
        if part.laterality is Laterality.UNKNOWN and len(sides[part.region]) == 1
        else part
        for part in shown
    )
