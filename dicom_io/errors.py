"""What can go wrong between DICOM and us.

This module holds the exceptions of ``dicom_io``; the package docstring draws their tree. The branch of
an exception (``Permanent`` or ``Transient``) decides whether the caller tries again. Messages hold UIDs,
keywords and numbers, never values that could name a patient.
"""

from collections.abc import Sequence

from dicom_io.meanings import REJECT_REASONS, status_words


class DicomIoError(Exception):
    """Anything that ``dicom_io`` raises on purpose."""


class Permanent(DicomIoError):
    """The same input gives the same answer: do not try again."""


class Transient(DicomIoError):
    """The same call may succeed later: try again with back-off."""


class UnusableInstance(Permanent):
    """An instance that cannot be used as it is.

    Parameters
    ----------
    reason : str
        One plain phrase without patient data, fit for the log, the page and the report.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
        super().__init__(f"{keyword} is missing or empty")
        self.keyword = keyword

    def __reduce__(self) -> tuple[type["MissingUid"], tuple[str]]:
        return type(self), (self.keyword,)


class InvalidUid(UnusableInstance):
    """A UID element holds something that is no UID; the value itself is not repeated.

    Parameters
    ----------
    keyword : str
        Keyword of the element, e.g. ``"SOPInstanceUID"``.
    """

    def __init__(self, keyword: str) -> None:
        super().__init__(f"{keyword} is not a UID: expected 1 to 64 digits in groups divided by single dots")
        self.keyword = keyword

    def __reduce__(self) -> tuple[type["InvalidUid"], tuple[str]]:
        return type(self), (self.keyword,)


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

    def __reduce__(self) -> tuple[type["VocabularyInvalid"], tuple[tuple[str, ...]]]:
        return type(self), (self.mistakes,)


class UndecodablePixels(UnusableInstance):
    """The pixel data is absent, broken, too large, or in a form that is not decoded here."""


class DecodingInterrupted(Transient):
    """The process that was decoding ended for a reason outside the image, such as too little memory."""


class PeerUnreachable(Transient):
    """No connection: refused, no route, name unknown, time-out, or the TLS handshake failed."""


class AssociationAborted(Transient):
    """An association ended without release: A-ABORT, a lost connection, or a time-out."""


class NoPresentationContext(Permanent):
    """The peer accepted no presentation context that could carry the instance.

    Parameters
    ----------
    sop_class_uid, transfer_syntax_uid : str
        What was proposed.
    """

    def __init__(self, sop_class_uid: str, transfer_syntax_uid: str) -> None:
        super().__init__(
            f"the peer accepts no SOP class {sop_class_uid} in transfer syntax {transfer_syntax_uid}; "
            "allow both in its configuration (a compressed instance is sent as it is, never decompressed)"
        )
        self.sop_class_uid = sop_class_uid
        self.transfer_syntax_uid = transfer_syntax_uid

    def __reduce__(self) -> tuple[type["NoPresentationContext"], tuple[str, str]]:
        return type(self), (self.sop_class_uid, self.transfer_syntax_uid)


class AssociationRejected(DicomIoError):
    """The peer answered A-ASSOCIATE-RJ (PS3.8 9.3.4); raise it through `association_rejected`.

    Parameters
    ----------
    result, source, reason : int
        The three fields of the A-ASSOCIATE-RJ PDU.
    """

    def __init__(self, result: int, source: int, reason: int) -> None:
        words = REJECT_REASONS.get((source, reason), "no reason that the standard names")
        super().__init__(f"association rejected: {words} (result {result}, source {source}, reason {reason})")
        self.result = result
        self.source = source
        self.reason = reason

    def __reduce__(self) -> tuple[type["AssociationRejected"], tuple[int, int, int]]:
        return type(self), (self.result, self.source, self.reason)


class AssociationRejectedForGood(AssociationRejected, Permanent):
    """Result 1, rejected-permanent: e.g. an AE title that the peer does not know."""


class AssociationRejectedForNow(AssociationRejected, Transient):
    """Result 2, rejected-transient: e.g. too many associations."""


class StoreRefused(DicomIoError):
    """The peer answered C-STORE with a failure status; raise it through `store_refused`.

    Parameters
    ----------
    status : int
        (0000,0900) *Status*, 0x0000 to 0xFFFF.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"C-STORE refused with status 0x{status:04X}: {status_words(status)}")
        self.status = status

    def __reduce__(self) -> tuple[type["StoreRefused"], tuple[int]]:
        return type(self), (self.status,)


class StoreRefusedForGood(StoreRefused, Permanent):
    """The peer will not take this instance: e.g. 0xA9xx, 0xCxxx, 0x0122, 0x0124."""


class StoreRefusedForNow(StoreRefused, Transient):
    """The peer could not take it now: 0xA7xx, 0x0110, 0x0213."""


class EchoRefused(Permanent):
    """The peer answered C-ECHO with a status that is not success (PS3.7 9.3.5.2).

    Parameters
    ----------
    status : int
        (0000,0900) *Status*, 0x0001 to 0xFFFF.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"C-ECHO refused with status 0x{status:04X}: {status_words(status)}")
        self.status = status

    def __reduce__(self) -> tuple[type["EchoRefused"], tuple[int]]:
        return type(self), (self.status,)


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
