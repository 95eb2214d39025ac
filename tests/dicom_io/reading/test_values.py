import pytest

from dicom_io.reading.items import Item
from dicom_io.reading.values import Values, tag_of


def values(keyword: str, value: bytes) -> Values:
    return Values(Item(values={tag_of(keyword): value}), little_endian=True)


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (b"", (None,)),
        (b"2048", (2048.0,)),
        (b" 2048\0", (2048.0,)),
        (b"+1.5e3\\-.5\\5.", (1500.0, -0.5, 5.0)),
        (b"2048\\", (2048.0, None)),
        (b"\\2048 ", (None, 2048.0)),
        (b"2048\\NaN\\AUTO\\inf\\-Infinity\\1e10\\1e999\\--1\\1_000", (2048.0, *[None] * 8)),
        # a decimal comma; two separators could mean anything
        (b"2048,5", (2048.5,)),
        (b"2048,5\\1,5", (2048.5, 1.5)),
        (b"2048,4096", (2048.4096,)),
        (b"1,234.5\\1.234,5\\1,2,3", (None, None, None)),
        ("\u0662\u0660\u0664\u0668".encode(), (None,)),
    ],
)
def test_a_decimal_string_that_is_no_number_harms_itself_alone(value, numbers):
    assert values("WindowCenter", value).decimals("WindowCenter") == numbers


def test_an_absent_element_has_no_decimals():
    assert values("WindowCenter", b"1").decimals("WindowWidth") == ()
    assert values("WindowCenter", b"1").decimal("WindowWidth") is None


def test_the_first_decimal_that_is_a_number_counts():
    assert values("RescaleSlope", b"\\AUTO\\2\\3").decimal("RescaleSlope") == 2.0


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (b"7", 7),
        (b"7\\8", 7),
        (b"\\8", 8),
        (b"x\\8 ", 8),
        (b"-7", 0),
        (b"7.5", 0),
        (b"1e3", 0),
        (b"9" * 13, 0),
        (b"", 0),
    ],
)
def test_of_an_integer_string_the_first_number_counts(value, number):
    assert values("NumberOfFrames", value).number("NumberOfFrames") == number


@pytest.mark.parametrize(
    ("value", "strings"),
    [
        (b"ORIGINAL\\primary ", ("ORIGINAL", "PRIMARY")),
        (b"\\ PRIMARY\\", ("PRIMARY",)),
        (b" ", ()),
    ],
)
def test_empty_code_strings_are_left_out(value, strings):
    assert values("ImageType", value).code_strings("ImageType") == strings
    assert values("ImageType", value).code_string("ImageType") == "\\".join(strings)
