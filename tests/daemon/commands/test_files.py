"""The files that commands are given, and the names of what is written of them."""

from pathlib import Path

import pytest

from daemon.commands.files import names_apart, present


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["x/a.png", "y/b.png"], ["a", "b"]),
        (["x/1.png", "y/1.png"], ["x-1.png", "y-1.png"]),
        (["in/x/s/1.png", "in/y/1.png"], ["x-s-1.png", "y-1.png"]),
        (["x/1.png", "x/1.dcm", "x/2.png"], ["1.png", "1.dcm", "2"]),
        (["x/1.png", "x/1.png"], ["1"]),
        (["x/1.png", "x/../x/1.png"], ["1.png", "1.png-2"]),
        (["x-1.png.png", "x/1.png", "y/1.png"], ["x-1.png", "x-1.png-2", "y-1.png"]),
    ],
)
def test_each_file_has_a_name_of_its_own(files, names):
    assert list(names_apart(map(Path, files)).values()) == names


def test_paths_that_exist_are_used_and_the_others_told(tmp_path, capsys):
    missing = tmp_path / "none"
    assert present([missing, tmp_path]) == [tmp_path]
    assert capsys.readouterr().err == f"left out: {missing} does not exist; name files or folders\n"


def test_where_no_path_exists_nothing_is_begun(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"(?s)/a does not exist.*/b does not exist"):
        present([tmp_path / "a", tmp_path / "b"])
