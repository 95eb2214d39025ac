"""MURA's folders, made of empty files: nothing here opens an image."""

from pathlib import Path

import pytest

from models.datasets.mura import read_mura
from models.errors import DatasetRefused

WRIST = "train/XR_WRIST/patient00006/study1_positive/image1.png"
ELBOW = "valid/XR_ELBOW/patient11186/study1_negative/image1.png"


@pytest.fixture
def mura(tmp_path: Path) -> Path:
    root = tmp_path / "MURA-v1.1"
    for image in (WRIST, ELBOW):
        put(root, image)
    return root


def put(root: Path, image: str) -> None:
    (root / image).parent.mkdir(parents=True, exist_ok=True)
    (root / image).touch()


def listing(root: Path, name: str, *lines: str) -> None:
    (root / name).write_text("".join(f"MURA-v1.1/{line}\n" for line in lines))


def refusal(root: Path) -> str:
    with pytest.raises(DatasetRefused) as refused:
        read_mura(root)
    return str(refused.value)


def test_folders_say_all_of_a_sample(mura: Path):
    wrist, elbow = read_mura(mura)
    assert (wrist.image, wrist.abnormal, wrist.split) == (mura / WRIST, True, "train")
    assert (wrist.region, wrist.patient) == ("wrist", "patient00006")
    assert (elbow.abnormal, elbow.split, elbow.region) == (False, "val", "elbow")
    assert wrist.boxes is None


def test_study_is_unique_among_patients_and_regions(mura: Path):
    put(mura, "train/XR_HAND/patient00006/study1_positive/image1.png")
    put(mura, "train/XR_HAND/patient00007/study1_positive/image1.png")
    put(mura, "train/XR_HAND/patient00007/study1_positive/image2.png")
    samples = read_mura(mura)
    assert len(samples) == 5
    assert len({sample.study for sample in samples}) == 4


def test_hidden_files_of_macos_are_passed_over(mura: Path):
    put(mura, "train/XR_WRIST/patient00006/study1_positive/._image1.png")
    put(mura, "train/XR_WRIST/.DS_Store")
    assert len(read_mura(mura)) == 2


def test_list_of_images_is_what_is_read(mura: Path):
    put(mura, "train/XR_WRIST/patient00006/study1_positive/image2.png")
    listing(mura, "train_image_paths.csv", WRIST, WRIST.replace("image1", "._image1"))
    assert [sample.image for sample in read_mura(mura)] == [mura / WRIST, mura / ELBOW]


def test_lists_of_labels_that_agree_are_taken(mura: Path):
    listing(mura, "train_labeled_studies.csv", "train/XR_WRIST/patient00006/study1_positive/,1")
    listing(mura, "valid_labeled_studies.csv", "valid/XR_ELBOW/patient11186/study1_negative/,0")
    assert len(read_mura(mura)) == 2


def test_one_split_is_enough_for_evaluation(tmp_path: Path):
    put(tmp_path, ELBOW)
    assert [sample.split for sample in read_mura(tmp_path)] == ["val"]


def test_listed_image_that_is_not_there_is_named_with_its_line(mura: Path):
    listing(mura, "train_image_paths.csv", WRIST, WRIST.replace("image1", "image2"))
    assert "train_image_paths.csv, line 2: there is no file" in refusal(mura)


def test_image_listed_twice_is_refused(mura: Path):
    listing(mura, "train_image_paths.csv", WRIST, WRIST)
    assert "line 2: train/XR_WRIST/patient00006/study1_positive/image1.png is listed in line 1" in refusal(
        mura
    )


def test_label_against_the_folder_is_refused(mura: Path):
    listing(mura, "train_labeled_studies.csv", "train/XR_WRIST/patient00006/study1_positive/,0")
    assert 'line 1: the label is "0", the folder study1_positive' in refusal(mura)


def test_list_of_another_form_is_refused(mura: Path):
    listing(mura, "train_image_paths.csv", f"{WRIST},1")
    assert "expected 1 columns, found 2" in refusal(mura)


def test_list_that_leads_out_of_the_data_set_is_refused(mura: Path):
    listing(mura, "train_image_paths.csv", "train/../../secret.png")
    assert "expected a path with the folder train" in refusal(mura)


def test_list_that_is_not_text_is_refused(mura: Path):
    (mura / "train_image_paths.csv").write_bytes(b"\xff\xfe\x00")
    assert "expected csv" in refusal(mura)


def test_folder_that_is_not_mura_is_refused(tmp_path: Path):
    assert "found neither" in refusal(tmp_path)


def test_empty_folders_are_refused(tmp_path: Path):
    (tmp_path / "train").mkdir()
    assert "expected images in train, found none" in refusal(tmp_path)


@pytest.mark.parametrize(
    "image",
    [
        "train/XR_KNEE/patient00001/study1_positive/image1.png",
        "train/XR_WRIST/someone/study1_positive/image1.png",
        "train/XR_WRIST/patient00001/study1/image1.png",
        "train/XR_WRIST/patient00001/image1.png",
    ],
)
def test_image_in_another_folder_is_refused(mura: Path, image: str):
    put(mura, image)
    message = refusal(mura)
    assert str(Path(image).parent) in message
    assert "csv file" in message


def test_patient_in_both_splits_is_refused(mura: Path):
    put(mura, "valid/XR_HAND/patient00006/study2_negative/image1.png")
    assert "1 patients are in both train and valid, the first is patient00006" in refusal(mura)
