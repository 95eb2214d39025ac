import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.datasets.sample import Box
from models.datasets.table import read_table
from models.errors import DatasetRefused

ROW = {"image": "a.png", "label": "1", "split": "train", "study": "s1", "region": "wrist"}


def table(folder: Path, *rows: dict[str, str]) -> Path:
    """Write rows as a csv file, an empty picture for each of "a.png", "b.png" and "c.png" beside it."""
    for name in ("a.png", "b.png", "c.png"):
        (folder / name).touch()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = folder / "data.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DatasetRefused) as refused:
        read_table(path)
    return str(refused.value)


def test_row_becomes_a_sample(tmp_path: Path):
    extra = {"boxes": "[[1, 2.5, 30, 40]]", "patient": "p1", "stratum": "low resolution"}
    (sample,) = read_table(table(tmp_path, ROW | extra))
    assert sample.image == tmp_path / "a.png"
    assert (sample.abnormal, sample.split, sample.study, sample.region) == (True, "train", "s1", "wrist")
    assert sample.boxes == (Box(left=1, top=2.5, width=30, height=40),)
    assert (sample.patient, sample.stratum) == ("p1", "low resolution")


def test_what_is_left_out_is_unknown(tmp_path: Path):
    (sample,) = read_table(table(tmp_path, ROW))
    assert (sample.patient, sample.boxes, sample.stratum) == (None, None, "")


def test_no_boxes_differ_from_boxes_that_nobody_drew(tmp_path: Path):
    rows = [ROW | {"boxes": "[]"}, ROW | {"image": "b.png", "boxes": ""}]
    assert [sample.boxes for sample in read_table(table(tmp_path, *rows))] == [(), None]


@pytest.mark.parametrize(
    ("label", "abnormal"), [("1", True), ("abnormal", True), ("0", False), ("Normal", False)]
)
def test_labels_are_numbers_or_words(tmp_path: Path, label: str, abnormal: bool):
    (sample,) = read_table(table(tmp_path, ROW | {"label": label}))
    assert sample.abnormal is abnormal


def test_absolute_path_stays_one(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = table(elsewhere, ROW | {"image": str(tmp_path / "x.png")})
    (tmp_path / "x.png").touch()
    assert read_table(path)[0].image == tmp_path / "x.png"


def test_file_of_a_spreadsheet_is_read(tmp_path: Path):
    path = table(tmp_path, ROW)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_table(path)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": ""}, "label is empty"),
        ({"split": " "}, "split is empty"),
        ({"label": "positive"}, "label is 'positive'; write 1 or abnormal"),
        ({"image": "z.png"}, "there is no image"),
        ({"image": "."}, "there is no image"),
        ({"image": "z" * 5000}, "there is no image"),
        ({"boxes": "[1, 2, 3, 4]"}, "boxes are '[1, 2, 3, 4]'"),
        ({"boxes": "[[1, 2, 3]]"}, "boxes are"),
        ({"boxes": "[[1, 2, 0, 4]]"}, "boxes are"),
        ({"boxes": "[[-1, 2, 3, 4]]"}, "boxes are"),
        ({"boxes": "[[1, 2, 3, NaN]]"}, "boxes are"),
        ({"boxes": "[[1, 2, 3, true]]"}, "boxes are"),
        ({"boxes": f"[[1, 2, 3, {10**400}]]"}, "boxes are"),
        ({"boxes": "[" * 100_000}, "boxes are"),
        ({"boxes": "1,2,3,4"}, "boxes are"),
        ({"label": "0", "boxes": "[[1, 2, 3, 4]]"}, "boxes are given for a normal image"),
    ],
)
def test_wrong_cell_is_named_with_its_line(tmp_path: Path, change: dict[str, str], message: str):
    good = ROW | {"boxes": ""}
    path = table(tmp_path, good | {"image": "b.png"}, good | change)
    assert f"data.csv: 1 problems\n  line 3: {message}" in refusal(path)


def test_line_is_that_of_the_file_where_a_cell_has_several(tmp_path: Path):
    path = table(tmp_path, ROW | {"region": "left\nwrist"}, ROW | {"image": "b.png", "label": "?"})
    assert "line 4: label" in refusal(path)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"image": "a.png", "label": "1", "split": "train", "study": "s"}, "missing: region"),
        (ROW | {"Label": "1"}, "unknown: 'Label'"),
    ],
)
def test_other_columns_are_refused(tmp_path: Path, row: dict[str, str], found: str):
    message = refusal(table(tmp_path, row))
    assert f"({found})" in message
    assert "the header must hold image, label, split, study, region" in message


def test_column_given_twice_is_refused(tmp_path: Path):
    path = table(tmp_path, ROW)
    path.write_text(
        "\n".join(f"{line},1" for line in path.read_text().split()).replace("region,1", "region,label")
    )
    assert "given twice: label" in refusal(path)


def test_row_of_another_length_is_refused(tmp_path: Path):
    path = table(tmp_path, ROW | {"boxes": ""})
    path.write_text(path.read_text().replace("wrist,", "wrist,[[1, 2, 3, 4]]"))
    assert "line 2: expected 6 cells as in the header, found 9; put a cell that holds a comma" in refusal(
        path
    )


def test_study_in_two_splits_is_refused(tmp_path: Path):
    path = table(tmp_path, ROW, ROW | {"image": "b.png", "split": "val"})
    assert "line 3: the study is in 'val' here and in 'train' in line 2" in refusal(path)


def test_patient_in_two_splits_is_refused(tmp_path: Path):
    rows = [ROW | {"patient": "p"}, ROW | {"image": "b.png", "study": "s2", "split": "val", "patient": "p"}]
    assert "line 3: the patient is in 'val' here and in 'train' in line 2" in refusal(table(tmp_path, *rows))


def test_study_of_two_patients_is_refused(tmp_path: Path):
    rows = [ROW | {"patient": "p"}, ROW | {"image": "b.png", "patient": "q"}]
    assert "line 3: the study has another patient in line 2" in refusal(table(tmp_path, *rows))


def test_image_given_twice_is_refused_under_any_spelling(tmp_path: Path):
    path = table(tmp_path, ROW, ROW | {"image": "../" + tmp_path.name + "/./a.png"})
    assert "line 3: the image is in line 2 already" in refusal(path)


def test_problems_come_together_but_not_without_end(tmp_path: Path):
    message = refusal(table(tmp_path, *[ROW | {"label": "?"}] * 12))
    assert "12 problems" in message
    assert message.count("label is '?'") == 10
    assert message.endswith("and 2 more")


def test_header_alone_is_refused(tmp_path: Path):
    path = tmp_path / "data.csv"
    path.write_text("image,label,split,study,region\n")
    assert "expected a line for each image" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'image,"label\n'])
def test_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    assert "data.csv" in refusal(path)


def test_file_that_is_not_there_is_refused(tmp_path: Path):
    assert "No such file" in refusal(tmp_path / "data.csv")


@given(content=st.text(alphabet='image,label1\n"[]{}0-e.\x00é', max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(f"image,label,split,study,region,boxes\n{content}")
    refusal(path)
