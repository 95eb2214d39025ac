"""The side of the body that an instance shows.

This module reads the side from the elements made for it, then from codes, then from words; it never
guesses. Some abbreviations are left out of laterality.json on purpose: dx and sx (Italian, but DX is a
modality), d and g (French), der (a German article).
"""

from collections.abc import Iterator
from enum import StrEnum

from dicom_io.instance import InstanceHeader
from dicom_io.vocabulary import shipped_vocabulary


class Laterality(StrEnum):
    """Side, with the values of (0020,0062) *Image Laterality*; empty where it is unpaired or not said."""

    LEFT = "L"
    RIGHT = "R"
    BOTH = "B"
    UNKNOWN = ""


def laterality_of(header: InstanceHeader) -> Laterality:
    """Return the side that an instance shows.

    The first of these that tells decides: ImageLaterality, Laterality, AnatomicRegionModifierSequence,
    SeriesDescription, ProtocolName, StudyDescription together with the procedure's texts. Left and right
    in one place mean both.
    """
    return next((side for side in _evidence(header) if side), Laterality.UNKNOWN)


_ELEMENT_VALUES = {"L": Laterality.LEFT, "R": Laterality.RIGHT, "B": Laterality.BOTH}

# CID 244 in SCT, and the SRT codes that it had before
_CODES = {
    "7771000": Laterality.LEFT,
    "24028007": Laterality.RIGHT,
    "51440002": Laterality.BOTH,
    "G-A101": Laterality.LEFT,
    "G-A100": Laterality.RIGHT,
    "G-A102": Laterality.BOTH,
}


def _evidence(header: InstanceHeader) -> Iterator[Laterality]:
    """Yield what each source tells, the most reliable source first."""
    yield _ELEMENT_VALUES.get(header.image_laterality, Laterality.UNKNOWN)
    yield _ELEMENT_VALUES.get(header.laterality, Laterality.UNKNOWN)
    yield _combined({_CODES[term.value] for term in header.anatomic_region_modifiers if term.value in _CODES})
    yield _side_in(header.series_description)
    yield _side_in(header.protocol_name)
    yield _side_in(" / ".join((header.study_description, *header.procedure_texts)))


def _side_in(text: str) -> Laterality:
    return _combined({Laterality(label) for label in shipped_vocabulary("laterality.json").labels_in(text)})


def _combined(sides: set[Laterality]) -> Laterality:
    if not sides:
        return Laterality.UNKNOWN
    return sides.pop() if len(sides) == 1 else Laterality.BOTH
