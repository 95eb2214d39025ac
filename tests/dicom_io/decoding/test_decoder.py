"""Views read in processes of their own: what is read, and what a decoder that goes wrong can harm."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from errno import EAGAIN
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.messages import DEFAULT_LIMITS, Request
from dicom_io.decoding.pixels import read_view
from dicom_io.defects import Defect
from dicom_io.errors import DecodingInterrupted, UndecodablePixels
from models.picture import READER, read_picture
from tests.dicom_io.decoding.compressed import jpeg_2000, with_frame
from tests.dicom_io.peers import wait_until
from tests.factories import make_instance, write_instance
from tests.processes import children_of, is_alive


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(picture_reader=READER) as running:
        yield running


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_instance(make_instance(rows=40, columns=30), tmp_path / "small.dcm")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A view whose decoding takes long enough to be interrupted: noise in JPEG 2000."""
    pixels = np.random.default_rng(1).integers(0, 65536, (3000, 3000)).astype(np.uint16)
    ds = with_frame(make_instance(pixels=pixels, bits_stored=16), jpeg_2000(pixels, 16), JPEG2000Lossless)
    return write_instance(ds, tmp_path_factory.mktemp("slow") / "slow.dcm")


def outcome_when_killed(decoder: Decoder, path: Path, number: signal.Signals) -> BaseException | None:
    """Read a view, send a signal to the process that decodes it; give what was raised."""
    raised: list[BaseException] = []
    wait_until(lambda: not children_of(decoder.process_id))  # one that has answered may still be there

    def read() -> None:
        try:
            decoder.read_view(path)
        except (UndecodablePixels, DecodingInterrupted) as error:
            raised.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    wait_until(lambda: bool(children_of(decoder.process_id)))
    os.kill(children_of(decoder.process_id)[0], number)
    reading.join()
    return raised[0] if raised else None


def test_a_view_is_what_reading_it_here_gives(decoder, small):
    view = decoder.read_view(small).image
    assert view.dtype == np.float32
    np.testing.assert_array_equal(view, read_view(small).image)


def test_a_picture_is_read_in_the_process_too(decoder, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 65536, (30, 20)).astype(np.uint16)).save(path)
    np.testing.assert_array_equal(decoder.read_view(path, picture=True).image, read_picture(path))


def test_stored_values_come_with_how_they_are_shown(decoder, small):
    stored = decoder.read_stored(small)
    shown = np.rint(read_view(small).image * 255)
    np.testing.assert_array_equal(stored.grays[stored.values], shown)


def test_stored_values_of_a_picture_keep_its_depth(decoder, tmp_path):
    path, samples = tmp_path / "a.png", np.array([[0, 1, 40000], [255, 256, 65535]], dtype=np.uint16)
    Image.fromarray(samples).save(path)
    stored = decoder.read_stored(path, picture=True)
    np.testing.assert_array_equal(stored.modality[stored.values], samples)
    assert stored.grays[stored.values].tolist() == [[0, 0, 156], [1, 1, 255]]


@pytest.mark.parametrize("stored", [False, True])
def test_a_picture_is_no_larger_than_the_limits_whatever_its_bytes_take(tmp_path, stored):
    Image.new("L", (300, 400)).save(tmp_path / "a.png")
    with Decoder(replace(DEFAULT_LIMITS, max_pixels=100_000), picture_reader=READER) as limited:
        read = limited.read_stored if stored else limited.read_view
        with pytest.raises(UndecodablePixels, match="400 x 300 pixels is not read: expected at most 100000"):
            read(tmp_path / "a.png", picture=True)


def test_a_decoder_that_knows_no_reader_of_pictures_reads_none(tmp_path):
    Image.new("L", (30, 40)).save(tmp_path / "a.png")
    with Decoder() as plain, pytest.raises(UndecodablePixels, match="not read here"):
        plain.read_view(tmp_path / "a.png", picture=True)


def test_what_is_wrong_crosses_with_its_code_and_its_numbers(decoder, tmp_path):
    path = write_instance(make_instance(rows=4, columns=5, BitsAllocated=32), tmp_path / "wide.dcm")
    with pytest.raises(UndecodablePixels) as raised:
        decoder.read_view(path)
    assert (raised.value.defect, raised.value.details) == (Defect.BITS_ALLOCATED, {"bits_allocated": 32})
    with pytest.raises(UndecodablePixels) as here:
        read_view(path)
    assert str(raised.value) == str(here.value)


def test_a_view_outlives_the_decoder(small):
    with Decoder() as passing:
        view = passing.read_view(small).image
    np.testing.assert_array_equal(view, read_view(small).image)


def test_it_can_be_waited_for_until_it_is_ready(small):
    with Decoder() as fresh:
        fresh.wait_until_ready()
        assert fresh.read_view(small).image.shape == (40, 30)
    with Decoder() as dying:
        os.kill(dying.process_id, signal.SIGKILL)
        with pytest.raises(DecodingInterrupted):
            dying.wait_until_ready()


def test_several_threads_read_at_once(decoder, tmp_path):
    paths = [
        write_instance(make_instance(rows=200, columns=10 + number), tmp_path / f"{number}.dcm")
        for number in range(12)
    ]
    shapes: dict[int, tuple[int, ...]] = {}

    def read(number: int) -> None:
        shapes[number] = decoder.read_view(paths[number]).image.shape

    threads = [threading.Thread(target=read, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == {number: (200, 10 + number) for number in range(12)}


def test_the_reason_is_that_of_reading_it_here(decoder, tmp_path):
    path = write_instance(make_instance(BitsAllocated=32), tmp_path / "wide.dcm")
    with pytest.raises(UndecodablePixels, match="BitsAllocated is 32"):
        decoder.read_view(path)


def test_a_file_that_is_gone_is_told_as_such(decoder, tmp_path):
    with pytest.raises(FileNotFoundError):
        decoder.read_view(tmp_path / "gone.dcm")


def test_a_file_that_cannot_be_read_is_no_fault_of_its_pixels(decoder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    keeper = os.open(tmp_path / "pipe", os.O_RDWR)  # so that opening it does not wait for a writer
    with pytest.raises(OSError, match="Input/output"):  # it cannot be sought in
        decoder.read_view(tmp_path / "pipe")
    os.close(keeper)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS])
def test_a_decoder_that_crashes_costs_its_own_view_alone(decoder, slow, small, number):
    process_id = decoder.process_id
    error = outcome_when_killed(decoder, slow, number)
    assert isinstance(error, UndecodablePixels)
    assert number.name in str(error)
    assert decoder.read_view(small).image.shape == (40, 30)
    assert decoder.process_id == process_id


def test_a_decoder_that_is_killed_from_outside_says_nothing_of_the_view(decoder, slow, small):
    error = outcome_when_killed(decoder, slow, signal.SIGKILL)
    assert isinstance(error, DecodingInterrupted)
    assert decoder.read_view(small).image.shape == (40, 30)


def test_the_process_that_forks_is_started_again(decoder, small):
    process_id = decoder.process_id
    os.kill(process_id, signal.SIGKILL)
    assert decoder.read_view(small).image.shape == (40, 30)
    assert decoder.process_id != process_id


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"memory_bytes": 300_000_000}, "decoder failed|bytes of memory"),
        ({"cpu_seconds": 1}, "processor time"),
        ({"wall_seconds": 1}, "or 1 s, and was stopped"),
        ({"max_pixels": 1000}, "expected 1 to 1000"),
    ],
)
def test_what_takes_more_than_the_limits_is_given_up(slow, limit, reason):
    with Decoder(replace(DEFAULT_LIMITS, **limit)) as limited:
        os.sched_setaffinity(limited.process_id, {min(os.sched_getaffinity(0))})  # threads gain no time
        with pytest.raises(UndecodablePixels, match=reason):
            limited.read_view(slow)


def test_a_decoder_holds_no_descriptor_of_what_it_has_read(decoder, small):
    decoder.read_view(small)
    before = len(list(Path("/proc/self/fd").iterdir()))
    theirs = len(list(Path(f"/proc/{decoder.process_id}/fd").iterdir()))
    for _ in range(20):
        decoder.read_view(small)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    wait_until(lambda: not children_of(decoder.process_id))
    assert len(list(Path(f"/proc/{decoder.process_id}/fd").iterdir())) <= theirs


def test_the_process_ends_with_the_one_that_asks(small):
    program = (
        "import sys, pathlib, os; from dicom_io.decoding.decoder import Decoder; d = Decoder();"
        "d.read_view(pathlib.Path(sys.argv[1])); print(d.process_id, flush=True); os._exit(1)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program, small], stdout=subprocess.PIPE, text=True, check=False
    )
    wait_until(lambda: not is_alive(int(asked.stdout)))


def test_what_is_being_decoded_ends_with_the_one_that_asks(slow):
    requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    answers, of_the_child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "dicom_io.decoding.process", str(theirs.fileno())]
    with answers, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        assert requests.recv(100) == b"ready"
        with slow.open("rb") as file, of_the_child:
            descriptors = [file.fileno(), of_the_child.fileno()]
            socket.send_fds(requests, [Request().to_bytes()], descriptors)
        wait_until(lambda: bool(children_of(process.pid)))
        requests.close()
        assert answers.recv(100) == b"", "it has come to its end"


def test_what_is_being_decoded_ends_when_the_decoder_is_closed(slow, monkeypatch):
    decoder = Decoder()
    raised: list[OSError] = []

    def read() -> None:
        try:
            decoder.read_view(slow)
        except OSError as error:
            raised.append(error)

    reading = threading.Thread(target=read)
    reading.start()
    wait_until(lambda: bool(children_of(decoder.process_id)))
    os.kill(decoder.process_id, signal.SIGSTOP)  # it cannot end its children itself
    monkeypatch.setattr(decoder, "_start", refuse)  # and nobody is asked in its place
    decoder.close()
    reading.join()
    assert [error.errno for error in raised] == [EAGAIN]


def refuse() -> socket.socket:
    raise OSError(EAGAIN, os.strerror(EAGAIN))
