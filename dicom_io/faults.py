"""What can go wrong with a peer: a code for programs, and words for people."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from dicom_io.details import Detail, Details
from dicom_io.meanings import reject_words, status_words


class Fault(StrEnum):
    """Why a peer did not take an instance, or did not answer."""

    UNREACHABLE = "unreachable"
    NO_CONNECTION = "no_connection"
    NO_ASSOCIATION = "no_association"
    ASSOCIATION_REJECTED = "association_rejected"
    ASSOCIATION_ENDED_AT_ONCE = "association_ended_at_once"
    ASSOCIATION_ENDED = "association_ended"
    ASSOCIATION_ENDED_UNANSWERED = "association_ended_unanswered"
    CONTEXT_NOT_ACCEPTED = "context_not_accepted"
    NO_BYTE_TAKEN = "no_byte_taken"
    NO_ANSWER = "no_answer"
    OTHER_ANSWER = "other_answer"
    STORE_REFUSED = "store_refused"
    ECHO_ENDED = "echo_ended"
    ECHO_UNANSWERED = "echo_unanswered"
    ECHO_REFUSED = "echo_refused"


def fault_words(fault: Fault, details: Details) -> str:
    """Return what went wrong as one plain clause.

    Raises
    ------
    KeyError
        A detail that the words need is not there.
    """
    return FAULT_WORDS[fault].format_map({**details, **_meaning(fault, details)})


def _meaning(fault: Fault, details: Details) -> dict[str, Detail]:
    """Return what the standard says of the numbers in a peer's answer."""
    if fault is Fault.ASSOCIATION_REJECTED:
        return {"meaning": reject_words(int(details["source"]), int(details["reason"]))}
    return {"meaning": status_words(int(details["status"]))} if "status" in details else {}


FAULT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        Fault.UNREACHABLE: "{address} is unreachable: {error}",
        Fault.NO_CONNECTION: "{address} is unreachable: refused, no route, or silent for {seconds:g} s",
        Fault.NO_ASSOCIATION: "{address} aborted or did not answer the association request",
        Fault.ASSOCIATION_REJECTED: "association rejected: {meaning} "
        "(result {result}, source {source}, reason {reason})",
        Fault.ASSOCIATION_ENDED_AT_ONCE: "{address} accepted the association and ended it at once",
        Fault.ASSOCIATION_ENDED: "the association ended before the instance was sent",
        Fault.ASSOCIATION_ENDED_UNANSWERED: "the peer ended the association instead of answering C-STORE",
        Fault.CONTEXT_NOT_ACCEPTED: "the peer accepts no SOP class {sop_class_uid} in transfer syntax "
        "{transfer_syntax_uid}; allow both in its configuration (a compressed instance is sent as it is, "
        "never decompressed)",
        Fault.NO_BYTE_TAKEN: "the peer took no byte for {seconds:g} s",
        Fault.NO_ANSWER: "no answer within {seconds:g} s",
        Fault.OTHER_ANSWER: "the peer sent a {message} with message id {answered} being responded to, "
        "which is no response to our message {asked}",
        Fault.STORE_REFUSED: "C-STORE refused with status 0x{status:04X}: {meaning}",
        Fault.ECHO_ENDED: "{address} ended the association before C-ECHO",
        Fault.ECHO_UNANSWERED: "{address} did not answer C-ECHO",
        Fault.ECHO_REFUSED: "C-ECHO refused with status 0x{status:04X}: {meaning}",
    }
)
