"""TID 4019 Algorithm Identification.

This module says which algorithm a number comes from.
"""

from collections.abc import Sequence

from highdicom.sr import CodeContentItem, ContentItem, TextContentItem
from highdicom.sr import RelationshipTypeValues as Relationship

from dicom_io.identity import ULNA_MANUFACTURER
from sr_templates import codes


def tid4019_algorithm_identification(
    *, name: str, version: str, parameters: Sequence[str] = ()
) -> list[ContentItem]:
    """Return rows 1 (name), 2 (version), 3 (parameters), 4 (manufacturer) and 5 (family)."""
    modifier = Relationship.HAS_CONCEPT_MOD
    return [
        TextContentItem(codes.ALGORITHM_NAME, name, modifier),
        TextContentItem(codes.ALGORITHM_VERSION, version, modifier),
        TextContentItem(codes.ALGORITHM_MANUFACTURER, ULNA_MANUFACTURER, modifier),
        *(TextContentItem(codes.ALGORITHM_PARAMETERS, parameter, modifier) for parameter in parameters),
        CodeContentItem(codes.ALGORITHM_FAMILY, codes.ARTIFICIAL_INTELLIGENCE, modifier),
    ]
