"""Files of folders are taken when they are complete, and never lost."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.intake import Intake
from daemon.intake_rule import IntakeRule
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.stages.watcher import RESCAN_SECONDS, Watcher
from daemon.store.listing import worklist_entries
from daemon.store.worklist import recent_rejections, study_detail
from tests.daemon.deadline import wait_until
from tests.daemon.store_factory import NOW
from tests.factories import encode, make_instance, uid, write_instance

SETTLE = 2.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


@pytest.fixture
def make_watcher(sqlite_only, spool, folder):
    def make(settle_seconds: float = SETTLE, min_free_bytes: int = 0) -> Watcher:
        rule = IntakeRule(
            unknown_region="exclude",
            stat_calling_ae_titles=frozenset(),
            min_free_bytes=min_free_bytes,
            max_open_studies=100,
        )
        intake = Intake(spool, sqlite_only, rule, lambda: NOW)
        return Watcher(intake, spool, (folder,), settle_seconds=settle_seconds)

    return make


@pytest.fixture
def watcher(make_watcher: Callable[..., Watcher]) -> Watcher:
    return make_watcher()


def taken(store) -> list[str]:
    return [entry.study_instance_uid for entry in worklist_entries(store)]


def quarantined(spool) -> list[Path]:
    return sorted(spool.quarantine.iterdir())


def settle(watcher: Watcher, start: float = 0.0) -> None:
    """See the files at `start`, and again when they have settled."""
    watcher.step(start)
    watcher.step(start + SETTLE)


def test_complete_file_is_taken_and_removed(watcher, folder, sqlite_only, spool):
    file = write_instance(make_instance(), folder / "a.dcm")
    settle(watcher)
    assert taken(sqlite_only) == [uid(1)]
    assert not file.exists()
    (view,) = study_detail(sqlite_only, uid(1)).instances
    assert view.source == "folder"
    assert spool.absolute(view.path).read_bytes() == encode(make_instance())
    assert list(spool.incoming.iterdir()) == []


def test_file_that_still_grows_is_not_taken(watcher, folder, sqlite_only, spool):
    content = encode(make_instance())
    file = folder / "a.dcm"
    for moment, size in ((0.0, 1000), (1.9, 2000), (3.8, len(content))):
        file.write_bytes(content[:size])
        watcher.touch(file)
        watcher.step(moment)
        assert [taken(sqlite_only), quarantined(spool)] == [[], []]
    watcher.step(5.7)
    assert taken(sqlite_only) == []
    watcher.step(5.8)
    assert taken(sqlite_only) == [uid(1)]


def test_file_that_is_written_again_with_the_same_size_starts_anew(watcher, folder, sqlite_only):
    file = write_instance(make_instance(), folder / "a.dcm")
    watcher.step(0.0)
    os.utime(file, ns=(1, 1))
    watcher.step(2.0)
    assert taken(sqlite_only) == []
    watcher.step(4.0)
    assert taken(sqlite_only) == [uid(1)]


def test_files_in_folders_below_are_taken(watcher, folder, sqlite_only):
    (folder / "patient" / "study").mkdir(parents=True)
    write_instance(make_instance(), folder / "patient" / "study" / "IM0001")
    settle(watcher)
    assert taken(sqlite_only) == [uid(1)]


def test_file_that_no_event_told_of_is_found_by_the_next_scan(watcher, folder, sqlite_only):
    watcher.step(0.0)
    write_instance(make_instance(), folder / "a.dcm")
    settle(watcher, RESCAN_SECONDS - 2 * SETTLE)
    assert taken(sqlite_only) == []
    settle(watcher, RESCAN_SECONDS)
    assert taken(sqlite_only) == [uid(1)]


def test_unreadable_file_goes_to_quarantine_with_the_reason_and_without_its_name(
    watcher, folder, sqlite_only, spool
):
    file = folder / "Testcase^Wrist.dcm"
    file.write_bytes(b"no DICOM at all")
    settle(watcher)
    assert not file.exists()
    content, reason = quarantined(spool)
    assert content.read_bytes() == b"no DICOM at all"
    assert "DICM" in reason.read_text()
    assert (content.suffix, reason.name) == (".bin", f"{content.stem}.reason.txt")
    assert not [one for one in (content.name, reason.name, reason.read_text()) if "Testcase" in one]
    (rejection,) = recent_rejections(sqlite_only, limit=9)
    assert (rejection.source, f"{rejection.reason}\n") == ("folder", reason.read_text())
    assert list(spool.incoming.iterdir()) == []


def test_full_disk_leaves_the_file_until_there_is_space(make_watcher, folder, sqlite_only, spool):
    file = write_instance(make_instance(), folder / "a.dcm")
    settle(make_watcher(min_free_bytes=2**62))
    assert file.exists()
    assert [taken(sqlite_only), quarantined(spool), list(spool.incoming.iterdir())] == [[], [], []]
    settle(make_watcher())
    assert taken(sqlite_only) == [uid(1)]
    assert not file.exists()


def test_same_watcher_tries_again_with_the_next_scan(make_watcher, folder, sqlite_only):
    write_instance(make_instance(), folder / "a.dcm")
    watcher = make_watcher(min_free_bytes=2**62)
    settle(watcher)
    watcher._intake = make_watcher()._intake
    settle(watcher, RESCAN_SECONDS)
    assert taken(sqlite_only) == [uid(1)]


@pytest.mark.parametrize("content", [encode(make_instance()), b"no DICOM at all"], ids=["good", "bad"])
def test_disk_that_fills_up_under_the_copy_leaves_the_file(watcher, folder, spool, monkeypatch, content):
    file = folder / "a.dcm"
    file.write_bytes(content)
    copies: list[str] = []

    def fill_up(source: Path, target: Path) -> None:
        copies.append(target.parent.name)
        if target.parent == (spool.incoming if content[:2] != b"no" else spool.quarantine):
            raise OSError(28, "No space left on device")
        real(source, target)

    real = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", fill_up)
    settle(watcher)
    assert copies
    assert file.exists()
    assert list(spool.incoming.iterdir()) == []


def test_hidden_files_links_and_folders_are_left_alone(watcher, folder, sqlite_only, spool):
    write_instance(make_instance(), folder / ".a.dcm.part")
    target = write_instance(make_instance(), spool.data_dir / "elsewhere.dcm")
    (folder / "link.dcm").symlink_to(target)
    (folder / "gone.dcm").symlink_to(folder / "nowhere")
    (folder / "folder.dcm").mkdir()
    os.mkfifo(folder / "pipe.dcm")
    settle(watcher)
    assert [taken(sqlite_only), quarantined(spool)] == [[], []]
    assert len(list(folder.iterdir())) == 5


def test_file_that_vanishes_is_forgotten(watcher, folder, sqlite_only):
    file = write_instance(make_instance(), folder / "a.dcm")
    watcher.step(0.0)
    file.unlink()
    watcher.step(2.0)
    watcher.touch(folder / "never.dcm")
    watcher.touch(folder / "a.dcm" / "below")
    watcher.step(4.0)
    assert taken(sqlite_only) == []


def test_repeat_is_removed_as_well(watcher, folder, sqlite_only):
    for name in ("a.dcm", "b.dcm"):
        write_instance(make_instance(), folder / name)
    settle(watcher)
    assert list(folder.iterdir()) == []
    assert len(study_detail(sqlite_only, uid(1)).instances) == 1


def test_running_watcher_sees_what_is_copied_and_what_gets_its_name_at_the_end(
    make_watcher, folder, sqlite_only
):
    process = StageProcess(StageName.WATCHER, sqlite_only)
    thread = threading.Thread(target=make_watcher(settle_seconds=0.05).run, args=(process,))
    thread.start()
    in_time = RESCAN_SECONDS / 2  # by the events, not by the next scan
    try:
        write_instance(make_instance(study=1), folder / "copied.dcm")
        wait_until(lambda: taken(sqlite_only) == [uid(1)], "the first file taken", seconds=in_time)
        write_instance(make_instance(study=2), folder / ".renamed.dcm.part").rename(folder / "renamed.dcm")
        wait_until(lambda: taken(sqlite_only) == [uid(1), uid(2)], "the second file taken", seconds=in_time)
        wait_until(lambda: list(folder.iterdir()) == [], "both files removed", seconds=in_time)
    finally:
        process.stop()
        thread.join()
