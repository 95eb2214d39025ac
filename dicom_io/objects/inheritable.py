"""What a value must look like to be inherited.

This module holds one check per element that results take over from their sources and that no archive
compares: a value that breaks its VR, or says what the element cannot say, stays behind.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date

_DATE = re.compile(r"[0-9]{8}")
_LARGEST_SPACING_MM = 10.0  # plates have a tenth


def _is_date(value: str) -> bool:
    """Return whether this is a DA value (PS3.5 6.2) that a calendar holds."""
    if not _DATE.fullmatch(value):
        return False
    try:
        date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return False
    return True


def _is_spacing(value: str) -> bool:
    """Return whether this is a pair of lengths in mm that an imaging plate can have."""
    parts = value.split("\\")
    try:
        return len(parts) == 2 and all(1e-6 < float(part) < _LARGEST_SPACING_MM for part in parts)
    except ValueError:
        return False


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: compiled.fullmatch(value) is not None


# PS3.5 6.2; a TM may end after the hour or the minute, and hold a leap second
_TIME = r"([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?"
_CODE_STRING = "[A-Z0-9 _]{1,16}"

FORMS: Mapping[str, Callable[[str], bool]] = {
    "TimezoneOffsetFromUTC": _matches(r"[+-](0[0-9]|1[0-4])[0-5][0-9]"),
    "PatientBirthDate": _is_date,
    "PatientSex": _matches("[MFO]"),
    "StudyDate": _is_date,
    "StudyTime": _matches(_TIME),
    "Modality": _matches(_CODE_STRING),
    "BodyPartExamined": _matches(_CODE_STRING),
    "BurnedInAnnotation": _matches("YES|NO"),
    "LossyImageCompression": _matches("00|01"),
    "PatientOrientation": _matches(r"[APRLHF]{1,3}\\[APRLHF]{1,3}"),  # PS3.3 C.7.6.1.1.1, for humans
    "ImagerPixelSpacing": _is_spacing,
}
"""Element -> whether its value, stripped of padding and with its backslashes, may be inherited."""
