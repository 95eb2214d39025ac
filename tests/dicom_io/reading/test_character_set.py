"""The character set that results declare."""

import pytest
from pydicom.charset import python_encoding

from dicom_io.reading.character_set import declared_character_set


@pytest.mark.parametrize(
    "term", sorted(t for t in python_encoding if t not in {"", "ISO_IR 6", "ISO 2022 IR 6"})
)
def test_a_defined_term_stays(term):
    assert declared_character_set(term.encode()).terms == (term,)
    assert not declared_character_set(term.encode()).problems


@pytest.mark.parametrize("declared", [b"", b"ISO_IR 6", b" ", b"\\"])
def test_the_default_repertoire_is_not_declared(declared):
    assert declared_character_set(declared).terms == ()


@pytest.mark.parametrize(
    ("declared", "terms"),
    [
        (b"ISO_IR_100", ("ISO_IR 100",)),
        (b"ISO-IR 144", ("ISO_IR 144",)),
        (b"iso8859-1", ("ISO_IR 100",)),
        (b"UTF-8", ("ISO_IR 192",)),
        (b"ISO2022IR87", ("ISO 2022 IR 87",)),
    ],
)
def test_a_misspelled_term_is_put_right_and_told(declared, terms):
    character_set = declared_character_set(declared)
    assert character_set.terms == terms
    assert character_set.problems
    assert not character_set.is_replaced


@pytest.mark.parametrize(
    ("declared", "terms"),
    [
        (rb"\ISO 2022 IR 87", ("", "ISO 2022 IR 87")),
        (rb"ISO_IR 6\ISO 2022 IR 87", ("ISO 2022 IR 6", "ISO 2022 IR 87")),
        (rb"ISO_IR 100\ISO 2022 IR 144", ("ISO 2022 IR 100", "ISO 2022 IR 144")),
        (rb"ISO_IR 192\ISO 2022 IR 87", ("ISO_IR 192",)),
        (rb"\ISO_IR 192", ("ISO_IR 192",)),
        (rb"ISO_IR 100\ISO_IR 192\ISO_IR 144", ("ISO 2022 IR 100", "ISO 2022 IR 144")),
        (rb"ISO 2022 IR 13\ISO 2022 IR 87\ISO 2022 IR 87", ("ISO 2022 IR 13", "ISO 2022 IR 87")),
    ],
)
def test_several_terms_fit_together(declared, terms):
    assert declared_character_set(declared).terms == terms


def test_an_unknown_term_makes_text_utf_8():
    character_set = declared_character_set(b"KLINGON")
    assert character_set.terms == ("ISO_IR 192",)
    assert character_set.is_replaced
    assert "KLINGON" not in " ".join(character_set.problems)


def test_escapes_stay_only_where_they_mean_something():
    assert declared_character_set(rb"\ISO 2022 IR 87").without_controls(b"\x1b$B\x00") == b"\x1b$B"
    assert declared_character_set(b"ISO_IR 100").without_controls(b"a\x1b\x7fb") == b"ab"
