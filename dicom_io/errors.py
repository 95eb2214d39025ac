"""What can go wrong between DICOM and us.

This module holds the exceptions of ``dicom_io``; the package docstring draws their tree. The branch of
an exception (``Permanent`` or ``Transient``) decides whether the caller tries again. What travels on is
a code with its details, of which the message is made: UIDs, keywords and numbers, never values that could
name a patient.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dicom_io.defects import Defect, defect_words
from dicom_io.details import Detail, Details
from dicom_io.faults import Fault, fault_words


class DicomIoError(Exception):
    """Anything that ``dicom_io`` raises on purpose; it crosses to other processes unchanged."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, vars(self))


class Permanent(DicomIoError):
    """The same input gives the same answer: do not try again."""


class Transient(DicomIoError):
    """The same call may succeed later: try again with back-off."""


class UnusableInstance(Permanent):
    """An instance that cannot be used as it is.

    Parameters
    ----------
    defect : Defect
        What is wrong with it.
    **details : Detail
        What the words of `dicom_io.defects` need beside.
    """

    def __init__(self, defect: Defect, **details: Detail) -> None:
        super().__init__(defect_words(defect, details))
        self.defect = defect
        self.details: Details = details


class NotDicom(UnusableInstance):
    """The bytes are no DICOM Part 10 file, or what follows its preamble is no data set."""


class TruncatedDataSet(UnusableInstance):
    """The file ends before the element that was being read does."""


class MissingUid(UnusableInstance):
    """A UID that gives the instance its place is absent or empty.

    Parameters
    ----------
    keyword : str
        Keyword of the element, e.g. ``"StudyInstanceUID"``.
    """

    def __init__(self, keyword: str) -> None:
        super().__init__(Defect.UID_ABSENT, keyword=keyword)
        self.keyword = keyword


class InvalidUid(UnusableInstance):
    """A UID element holds something that is no UID; the value itself is not repeated.

    Parameters
    ----------
    keyword : str
        Keyword of the element, e.g. ``"SOPInstanceUID"``.
    """

    def __init__(self, keyword: str) -> None:
        super().__init__(Defect.UID_INVALID, keyword=keyword)
        self.keyword = keyword


class VocabularyInvalid(Permanent):
    """A site's file of words that cannot be used.

    Parameters
    ----------
    mistakes : Sequence[str]
        All of them, each with its dotted key and what is allowed there.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class UndecodablePixels(UnusableInstance):
    """The pixel data is absent, broken, too large, or in a form that is not decoded here."""


class DecodingInterrupted(Transient):
    """The process that was decoding ended for a reason outside the image, such as too little memory.

    Parameters
    ----------
    defect : Defect
        What became of the decoding.
    """

    def __init__(self, defect: Defect = Defect.DECODING_INTERRUPTED) -> None:
        super().__init__(defect_words(defect, {}))
        self.defect = defect


class PeerError(DicomIoError):
    """A peer did not do what it was asked.

    Parameters
    ----------
    fault : Fault
        What went wrong.
    **details : Detail
        What the words of `dicom_io.faults` need beside.
    """

    def __init__(self, fault: Fault, **details: Detail) -> None:
        super().__init__(fault_words(fault, details))
        self.fault = fault
        self.details: Details = details


class PeerUnreachable(PeerError, Transient):
    """No connection: refused, no route, name unknown, time-out, or the TLS handshake failed."""


class AssociationAborted(PeerError, Transient):
    """An association ended without release: A-ABORT, a lost connection, or a time-out."""


class NoPresentationContext(PeerError, Permanent):
    """The peer accepted no presentation context that could carry the instance.

    Parameters
    ----------
    sop_class_uid, transfer_syntax_uid : str
        What was proposed.
    """

    def __init__(self, sop_class_uid: str, transfer_syntax_uid: str) -> None:
        super().__init__(
            Fault.CONTEXT_NOT_ACCEPTED, sop_class_uid=sop_class_uid, transfer_syntax_uid=transfer_syntax_uid
        )
        self.sop_class_uid = sop_class_uid
        self.transfer_syntax_uid = transfer_syntax_uid


class AssociationRejected(PeerError):
    """The peer answered A-ASSOCIATE-RJ (PS3.8 9.3.4); raise it through `association_rejected`.

    Parameters
    ----------
    result, source, reason : int
        The three fields of the A-ASSOCIATE-RJ PDU.
    """

    def __init__(self, result: int, source: int, reason: int) -> None:
        super().__init__(Fault.ASSOCIATION_REJECTED, result=result, source=source, reason=reason)
        self.result = result
        self.source = source
        self.reason = reason


class AssociationRejectedForGood(AssociationRejected, Permanent):
    """Result 1, rejected-permanent: e.g. an AE title that the peer does not know."""


class AssociationRejectedForNow(AssociationRejected, Transient):
    """Result 2, rejected-transient: e.g. too many associations."""


class StoreRefused(PeerError):
    """The peer answered C-STORE with a failure status; raise it through `store_refused`.

    Parameters
    ----------
    status : int
        (0000,0900) *Status*, 0x0000 to 0xFFFF.
    """

    def __init__(self, status: int) -> None:
        super().__init__(Fault.STORE_REFUSED, status=status)
        self.status = status


class StoreRefusedForGood(StoreRefused, Permanent):
    """The peer will not take this instance: e.g. 0xA9xx, 0xCxxx, 0x0122, 0x0124."""


class StoreRefusedForNow(StoreRefused, Transient):
    """The peer could not take it now: 0xA7xx, 0x0110, 0x0213."""


class EchoRefused(PeerError, Permanent):
    """The peer answered C-ECHO with a status that is not success (PS3.7 9.3.5.2).

    Parameters
    ----------
    status : int
        (0000,0900) *Status*, 0x0001 to 0xFFFF.
    """

    def __init__(self, status: int) -> None:
        super().__init__(Fault.ECHO_REFUSED, status=status)
        self.status = status


def association_rejected(
    result: int, source: int, reason: int
) -> AssociationRejectedForGood | AssociationRejectedForNow:
    """Return the exception for an A-ASSOCIATE-RJ; its branch follows the result (PS3.8 Table 9-21)."""
    kind = AssociationRejectedForNow if result == 2 else AssociationRejectedForGood
    return kind(result, source, reason)


def store_refused(status: int) -> StoreRefusedForGood | StoreRefusedForNow:
    """Return the exception for a C-STORE failure status (PS3.4 B.2.3, PS3.7 Annex C).

    Out of resources, processing failure and resource limitation pass with time; everything else is
    about the instance or the agreement between the two sides and needs a person.
    """
    passes = status & 0xFF00 == 0xA700 or status in {0x0110, 0x0213}
    kind = StoreRefusedForNow if passes else StoreRefusedForGood
    return kind(status)


def _remade(kind: type[DicomIoError], args: tuple[Any, ...], attributes: Mapping[str, Any]) -> DicomIoError:
    """Return an exception as it was, without asking its constructor for words again."""
    error = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error
