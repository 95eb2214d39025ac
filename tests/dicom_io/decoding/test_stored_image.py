"""Stored values with their display: tables that say what `read_view` shows, and a wire form for them."""

import json
import struct

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom_io.decoding.display import VoiFunction, Window
from dicom_io.decoding.pixels import read_stored, read_view
from dicom_io.decoding.stored_image import StoredImage
from tests.factories import make_instance, write_instance


def stored_and_shown(ds, path):
    write_instance(ds, path)
    return read_stored(path), read_view(path).image


def ramp(**attributes):
    ds = make_instance(pixels=np.arange(4096, dtype=np.uint16).reshape(64, 64), bits_stored=12)
    for keyword in ("WindowCenter", "WindowWidth"):
        if keyword in ds:
            del ds[keyword]
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def windowed(image: StoredImage):
    """Apply its window to its values as LINEAR_EXACT does (PS3.3 C.11.2.1.3.2)."""
    center, width = image.window.center, image.window.width
    gray = np.clip((image.modality[image.values] - center) / width + 0.5, 0, 1)
    return 1 - gray if image.inverted else gray


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_is_that_of_the_instance_over_rescaled_values(tmp_path, photometric):
    ds = ramp(
        WindowCenter=100, WindowWidth=300, RescaleSlope=2, RescaleIntercept=-500,
        PhotometricInterpretation=photometric, PresentationLUTShape="",
    )  # fmt: skip
    image, shown = stored_and_shown(ds, tmp_path / "a.dcm")
    assert image.window == Window(center=100, width=300, function=VoiFunction.LINEAR)
    np.testing.assert_array_equal(image.modality[image.values], ds.pixel_array * 2.0 - 500)
    np.testing.assert_array_equal(image.grays[image.values], np.rint(shown * 255))
    assert image.inverted == (photometric == "MONOCHROME1")


def test_without_a_window_it_is_the_one_that_stretches_the_values_in_use(tmp_path):
    ds = ramp(PixelData=np.linspace(1000, 3000, 4096).astype(np.uint16).tobytes())
    image, shown = stored_and_shown(ds, tmp_path / "a.dcm")
    assert image.window == Window(center=2000, width=2000, function=VoiFunction.LINEAR_EXACT)
    np.testing.assert_allclose(windowed(image), shown, atol=1e-6)


def test_an_image_of_one_value_has_a_window_that_can_be_dragged(tmp_path):
    image, _ = stored_and_shown(ramp(PixelData=bytes([7, 0] * 4096)), tmp_path / "a.dcm")
    assert image.window == Window(center=7, width=1, function=VoiFunction.LINEAR_EXACT)


def test_a_voi_table_has_the_window_over_what_it_maps(tmp_path):
    table = Dataset()
    table.LUTDescriptor = [1000, 500, 16]
    table.LUTData = np.linspace(0, 65535, 1000).astype("<u2").tobytes()
    image, shown = stored_and_shown(ramp(VOILUTSequence=Sequence([table])), tmp_path / "a.dcm")
    assert image.window == Window(center=999.5, width=999, function=VoiFunction.LINEAR_EXACT)
    np.testing.assert_allclose(windowed(image), shown, atol=1e-3)


def image_of(count: int) -> StoredImage:
    values = np.random.default_rng(0).integers(0, count, (3, 5)).astype(np.uint16)
    return StoredImage(
        values=values,
        modality=np.linspace(-1, 1, count, dtype=np.float32),
        grays=np.linspace(0, 255, count).astype(np.uint8),
        window=Window(center=0.5, width=2.0, function=VoiFunction.SIGMOID),
        inverted=True,
        pixel_aspect=0.5,
    )


@pytest.mark.parametrize("count", [2, 255, 256, 4096])
def test_the_wire_form_holds_all_of_it(count):
    image = image_of(count)
    read = StoredImage.from_bytes(image.to_bytes())
    for name in ("values", "modality", "grays"):
        np.testing.assert_array_equal(getattr(read, name), getattr(image, name))
    assert (read.window, read.inverted, read.pixel_aspect) == (image.window, True, 0.5)


def test_the_wire_form_is_laid_out_as_documented():
    image = image_of(6)
    wire = image.to_bytes()
    (length,) = struct.unpack_from("<I", wire)
    assert length % 4 == 0
    header = json.loads(wire[4 : 4 + length])
    assert (header["rows"], header["columns"], header["count"]) == (3, 5, 6)
    at = 4 + length
    assert struct.unpack_from("<6f", wire, at) == pytest.approx(image.modality)
    assert wire[at + 24 : at + 30] == bytes(image.grays)
    assert struct.unpack_from("<15H", wire, at + 32) == tuple(image.values.flat)
    assert len(wire) == at + 32 + 30
