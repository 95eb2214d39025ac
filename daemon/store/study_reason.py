"""This module says why a study is in its state; the store keeps its cause and a few details, no words."""

from collections.abc import Mapping
from types import MappingProxyType

from daemon.couriers.remark import Remark, remark_words
from daemon.study.lifecycle import StudyEvent
from dicom_io.details import Details, details_of, details_text

WITHOUT_DETAILS: Mapping[str, str] = MappingProxyType({"details": "{}"})
"""What the store keeps of a study whose cause says it all."""

PATIENT_MISMATCH = "patient_mismatch"
"""What a study says for a reason where two patients meet in it."""

CONFIRMATION_NEEDED = (
    "its instances name one patient again, but results went out under another; remove those from the PACS, "
    "then run `ulna requeue STUDY_UID --confirm-patient`"
)

BEGUN_TOO_OFTEN = "building the report ended without an answer twice"

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        StudyEvent.PATIENT_MISMATCH: PATIENT_MISMATCH,
        StudyEvent.CONFIRMATION_NEEDED: CONFIRMATION_NEEDED,
        StudyEvent.REPORT_BEGUN_TOO_OFTEN: BEGUN_TOO_OFTEN,
        StudyEvent.REPORT_FAILED: "the report could not be built ({error})",
    }
)

# Names of details that no remark has.
_DESTINATION, _REMARK, _TOLD = "destination_name", "remark", "sentence"


def report_failed(error: str) -> str:
    """Return the details of a study whose report could not be built, as the store keeps them."""
    return details_text({"error": error})


def delivery_dead(destination: str, remark: Remark | None) -> str:
    """Return the details of a study of which a result could not be delivered, as the store keeps them."""
    said = {} if remark is None else {_REMARK: remark.code.value, **remark.details}
    return details_text({_DESTINATION: destination, **said})


def study_reason(cause: str, details: str, not_analyzed: str) -> str:
    """Return why a study is in its state, as a clause; empty where there is nothing to say.

    Parameters
    ----------
    cause
        What brought it there, a value of `daemon.study.lifecycle.StudyEvent`.
    details
        As the store keeps them.
    not_analyzed
        What its report says of why nothing was analyzed.
    """
    found = details_of(details)
    if _TOLD in found:  # by a release that kept sentences
        return str(found[_TOLD])
    if cause == StudyEvent.NOTHING_TO_REPORT:
        return not_analyzed
    if cause == StudyEvent.DELIVERY_DEAD:
        return _of_delivery(found)
    return _WORDS.get(cause, "").format_map(found)


def _of_delivery(details: Details) -> str:
    told = {name: value for name, value in details.items() if name not in (_DESTINATION, _REMARK)}
    remark = Remark.stored(str(details.get(_REMARK, "")), details_text(told))
    return f"delivery to {details.get(_DESTINATION, '')} failed: {remark_words(remark)}"
