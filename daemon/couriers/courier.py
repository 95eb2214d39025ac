"""This module is what a courier is: it takes results to one kind of place and tells the fate of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.config.sections import Destination
from daemon.couriers.remark import Remark
from daemon.store.result_kind import ResultKind


class Fate(StrEnum):
    """What became of a result: it is there, it may get there later, or it needs a person."""

    SENT = "sent"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A result that a courier is to take along: a Part 10 file, and what it is."""

    path: Path
    kind: ResultKind
    sop_instance_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one parcel.

    Attributes
    ----------
    remark
        Why it was not sent; where it was, what there is to note, often nothing.
    """

    parcel: Parcel
    fate: Fate
    remark: Remark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """One way out.

    Attributes
    ----------
    deliver
        Takes parcels to a destination and tells the outcome of each once, as soon as it is known. It waits
        between attempts for nothing, and tries nothing twice: that is the sender's. What the destination or
        a file does is an outcome, never an exception.
    probe
        Asks a destination, within seconds and without a result, whether it would take one; gives what it
        found in a few words. Raises DaemonError, DicomIoError or OSError where it would not.
    """

    deliver: Callable[[Sequence[Parcel], Destination, Callable[[Outcome], None]], None]
    probe: Callable[[Destination], str]
