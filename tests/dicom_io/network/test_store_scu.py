import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLosslessSV1
from pynetdicom import AE, evt
from pynetdicom.events import Event

from dicom_io.errors import (
    AssociationAborted,
    MissingUid,
    NoPresentationContext,
    NotDicom,
    PeerUnreachable,
    Permanent,
    StoreRefused,
    Transient,
)
from dicom_io.network.scu import Address, Timeouts
from dicom_io.network.storage_classes import STORAGE_CLASSES
from dicom_io.network.store_scu import SendOutcome, send_files
from dicom_io.network.transport import DEFAULT_TIMEOUTS
from tests.dicom_io.peers import (
    A_ABORT,
    A_RELEASE_RP,
    DX,
    Notebook,
    associate_ac,
    command,
    make_settings,
    running,
    serve_once,
    storescp,
)
from tests.factories import make_instance, uid, write_instance

IMPATIENT = Timeouts(connect_seconds=1.0, associate_seconds=1.0, response_seconds=0.5)
HASTY = Timeouts(connect_seconds=1.0, associate_seconds=1.0, response_seconds=1.0)


def send(paths: list[Path], port: int, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> tuple[SendOutcome, ...]:
    address = Address(ae_title="PACS", host="127.0.0.1", port=port)
    return send_files(paths, address, calling_ae_title="ULNA", timeouts=timeouts)


def write_views(
    folder: Path, number: int, *, sop_class: str = DX, transfer_syntax: str = ExplicitVRLittleEndian
) -> list[Path]:
    paths = []
    for n in range(1, number + 1):
        ds = make_instance(
            sop_class_uid=sop_class, transfer_syntax_uid=transfer_syntax, rows=64, columns=64, instance=n
        )
        paths.append(write_instance(ds, folder / f"{n}.dcm"))
    return paths


def write_compressed(folder: Path) -> Path:
    ds = make_instance(rows=64, columns=64, transfer_syntax_uid=JPEGLosslessSV1)
    ds.PixelData = encapsulate([bytes(range(256)) * 8])
    ds["PixelData"].VR = "OB"
    return write_instance(ds, folder / "compressed.dcm")


@contextmanager
def fake_pacs(
    on_store: Callable[[Event], int], syntaxes: tuple[str, ...] = (ExplicitVRLittleEndian,)
) -> Iterator[int]:
    """Run a peer that takes DX images in `syntaxes` and answers as it is told."""
    entity = AE("PACS")
    entity.add_supported_context(DX, list(syntaxes))
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)])
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def test_files_arrive_as_they_were(tmp_path):
    (tmp_path / "pacs").mkdir()
    paths = [*write_views(tmp_path, 3), write_compressed(tmp_path)]
    with storescp(tmp_path / "pacs", "+xs", "--bit-preserving") as port:
        outcomes = send([paths[0], paths[3]], port)
    assert [(outcome.path, outcome.status, outcome.error) for outcome in outcomes] == [
        (paths[0], 0, None),
        (paths[3], 0, None),
    ]
    received = {ds.file_meta.TransferSyntaxUID: ds for ds in map(dcmread, (tmp_path / "pacs").iterdir())}
    assert received[JPEGLosslessSV1].PixelData == dcmread(paths[3]).PixelData


def test_outcomes_come_in_the_order_of_the_paths_and_one_by_one(tmp_path):
    paths = write_views(tmp_path, 3)[::-1]
    seen: list[Path] = []
    with fake_pacs(lambda _: 0x0000) as port:
        outcomes = send_files(
            paths,
            Address(ae_title="PACS", host="127.0.0.1", port=port),
            calling_ae_title="ULNA",
            on_progress=lambda outcome: seen.append(outcome.path),
        )
    assert [outcome.path for outcome in outcomes] == paths == seen
    assert [outcome.sop_instance_uid for outcome in outcomes] == [uid(1, 1, n) for n in (3, 2, 1)]


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007])
def test_success_and_warnings_count_as_sent(tmp_path, status):
    with fake_pacs(lambda _: status) as port:
        (outcome,) = send(write_views(tmp_path, 1), port)
    assert (outcome.status, outcome.error) == (status, None)


@pytest.mark.parametrize(
    ("status", "branch"),
    [
        (0xA700, Transient),
        (0xA701, Transient),
        (0xA900, Permanent),
        (0xC000, Permanent),
        (0xC123, Permanent),
        (0x0122, Permanent),
        (0x0124, Permanent),
    ],
)
def test_failure_status_decides_whether_to_try_again(tmp_path, status, branch):
    with fake_pacs(lambda _: status) as port:
        first, second = send(write_views(tmp_path, 2), port)
    for outcome in (first, second):
        assert outcome.status == status
        assert isinstance(outcome.error, StoreRefused)
        assert isinstance(outcome.error, branch)


@pytest.mark.parametrize(
    ("stored", "accepted"),
    [
        (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
    ],
)
def test_uncompressed_file_is_re_encoded_where_its_syntax_is_not_accepted(tmp_path, stored, accepted):
    received = []

    def keep(event: Event) -> int:
        received.append((event.context.transfer_syntax, event.dataset))
        return 0x0000

    (path,) = write_views(tmp_path, 1, transfer_syntax=stored)
    with fake_pacs(keep, (accepted,)) as port:
        (outcome,) = send([path], port)
    assert outcome.error is None
    assert received == [(accepted, dcmread(path))]


def test_compressed_file_is_never_decompressed(tmp_path):
    with fake_pacs(lambda _: 0x0000, (ExplicitVRLittleEndian, ImplicitVRLittleEndian)) as port:
        compressed, plain = send([write_compressed(tmp_path), *write_views(tmp_path, 1)], port)
    assert isinstance(compressed.error, NoPresentationContext)
    assert isinstance(compressed.error, Permanent)
    assert JPEGLosslessSV1 in str(compressed.error)
    assert "never decompressed" in str(compressed.error)
    assert plain.error is None


def test_no_context_at_all_names_the_class_of_each_file(tmp_path):
    computed_radiography = "1.2.840.10008.5.1.4.1.1.1"
    with fake_pacs(lambda _: 0x0000) as port:
        (outcome,) = send(write_views(tmp_path, 1, sop_class=computed_radiography), port)
    assert isinstance(outcome.error, NoPresentationContext)
    assert outcome.error.sop_class_uid == computed_radiography


def test_more_classes_than_one_association_can_carry_use_several(tmp_path):
    paths = [
        write_instance(
            make_instance(sop_class_uid=sop_class, rows=8, columns=8, instance=number),
            tmp_path / f"{number}.dcm",
        )
        for number, sop_class in enumerate(STORAGE_CLASSES[:70], start=1)
    ]
    notebook = Notebook()
    settings = make_settings(tmp_path / "incoming", ae_title="PACS")
    with running(settings, notebook) as (_, port):
        outcomes = send(paths, port)
    assert [outcome.status for outcome in outcomes] == [0] * 70
    assert len({instance.association_id for instance in notebook.instances}) == 2


def test_file_that_is_no_dicom_does_not_hold_up_the_others(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no DICOM")
    paths = [text, tmp_path / "absent.dcm", *write_views(tmp_path, 1)]
    with fake_pacs(lambda _: 0x0000) as port:
        outcomes = send(paths, port)
    assert [type(outcome.error) for outcome in outcomes] == [NotDicom, NotDicom, type(None)]


def test_file_without_a_uid_says_which_one_and_does_not_hold_up_the_others(tmp_path):
    nameless, sound = write_views(tmp_path, 2)
    content = nameless.read_bytes()
    nameless.write_bytes(content.replace(b"\x02\0\x03\0UI", b"\x02\0\x04\0UI"))
    with fake_pacs(lambda _: 0x0000) as port:
        outcomes = send([nameless, sound], port)
    assert isinstance(outcomes[0].error, MissingUid)
    assert "MediaStorageSOPInstanceUID" in str(outcomes[0].error)
    assert outcomes[1].status == 0


def test_instance_on_which_the_peer_aborts_does_not_hold_up_the_others(tmp_path):
    def choke(event: Event) -> int:
        if event.request.AffectedSOPInstanceUID == uid(1, 1, 2):  # type: ignore[union-attr]
            event.assoc.abort()
        return 0x0000

    with fake_pacs(choke) as port:
        outcomes = send(write_views(tmp_path, 4), port)
    assert [outcome.status for outcome in outcomes] == [0, None, 0, 0]
    assert isinstance(outcomes[1].error, AssociationAborted)
    assert isinstance(outcomes[1].error, Transient)


def never_read(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(associate_ac(ExplicitVRLittleEndian))
    time.sleep(8)  # longer than the sender may take; the thread is a daemon


def read_and_say_nothing(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(associate_ac(ExplicitVRLittleEndian))
    while connection.recv(65536):
        pass


@pytest.mark.parametrize(("script", "rows"), [(never_read, 2000), (read_and_say_nothing, 64)])
def test_peer_that_hangs_is_given_up_once_for_all_files(tmp_path, script, rows):
    paths = [
        write_instance(make_instance(rows=rows, columns=rows, instance=n), tmp_path / f"{n}.dcm")
        for n in (1, 2, 3)
    ]
    port, _ = serve_once(script)
    started = time.monotonic()
    outcomes = send(paths, port, IMPATIENT)
    assert time.monotonic() - started < 6
    assert all(isinstance(outcome.error, Transient) for outcome in outcomes)


def c_store_rsp(message_id: int, *, kind: int = 0x8001, status: int = 0x0000) -> bytes:
    return command(
        [
            (0x0002, DX.encode() + b"\0"),
            (0x0100, kind.to_bytes(2, "little")),
            (0x0120, message_id.to_bytes(2, "little")),
            (0x0800, b"\x01\x01"),
            (0x0900, status.to_bytes(2, "little")),
        ]
    )


def slow_peer(*, step: int, pause: float, size: int) -> Callable[[socket.socket], None]:
    """Read `step` bytes at a time until `size` bytes have come, then answer as a good peer does."""

    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(associate_ac(ExplicitVRLittleEndian))
        came = 0
        while came < size:
            time.sleep(pause)
            came += len(connection.recv(step))
        connection.settimeout(0.2)
        with suppress(TimeoutError):
            while connection.recv(65536):
                pass
        connection.settimeout(10.0)
        connection.sendall(c_store_rsp(1))
        connection.recv(65536)
        connection.sendall(A_RELEASE_RP)
        connection.recv(65536)

    return script


# The first peer's line is slow; the second's is fast, but for what our kernel keeps for it before it
# says that there is room.
@pytest.mark.parametrize(
    ("rows", "step", "receive_buffer"),
    [(250, 1024, 4096), (2000, 65536, 131_072)],
    ids=["30 kB/s", "2 MB/s"],
)
def test_peer_that_reads_slowly_is_waited_for(tmp_path, rows, step, receive_buffer):
    path = write_instance(make_instance(rows=rows, columns=rows), tmp_path / "1.dcm")
    script = slow_peer(step=step, pause=0.03, size=2 * rows * rows)
    port, _ = serve_once(script, receive_buffer=receive_buffer)
    started = time.monotonic()
    (outcome,) = send([path], port, HASTY)
    assert (outcome.status, outcome.error) == (0, None)
    assert time.monotonic() - started > 3 * HASTY.response_seconds


def test_wait_for_the_response_begins_with_the_last_byte(tmp_path):
    path = write_instance(make_instance(rows=250, columns=250), tmp_path / "1.dcm")
    read_at = 0.0

    def read_slowly_and_say_nothing(connection: socket.socket) -> None:
        nonlocal read_at
        connection.recv(4096)
        connection.sendall(associate_ac(ExplicitVRLittleEndian))
        with suppress(ConnectionError):
            while connection.recv(1024):
                read_at = time.monotonic()
                time.sleep(0.03)

    port, _ = serve_once(read_slowly_and_say_nothing, receive_buffer=4096)
    started = time.monotonic()
    (outcome,) = send([path], port, HASTY)
    assert isinstance(outcome.error, AssociationAborted)
    assert "no answer within 1 s" in str(outcome.error)
    assert time.monotonic() - started > 3 * HASTY.response_seconds
    assert time.monotonic() - read_at < 2 * HASTY.response_seconds


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([c_store_rsp(9)], "message id 9"),
        ([c_store_rsp(1, kind=0x8030)], "C_ECHO"),
        ([c_store_rsp(2)], "message id 2"),
    ],
    ids=["another message", "another command", "the next message"],
)
def test_response_to_another_message_is_no_answer(tmp_path, answers, told):
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(associate_ac(ExplicitVRLittleEndian))
        connection.recv(65536)
        connection.sendall(b"".join(answers))
        with suppress(ConnectionError):
            while more := connection.recv(65536):
                came.append(more)

    came: list[bytes] = []
    port, thread = serve_once(answer)
    (outcome,) = send(write_views(tmp_path, 1), port, IMPATIENT)
    assert outcome.status is None
    assert isinstance(outcome.error, AssociationAborted)
    assert told in str(outcome.error)
    thread.join(5)
    assert A_ABORT[:6] in b"".join(came)


def test_peer_that_is_down_is_transient_for_each_file(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as finder:
        port = finder.getsockname()[1]
    outcomes = send(write_views(tmp_path, 2), port)
    assert [type(outcome.error) for outcome in outcomes] == [PeerUnreachable, PeerUnreachable]


def test_nothing_to_send_calls_nobody():
    assert send([], 1) == ()
