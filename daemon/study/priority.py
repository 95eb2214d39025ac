"""This module says what rank a study has among those that wait."""

from enum import IntEnum
from types import MappingProxyType


class Priority(IntEnum):
    """Rank of a study; within a category a smaller number is read first."""

    STAT = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3


# The DIMSE priority of a C-STORE request (PS3.7 9.1.1.1.1).
_DIMSE_PRIORITY = MappingProxyType({0: Priority.MEDIUM, 1: Priority.HIGH, 2: Priority.LOW})


def priority(
    *, requested_procedure_priority: str, dimse_priority: int, is_stat_sender: bool, is_old: bool = False
) -> Priority:
    """Return the rank of a study from an instance of it.

    Parameters
    ----------
    requested_procedure_priority
        (0040,1003): STAT, HIGH, ROUTINE, MEDIUM or LOW; anything else says nothing.
    dimse_priority
        The C-STORE priority: 0 medium, 1 high, 2 low.
    is_stat_sender
        Whether the site named the calling AE title as one that sends urgent studies.
    is_old
        Whether the study was made long before it came: what was urgent then no longer is.
    """
    if is_old:
        return Priority.LOW
    if is_stat_sender:
        return Priority.STAT
    name = {"ROUTINE": "MEDIUM"}.get(requested_procedure_priority, requested_procedure_priority)
    if name in Priority.__members__:
        return Priority[name]
    return _DIMSE_PRIORITY.get(dimse_priority, Priority.MEDIUM)
