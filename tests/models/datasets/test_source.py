from pathlib import Path

import pytest

from models.datasets.source import of_split, read_source
from models.errors import DatasetRefused


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    (tmp_path / "a.png").touch()
    path = tmp_path / "data.csv"
    path.write_text("image,label,split,study,region\na.png,1,train,s1,wrist\n")
    return path


def test_kind_before_the_path_chooses_the_reader(tmp_path: Path, csv_file: Path):
    image = tmp_path / "valid/XR_HAND/patient1/study1_negative/image1.png"
    image.parent.mkdir(parents=True)
    image.touch()
    assert [sample.region for sample in read_source(f"csv:{csv_file}")] == ["wrist"]
    assert [sample.region for sample in read_source(f"mura:{tmp_path}")] == ["hand"]


@pytest.mark.parametrize("source", ["mura", "csv:", "data.csv", "dicom:folder", ""])
def test_source_of_no_known_kind_is_refused(source: str):
    with pytest.raises(DatasetRefused, match=r"write mura:FOLDER .* csv:FILE"):
        read_source(source)


def test_split_that_is_empty_is_refused_with_those_there_are(csv_file: Path):
    samples = read_source(f"csv:{csv_file}")
    assert of_split(samples, "train") == samples
    with pytest.raises(DatasetRefused, match=r"no images in the split 'val'; its splits are: train"):
        of_split(samples, "val")
