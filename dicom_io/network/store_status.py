"""This module names the statuses that our Storage SCP answers (PS3.4 B.2.3, PS3.7 annex C)."""

from enum import IntEnum


class StoreStatus(IntEnum):
    """Answer to one C-STORE request."""

    SUCCESS = 0x0000
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000
