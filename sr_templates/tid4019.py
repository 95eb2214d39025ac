"""TID 4019 Algorithm Identification.

This module says which algorithm a number comes from.
"""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from dicom_io.identity import ULNA_MANUFACTURER
from sr_templates import codes
from sr_templates.content_items import Relationship, code, text


def tid4019_algorithm_identification(
    *, name: str, version: str, parameters: Sequence[str] = ()
) -> list[Dataset]:
    """Return rows 1 (name), 2 (version), 3 (parameters), 4 (manufacturer) and 5 (family)."""
    modifier = Relationship.HAS_CONCEPT_MOD
    return [
        text(codes.ALGORITHM_NAME, name, modifier),
        text(codes.ALGORITHM_VERSION, version, modifier),
        text(codes.ALGORITHM_MANUFACTURER, ULNA_MANUFACTURER, modifier),
        *(text(codes.ALGORITHM_PARAMETERS, parameter, modifier) for parameter in parameters),
        code(codes.ALGORITHM_FAMILY, codes.ARTIFICIAL_INTELLIGENCE, modifier),
    ]
