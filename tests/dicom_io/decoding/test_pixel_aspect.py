import io

import numpy as np
import pytest

from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.pixel_aspect import read_pixel_aspect
from dicom_io.decoding.pixels import read_view
from dicom_io.reading.items import Item
from dicom_io.reading.values import Values, tag_of
from tests.factories import encode, make_instance, write_instance


def aspect(**elements: bytes) -> float:
    item = Item(values={tag_of(keyword): value for keyword, value in elements.items()})
    return read_pixel_aspect(Values(item, little_endian=True))


@pytest.mark.parametrize(
    "keyword", ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"]
)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"1\\2", 0.5),
        (b"0.4\\0.2", 2.0),
        (b"0,4\\0,2", 2.0),
        (b"0.2\\0.4\\", 0.5),
        (b"4\\1", 4.0),
        (b"1\\4", 0.25),
        (b"0.1435\\0.143", 1.0),  # rounded
    ],
)
def test_height_and_width_of_a_pixel_give_its_aspect(keyword, value, expected):
    assert aspect(**{keyword: value}) == expected


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"0\\0",
        b"0\\1",
        b"1\\0",
        b"-1\\-2",
        b"1",
        b"1\\",
        b"\\2",
        b"NaN\\2",
        b"1\\1000",
        b"1\\4.01",
        b"x",
    ],
)
def test_what_no_detector_has_is_passed_over(junk):
    assert aspect(PixelSpacing=junk) == 1.0
    assert aspect(PixelSpacing=junk, ImagerPixelSpacing=b"0.2\\0.4") == 0.5


def test_without_any_size_pixels_are_square():
    assert aspect() == 1.0


def test_a_spacing_goes_before_the_ratio():
    assert aspect(PixelAspectRatio=b"2\\1", ImagerPixelSpacing=b"0.2\\0.4") == 0.5
    assert aspect(PixelAspectRatio=b"2\\1", ImagerPixelSpacing=b"0.2\\0.2") == 1.0
    assert aspect(ImagerPixelSpacing=b"0.2\\0.2", PixelSpacing=b"0.1\\0.2") == 0.5


def test_a_view_keeps_its_pixels_and_says_their_shape():
    ds = make_instance(rows=6, columns=4, ImagerPixelSpacing=None, PixelAspectRatio=[1, 2])
    view = read_view(io.BytesIO(encode(ds)))
    square = read_view(io.BytesIO(encode(make_instance(rows=6, columns=4))))
    assert (view.pixel_aspect, square.pixel_aspect) == (0.5, 1.0)
    np.testing.assert_array_equal(view.image, square.image)


def test_the_shape_of_pixels_comes_out_of_the_decoding_process(tmp_path):
    path = write_instance(make_instance(rows=6, columns=4, ImagerPixelSpacing=[0.3, 0.2]), tmp_path / "a.dcm")
    with Decoder() as decoder:
        assert decoder.read_view(path).pixel_aspect == pytest.approx(1.5)
