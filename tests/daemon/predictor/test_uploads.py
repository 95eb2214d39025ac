import os
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.predictor.errors import PredictorBusy, UnknownUpload, UnusableUpload, UploadTooLarge
from daemon.predictor.kept import UploadedStudy
from daemon.predictor.uploads import UploadLimits, Uploads

PNG = b"\x89PNG\r\n\x1a\n"
LIMITS = UploadLimits(file_bytes=100, study_files=2, all_bytes=250, seconds=60.0)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(clock: Clock) -> Uploads:
    return Uploads(LIMITS, clock)


def send(uploads: Uploads, token: str | None = None, *, size: int = 80) -> UploadedStudy:
    with uploads.receiving(token) as incoming:
        incoming.append(PNG)
        incoming.append(bytes(size - len(PNG)))
        return incoming.keep()


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_what_was_sent_can_be_read_again_and_not_written(uploads: Uploads) -> None:
    study = send(uploads)
    with uploads.opened(study, 1) as (descriptor, is_picture):
        assert is_picture
        assert Path(f"/proc/self/fd/{descriptor}").read_bytes() == PNG + bytes(72)
        with pytest.raises(PermissionError):
            os.write(descriptor, b"x")


def test_a_file_is_cut_at_the_limit_and_dropped(uploads: Uploads) -> None:
    before = open_descriptors()
    with uploads.receiving(None) as incoming:
        incoming.append(PNG + bytes(92))
        with pytest.raises(UploadTooLarge):
            incoming.append(b"x")
    assert open_descriptors() == before


def test_a_file_that_breaks_off_is_dropped(uploads: Uploads) -> None:
    before = open_descriptors()
    with suppress(ConnectionError), uploads.receiving(None) as incoming:
        incoming.append(PNG)
        raise ConnectionError
    assert open_descriptors() == before
    assert uploads._coming == 0


def test_a_file_that_is_no_radiograph_is_dropped(uploads: Uploads) -> None:
    before = open_descriptors()
    with uploads.receiving(None) as incoming:
        incoming.append(b"hello")
        with pytest.raises(UnusableUpload):
            incoming.keep()
    assert open_descriptors() == before


def test_a_study_takes_so_many_files(uploads: Uploads) -> None:
    study = send(uploads)
    assert send(uploads, study.token) is study
    with pytest.raises(UploadTooLarge):
        send(uploads, study.token)


def test_a_study_that_is_being_analyzed_takes_no_more_files(uploads: Uploads) -> None:
    study = send(uploads)
    study.analyzed = 1
    with pytest.raises(UnusableUpload):
        send(uploads, study.token)


def test_the_study_that_was_used_last_long_ago_makes_room(uploads: Uploads) -> None:
    first, second, third = send(uploads), send(uploads), send(uploads)
    uploads.find(first.token)
    fourth = send(uploads)
    with pytest.raises(UnknownUpload):
        uploads.find(second.token)
    assert [uploads.find(study.token) for study in (first, third, fourth)] == [first, third, fourth]


def test_files_that_are_on_their_way_take_room_too(uploads: Uploads) -> None:
    with uploads.receiving(None) as one, uploads.receiving(None) as two, uploads.receiving(None) as three:
        one.append(bytes(100))
        two.append(bytes(100))
        with pytest.raises(PredictorBusy):
            three.append(bytes(100))


def test_a_study_is_forgotten_after_its_time(uploads: Uploads, clock: Clock) -> None:
    before = open_descriptors()
    study = send(uploads)
    clock.seconds += 59
    uploads.forget_old()
    uploads.find(study.token)
    clock.seconds += 60
    uploads.forget_old()
    with pytest.raises(UnknownUpload, match="1 minutes after"):
        uploads.find(study.token)
    assert open_descriptors() == before


def test_who_reads_a_file_that_is_forgotten_reads_no_other(uploads: Uploads) -> None:
    study = send(uploads)
    with uploads.opened(study, 1) as (descriptor, _):
        uploads.close()
        send(uploads, size=20)
        assert len(Path(f"/proc/self/fd/{descriptor}").read_bytes()) == 80


@pytest.mark.parametrize("token", ["", "x", "../../etc/passwd", "a" * 31, "a" * 33, "ä" * 32, "%2e" * 10])
def test_a_forged_token_finds_nothing(uploads: Uploads, token: str) -> None:
    send(uploads)
    with pytest.raises(UnknownUpload):
        uploads.find(token)


def test_tokens_differ_and_cannot_be_guessed(uploads: Uploads) -> None:
    tokens = {send(uploads, size=8).token for _ in range(20)}
    assert len(tokens) == 20
    assert {len(token) for token in tokens} == {32}
