"""Why an instance is not in use is a code with details; words are made of them at the end."""

import pytest

from dicom_io.defects import Defect
from dicom_io.details import details_text
from dicom_io.selection.exclusion import Exclusion
from sr_templates.reason import CLAUSES, Reason, Withheld, clause, sentence
from tests.sr_templates.reasons import every_reason

ALL = every_reason()


def test_every_code_has_words_and_no_two_kinds_of_codes_share_one():
    codes = [*Exclusion, *Withheld, *Defect]
    assert sorted(CLAUSES) == sorted({str(code) for code in codes})
    assert len(CLAUSES) == len(codes)


@pytest.mark.parametrize("reason", ALL, ids=lambda reason: reason.code)
def test_the_store_gives_a_reason_back_and_its_words(reason):
    kept = Reason.stored(str(reason.code), details_text(reason.details))
    assert kept is not None
    assert kept == reason
    assert type(kept.code) is type(reason.code)
    assert clause(kept) == clause(reason)


@pytest.mark.parametrize("reason", ALL, ids=lambda reason: reason.code)
def test_words_follow_because_and_a_sentence_ends_once(reason):
    said = clause(reason)
    assert said
    assert not said.endswith((".", " "))
    assert "{" not in said
    assert not said.startswith("This ")
    assert sentence(reason) == f"{said[0].upper()}{said[1:]}."


def test_what_is_in_use_has_no_reason_and_no_words():
    assert Reason.stored("", "{}") is None
    assert (clause(None), sentence(None)) == ("", "")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            Reason.because(Withheld.FILE_LOST, errno=13),
            "its file in the spool cannot be read: Permission denied",
        ),
        (
            Reason.because(Withheld.UNLIKE_RADIOGRAPH, warning="body part"),
            "the view looks like another body part, so its low score says nothing",
        ),
        (
            Reason.because(Exclusion.REGION_MULTIPLE, conflict=""),
            "this image names more than one body part",
        ),
        (
            Reason.because(Exclusion.REGION_MULTIPLE, conflict="ProtocolName HAND, StudyDescription other"),
            "this image names more than one body part: ProtocolName names hand, "
            "StudyDescription names a part that is not analyzed",
        ),
        (
            Reason.because(
                Defect.SAMPLES_CONTRADICT,
                is_coded_signed=False,
                precision=12,
                is_signed=True,
                bits_stored=10,
                high_bit=9,
                bits_allocated=16,
            ),
            "the codestream holds unsigned samples of 12 bits, which cannot be read as the header says: "
            "signed, BitsStored 10, HighBit 9, BitsAllocated 16",
        ),
        (
            Reason.because(Defect.DECODING_TOO_LARGE, most_bytes=2**30),
            "decoding takes more than 1,073,741,824 bytes of memory",
        ),
        (
            Reason.because(Defect.JPEG_KIND, marker=0xC2),
            "JPEG frames of the kind 0xFFC2 are not decoded here",
        ),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_details_that_are_no_words_are_put_into_words(reason, words):
    assert clause(reason) == words
