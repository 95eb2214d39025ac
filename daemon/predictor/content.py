"""This module tells what a file is by its first bytes; a name or suffix can be anything."""

from daemon.predictor.errors import UnusableUpload

HEAD_BYTES = 132
"""So much of a file tells what it is: the preamble of PS3.10 7.1 and the prefix after it."""

_PREFIX = slice(128, 132)
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def is_picture(head: bytes) -> bool:
    """Return whether a file is a picture; else it is a DICOM file.

    The preamble of a DICOM file may hold anything, also the beginning of a picture: the prefix decides.

    Raises
    ------
    UnusableUpload
        It is neither.
    """
    if head[_PREFIX] == b"DICM":
        return False
    if head.startswith(_PICTURES):
        return True
    raise UnusableUpload(
        "This file is neither DICOM (a file with its preamble, PS3.10) nor PNG nor JPEG."
        if head
        else "This file is empty."
    )
