"""Radiographs from picture files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import UnreadablePicture
from models.picture import read_picture


def test_eight_bits_are_scaled_so_that_white_is_one(tmp_path: Path):
    Image.fromarray(np.array([[0, 51, 255]], dtype=np.uint8)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png") == pytest.approx(np.array([[0.0, 0.2, 1.0]]))


def test_sixteen_bits_keep_their_depth(tmp_path: Path):
    Image.fromarray(np.array([[0, 1, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png") == pytest.approx(np.array([[0.0, 1 / 65535, 1.0]]))


def test_color_becomes_luma(tmp_path: Path):
    Image.new("RGB", (2, 3), (255, 0, 0)).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.shape == (3, 2)
    assert picture == pytest.approx(np.full((3, 2), 0.299), abs=0.005)  # ITU-R BT.601


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_that_is_cut_short_is_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(UnreadablePicture, match="export it again"):
        read_picture(path)


def test_another_kind_of_file_is_refused(tmp_path: Path):
    (tmp_path / "a.png").write_text("GIF89a, or a text")
    with pytest.raises(UnreadablePicture):
        read_picture(tmp_path / "a.png")
