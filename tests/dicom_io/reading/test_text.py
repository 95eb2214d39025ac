import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_io.reading.text import codecs_of, decode_text, fits_character_set


@pytest.mark.parametrize(
    ("character_set", "value", "text"),
    [
        (b"ISO_IR 100", "Müller^Änne".encode("latin-1"), "Müller^Änne"),
        (b"ISO_IR 144", "Иванов^Пётр".encode("iso8859_5"), "Иванов^Пётр"),
        (b"ISO_IR 192", "王^小東".encode(), "王^小東"),
        (b"GB18030", "王^小东".encode("gb18030"), "王^小东"),
        # PS3.5 H.3.1: Japanese, default repertoire first
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        # PS3.5 I.2: Korean
        (
            b"\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=洪^吉洞",
        ),
        (b"ISO 2022 IR 100\\ISO 2022 IR 144", b"\x1b-L\xbb\xee\xda", "Люк"),
    ],
)
def test_text_is_decoded_by_its_character_set(character_set, value, text):
    assert decode_text(value, codecs_of(character_set)) == text


@pytest.mark.parametrize(
    "misspelled", [b"ISO_IR_100", b"ISO-IR 100", b"ISO IR 100", b"iso_ir 100", b"ISO-8859-1"]
)
def test_misspelled_character_sets_are_understood(misspelled):
    assert decode_text(b"M\xfcller", codecs_of(misspelled)) == "Müller"


@pytest.mark.parametrize("misspelled", [b"ISO_IR_192", b"UTF-8", b"utf8"])
def test_misspelled_unicode_is_understood(misspelled):
    assert decode_text("Łódź".encode(), codecs_of(misspelled)) == "Łódź"


@pytest.mark.parametrize("undeclared", [b"", b"NONSENSE", b"\xff\xfe"])
def test_without_a_character_set_utf_8_is_tried_and_latin_1_taken(undeclared):
    assert decode_text("Łódź".encode(), codecs_of(undeclared)) == "Łódź"
    assert decode_text(b"M\xfcller", codecs_of(undeclared)) == "Müller"


MUNECA = "RX MUÑECA IZQ"


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (b"ISO_IR 192", MUNECA.encode("latin-1")),
        (b"ISO_IR 100", MUNECA.encode()),
        (b"ISO_IR 6", MUNECA.encode()),
        (b"\\ISO 2022 IR 87", MUNECA.encode()),
        (b"ISO 2022 IR 149", MUNECA.encode()),
    ],
)
def test_text_that_contradicts_its_character_set_gets_a_second_try(declared, value):
    assert decode_text(value, codecs_of(declared)) == MUNECA


def test_what_is_no_utf_8_either_is_read_as_the_site_says():
    value = "Лучезапястный".encode("iso8859_5")
    assert decode_text(value, codecs_of(b"ISO_IR 192"), fallback="iso8859_5") == "Лучезапястный"


def test_a_last_character_that_is_cut_in_two_spoils_no_other():
    assert decode_text("左手関節".encode()[:-1], codecs_of(b"ISO_IR 192")) == "左手関\ufffd"


@pytest.mark.parametrize("text", ["Рентгенография кисти", "Ρώμη καρπός", "Zápěstí vlevo"])
def test_sound_text_is_never_taken_for_utf_8(text):
    for term, codec in (
        (b"ISO_IR 144", "iso8859_5"),
        (b"ISO_IR 126", "iso8859_7"),
        (b"ISO_IR 101", "iso8859_2"),
    ):
        try:
            value = text.encode(codec)
        except UnicodeEncodeError:
            continue
        assert decode_text(value, codecs_of(term)) == text


def test_what_does_not_fit_is_known():
    assert not fits_character_set(b"M\xfcller", codecs_of(b"ISO_IR 192"))
    assert fits_character_set(b"M\xfcller", codecs_of(b"ISO_IR 100"))


def test_padding_and_control_characters_are_dropped():
    assert decode_text(b" Wrist\x07 PA \0", ()) == "Wrist PA"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_are_decoded(character_set, value):
    assert isinstance(decode_text(value, codecs_of(character_set)), str)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [b"\\ISO 2022 IR 87", b"\\ISO 2022 IR 149", b"\\ISO 2022 IR 58", b"ISO 2022 IR 13\\ISO 2022 IR 87"]
    ),
    st.lists(
        st.one_of(
            st.sampled_from([b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x1b(J", b"\x1b", b"\x1b$(D", b"^"]),
            st.binary(max_size=6),
        )
    ),
)
def test_any_escape_sequences_are_decoded(character_set, pieces):
    assert isinstance(decode_text(b"".join(pieces), codecs_of(character_set)), str)
