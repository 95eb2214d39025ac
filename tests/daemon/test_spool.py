"""Files are whole or absent, durable before they count, and named by nothing that was received."""

import hashlib
import os
import re
import stat
from pathlib import Path

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian

from daemon.spool import Spool, data_set_digest, write_whole
from tests.factories import encode, make_instance, uid, write_instance


@pytest.fixture
def disk_log(monkeypatch) -> list[str]:
    """What is synced and renamed, in order, by the names of the files."""
    log: list[str] = []
    sync, rename = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        log.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        sync(descriptor)

    def renamed(source, target, **_):
        log.append(f"rename {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", renamed)
    return log


DIGEST = "ab" * 32


def incoming_file(spool: Spool, content: bytes = b"content") -> Path:
    file = spool.incoming / "arrival.dcm"
    file.write_bytes(content)
    return file


def test_adopted_file_lies_under_its_digest_and_a_number_of_its_own(spool):
    path = spool.adopt(incoming_file(spool), DIGEST)
    assert re.fullmatch(f"spool/ab/{DIGEST}-[0-9a-f]{{32}}.dcm", path)
    assert spool.absolute(path).read_bytes() == b"content"
    assert list(spool.incoming.iterdir()) == []


def test_adopted_file_is_synced_before_its_name_and_its_name_after(spool, disk_log):
    path = spool.adopt(incoming_file(spool), DIGEST)
    assert disk_log == ["sync arrival.dcm", f"rename {Path(path).name}", "sync ab"]


def test_same_content_is_adopted_beside_itself_and_removed_alone(spool):
    first, second = (spool.adopt(incoming_file(spool), DIGEST) for _ in range(2))
    spool.remove([first])
    assert spool.absolute(second).read_bytes() == b"content"


def test_file_that_is_required_must_be_there(spool):
    path = spool.adopt(incoming_file(spool), DIGEST)
    spool.require(path)
    spool.remove([path])
    with pytest.raises(FileNotFoundError):
        spool.require(path)


def test_folders_are_synced_also_by_who_finds_them(spool, disk_log):
    # Another process may have made them a moment ago, and its power cut is ours.
    spool.prepare()
    folders = (spool.data_dir.parent, spool.data_dir, "spool", "incoming", "results")
    assert disk_log == [f"sync {Path(folder).name}" for folder in folders]


def test_every_folder_is_made_and_synced_before_anything_comes(tmp_path, disk_log):
    fresh = Spool(tmp_path / "srv" / "data")
    fresh.prepare()
    assert {f"sync {name}" for name in (tmp_path.name, "srv", "data", "spool", "results")} <= set(disk_log)
    folders = {str(folder.relative_to(fresh.data_dir)) for folder in fresh.data_dir.rglob("*")}
    by_content = {f"{top}/{number:02x}" for top in ("spool", "results") for number in range(256)}
    others = {"spool", "results", "quarantine", "spool/incoming", f"spool/incoming/{fresh.node}"}
    assert folders == by_content | others


def test_each_machine_has_an_incoming_folder_of_its_own(tmp_path):
    first, second = Spool(tmp_path, "first"), Spool(tmp_path, "second")
    for one in (first, second):
        one.prepare()
        incoming_file(one)
    assert first.incoming != second.incoming
    assert set(first.incoming_files()) == {first.incoming / "arrival.dcm", second.incoming / "arrival.dcm"}
    assert list(first.stored_files()) == []


def test_whole_file_is_synced_before_its_name_and_its_name_after(tmp_path, disk_log):
    write_whole(tmp_path / "report.dcm", b"content")
    assert disk_log == [f"sync .report.dcm.{os.getpid()}.part", "rename report.dcm", f"sync {tmp_path.name}"]


def test_failed_write_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    target = tmp_path / "report.dcm"
    write_whole(target, b"first")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(target, b"second")
    assert target.read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["report.dcm"]


def test_whole_file_replaces_what_was_there(tmp_path):
    write_whole(tmp_path / "file", b"first, and longer")
    write_whole(tmp_path / "file", b"second")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"second"


def test_result_is_durable_where_its_path_says(spool, disk_log):
    path = spool.write_result("2.25.1", b"result")
    folder = hashlib.sha256(b"2.25.1").hexdigest()[:2]
    assert path == f"results/{folder}/2.25.1.dcm"
    assert spool.absolute(path).read_bytes() == b"result"
    assert disk_log == [
        f"sync .2.25.1.dcm.{os.getpid()}.part",
        "rename 2.25.1.dcm",
        f"sync {folder}",
    ]


def test_folders_are_for_this_user_only(tmp_path):
    spool = Spool(tmp_path / "data")
    spool.prepare()
    folders = [spool.data_dir, *spool.data_dir.rglob("*/")]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_preparing_twice_keeps_what_is_there(spool):
    path = spool.write_result("2.25.1", b"result")
    spool.prepare()
    assert spool.absolute(path).exists()


def test_file_that_is_set_aside_is_durable_with_its_reason_and_without_its_name(spool, disk_log):
    file = incoming_file(spool)
    name = spool.set_aside(file, "no DICOM")
    assert file.exists()
    assert (spool.quarantine / f"{name}.bin").read_bytes() == b"content"
    assert (spool.quarantine / f"{name}.reason.txt").read_text() == "no DICOM\n"
    assert disk_log[0] == f"sync {name}.bin"
    assert disk_log[-1] == "sync quarantine"
    assert "arrival" not in name


def test_removing_is_done_once_or_twice(spool):
    path = spool.write_result("2.25.1", b"result")
    spool.remove([path, path, "results/00/never.dcm"])
    assert not spool.absolute(path).exists()


def test_stored_files_are_instances_and_results_whole_or_not_and_not_what_is_incoming(spool):
    adopted = spool.adopt(incoming_file(spool), DIGEST)
    result = spool.write_result("2.25.1", b"result")
    incoming_file(spool)
    half = spool.absolute(result).with_name(".2.25.2.dcm.7.part")
    half.touch()
    assert {str(file.relative_to(spool.data_dir)) for file in spool.stored_files()} == {
        adopted,
        result,
        str(half.relative_to(spool.data_dir)),
    }


def test_free_bytes_are_those_of_the_data_directory(spool):
    assert 0 < spool.free_bytes() <= os.statvfs(spool.data_dir).f_bfree * os.statvfs(spool.data_dir).f_frsize


def digest_of(ds, folder: Path) -> str:
    return data_set_digest(write_instance(ds, folder / "file.dcm"))


def test_digest_does_not_depend_on_the_file_meta(tmp_path):
    ds = make_instance(rows=8, columns=8)
    first = digest_of(ds, tmp_path)
    ds.file_meta.ImplementationClassUID = UID(uid(4, 5, 6, 7))
    ds.file_meta.SourceApplicationEntityTitle = "SOMEBODY"
    assert digest_of(ds, tmp_path) == first


def test_digest_is_that_of_the_data_set(tmp_path):
    content = encode(make_instance(rows=8, columns=8, transfer_syntax_uid=ExplicitVRLittleEndian))
    # PS3.10 7.1: the group length tells where the meta group ends, counted from byte 144 on.
    end_of_meta = 144 + int.from_bytes(content[140:144], "little")
    (tmp_path / "file.dcm").write_bytes(content)
    assert data_set_digest(tmp_path / "file.dcm") == hashlib.sha256(content[end_of_meta:]).hexdigest()


def test_digest_tells_one_changed_byte(tmp_path):
    plain = digest_of(make_instance(rows=8, columns=8), tmp_path)
    assert digest_of(make_instance(rows=8, columns=8, PatientID="TEST-2"), tmp_path) != plain


@pytest.mark.parametrize("length", [0xFFFFFFF0, 0x00100000, 0])
def test_wrong_group_length_does_not_make_instances_alike(tmp_path, length):
    digests = set()
    for number in (1, 2):
        content = bytearray(encode(make_instance(instance=number, rows=8, columns=8)))
        content[140:144] = length.to_bytes(4, "little")
        file = tmp_path / f"{number}.dcm"
        file.write_bytes(content)
        digests.add(data_set_digest(file))
    assert len(digests) == 2


def test_group_length_that_reaches_into_the_pixels_does_not_make_instances_alike(tmp_path):
    digests = set()
    for number in (1, 2):
        content = bytearray(encode(make_instance(instance=number, rows=8, columns=8)))
        content[140:144] = (len(content) - 160).to_bytes(4, "little")
        file = tmp_path / f"{number}.dcm"
        file.write_bytes(content)
        digests.add(data_set_digest(file))
    assert len(digests) == 2


def test_digest_does_not_depend_on_a_file_meta_with_a_vr_that_is_none(tmp_path):
    content = encode(make_instance(rows=8, columns=8))
    for name, changed in (
        ("sound", content),
        ("broken", content.replace(b"\x02\0\x01\0OB", b"\x02\0\x01\0O?")),
    ):
        (tmp_path / name).write_bytes(changed)
    assert (tmp_path / "sound").read_bytes() != (tmp_path / "broken").read_bytes()
    assert data_set_digest(tmp_path / "sound") == data_set_digest(tmp_path / "broken")


@pytest.mark.parametrize("content", [b"", b"short", bytes(200)])
def test_digest_of_what_is_no_part_10_file_is_that_of_all_bytes(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    assert data_set_digest(tmp_path / "file") == hashlib.sha256(content).hexdigest()
