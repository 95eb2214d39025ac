"""Why a study is in its state: words out of its cause and what the store keeps beside it."""

import pytest

from daemon.couriers.remark import Note, Remark
from daemon.store import study_reason as words
from daemon.study.lifecycle import StudyEvent
from dicom_io.faults import Fault

NONE = words.WITHOUT_DETAILS["details"]


@pytest.mark.parametrize(
    ("cause", "details", "said"),
    [
        (StudyEvent.PATIENT_MISMATCH, NONE, "patient_mismatch"),
        (StudyEvent.REPORT_BEGUN_TOO_OFTEN, NONE, "building the report ended without an answer twice"),
        (StudyEvent.REPORT_FAILED, words.report_failed("OSError"), "the report could not be built (OSError)"),
        (
            StudyEvent.DELIVERY_DEAD,
            words.delivery_dead("pacs", Remark.that(Fault.STORE_REFUSED, status=0xA900)),
            "delivery to pacs failed: C-STORE refused with status 0xA900: data set does not match SOP class",
        ),
        (
            StudyEvent.DELIVERY_DEAD,
            words.delivery_dead("pacs", Remark.that(Note.TOLD, words="no {room}")),
            "delivery to pacs failed: no {room}",
        ),
        (StudyEvent.DELIVERY_DEAD, words.delivery_dead("pacs", None), "delivery to pacs failed: "),
        (StudyEvent.NOTHING_TO_REPORT, NONE, "as the report says"),
        (StudyEvent.ALL_SENT, NONE, ""),
        ("", '{"sentence": "a sentence of before {}"}', "a sentence of before {}"),
    ],
)
def test_words_follow_from_cause_and_details(cause, details, said):
    assert words.study_reason(cause, details, "as the report says") == said


def test_a_person_is_told_what_to_do_where_a_patient_has_to_be_confirmed():
    said = words.study_reason(StudyEvent.CONFIRMATION_NEEDED, NONE, "")
    assert "ulna requeue STUDY_UID --confirm-patient" in said
