"""What is said of a delivery is a code with details; words are made of them at the end."""

import pytest

from daemon.couriers.remark import NOTE_WORDS, Note, Remark, remark_words
from dicom_io.defects import DEFECT_WORDS, Defect
from dicom_io.details import details_text
from dicom_io.faults import FAULT_WORDS, Fault
from tests.details import sample

WORDS = {
    str(code): words for table in (NOTE_WORDS, FAULT_WORDS, DEFECT_WORDS) for code, words in table.items()
}
REMARKS = [Remark.that(code, **sample(WORDS[code])) for codes in (Note, Fault, Defect) for code in codes]


def test_every_code_has_words_and_no_two_kinds_of_codes_share_one():
    assert len({str(remark.code) for remark in REMARKS}) == len(WORDS) == len(REMARKS)


@pytest.mark.parametrize("remark", REMARKS, ids=lambda remark: remark.code)
def test_the_store_gives_a_remark_back_and_its_words(remark):
    kept = Remark.stored(str(remark.code), details_text(remark.details))
    assert kept is not None
    assert kept == remark
    assert type(kept.code) is type(remark.code)
    said = remark_words(kept)
    assert said == remark_words(remark)
    assert said
    assert "{" not in said
    assert not said.endswith(".")


def test_without_a_remark_there_are_no_words():
    assert Remark.stored("", "{}") is None
    assert remark_words(None) == ""


@pytest.mark.parametrize(
    ("remark", "words"),
    [
        (
            Remark.that(Fault.STORE_REFUSED, status=0xA900),
            "C-STORE refused with status 0xA900: data set does not match SOP class",
        ),
        (
            Remark.that(Fault.ASSOCIATION_REJECTED, result=1, source=1, reason=3),
            "association rejected: calling AE title not recognized (result 1, source 1, reason 3)",
        ),
        (
            Remark.that(Fault.NO_CONNECTION, address="PACS@h:104", seconds=30.0),
            "PACS@h:104 is unreachable: refused, no route, or silent for 30 s",
        ),
        (Remark.that(Defect.FILE_UNREADABLE, errno=2), "the file cannot be read: No such file or directory"),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_numbers_of_the_standard_and_of_the_system_are_put_into_words(remark, words):
    assert remark_words(remark) == words
