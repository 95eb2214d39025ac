"""What is said between `dicom_io.decoding.decoder` and `dicom_io.decoding.process`.

This module holds the two messages. Each fits into one packet, so that none is ever read in part.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Self

from dicom_io.details import Detail

MAX_MESSAGE_BYTES = 4096

MAX_PIXELS = 100_000_000
"""Rows times columns of the largest image that is decoded unless the caller says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be spent on one view.

    Attributes
    ----------
    max_pixels
        Rows times columns of the largest image that is decoded.
    memory_bytes
        Address space of the process; an image of `MAX_PIXELS` in JPEG 2000 takes most of it.
    cpu_seconds
        Processor time over all threads; the same image takes a fifth of it.
    wall_seconds
        Time on the clock, which is more on a machine that has other things to do. It is less than a stage
        may be silent.
    """

    max_pixels: int = MAX_PIXELS
    memory_bytes: int = 4 * 2**30
    cpu_seconds: int = 60
    wall_seconds: int = 100


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be read of a file.

    Attributes
    ----------
    limits
        What may be spent on it.
    stored
        Whether its stored values are wanted, as `dicom_io.decoding.stored_image` has them, not its view.
    picture
        Whether it is a picture such as PNG, not an instance.
    """

    limits: Limits = DEFAULT_LIMITS
    stored: bool = False
    picture: bool = False

    def to_bytes(self) -> bytes:
        """Return the message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read the message."""
        found = json.loads(message)
        return cls(limits=Limits(**found.pop("limits")), **found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a view; of the attributes that are not about its shape, one at most is set.

    Attributes
    ----------
    rows, columns
        Size of the view whose (rows, columns) float32 values are in the memory that comes with the answer;
        0 where that memory holds a `StoredImage`, which says its own.
    pixel_aspect
        Height of its pixels divided by their width.
    defect, details
        Why the instance has no view, as in `dicom_io.errors.UnusableInstance`; empty where it has one.
    errno
        The system's error number where the file could not be read, or memory not be had.
    signal
        The signal that ended the process.
    """

    rows: int = 0
    columns: int = 0
    pixel_aspect: float = 1.0
    defect: str = ""
    details: dict[str, Detail] = field(default_factory=dict)
    errno: int = 0
    signal: int = 0

    def to_bytes(self) -> bytes:
        """Return the message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read the message."""
        return cls(**json.loads(message))
