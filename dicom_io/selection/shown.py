"""What a view shows, and of whom, as far as its header says.

This module holds the one value that the ways to a report share: the store's, and that of files on disk.
"""

from dataclasses import dataclass

from dicom_io.selection.age import AgeCaution
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.parts import Part
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a view shows; made from `dicom_io.selection.eligibility.assess`.

    Attributes
    ----------
    laterality_conflict
        Keywords of the sources that contradict the others about the side; empty where none does.
    age_caution, minimum_age_years
        As in `dicom_io.selection.age.age_clause`.
    """

    region: Region | None = None
    laterality: Laterality = Laterality.UNKNOWN
    laterality_conflict: str = ""
    projection: Projection = Projection.UNKNOWN
    age_caution: AgeCaution | None = None
    minimum_age_years: int = 0

    @property
    def part(self) -> Part:
        """The part that the view shows by itself."""
        return Part(self.region, self.laterality)


NOTHING_SAID = Shown()
"""What an image shows that has no header."""
