"""Details for every code, made from what the words for it name."""

from string import Formatter

from dicom_io.details import Detail

# What the words make of other details, or what is no plain number.
_SAMPLES: dict[str, dict[str, Detail]] = {
    "error": {"errno": 2, "error": "no such host"},
    "meaning": {"status": 0xA700, "source": 1, "reason": 7},
    "warning": {"warning": "inverted"},
    "conflict": {"conflict": "BodyPartExamined WRIST, StudyDescription other"},
    "is_signed": {"is_signed": True},
    "is_coded_signed": {"is_coded_signed": False},
    "seconds": {"seconds": 2.5},
}


def sample(template: str) -> dict[str, Detail]:
    """Return details with which the words of a template can be made."""
    details: dict[str, Detail] = {}
    for _, name, _, _ in Formatter().parse(template):
        if name:
            details |= _SAMPLES.get(name, {name: 7})
    return details
