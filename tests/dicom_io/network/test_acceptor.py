import errno
import logging
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import AE

from dicom_io.defects import Defect
from dicom_io.errors import UnusableInstance
from dicom_io.network.acceptor import IncomingInstance, Peer, StoreStatus
from tests.dicom_io.peers import (
    A_ABORT,
    A_RELEASE_RQ,
    DX,
    OUR_AE_TITLE,
    VERIFICATION,
    Notebook,
    RawPeer,
    associate_rq,
    c_store_rq,
    command,
    dcmtk,
    fragment,
    log_of,
    make_settings,
    pdu,
    running,
    wait_until,
)
from tests.factories import make_instance, uid, write_instance

SMALL_DATA_SET = b"\x08\x00\x60\x00CS\x02\x00DX"


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def storescu(port: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return dcmtk("storescu", "-aec", OUR_AE_TITLE, *arguments[:-1], "127.0.0.1", port, arguments[-1])


def echoscu(port: int, *options: object) -> int:
    return dcmtk("echoscu", "-aec", OUR_AE_TITLE, *options, "127.0.0.1", port).returncode


def leftovers(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "incoming").iterdir())


# What arrives


def test_echo_is_answered(tmp_path, notebook):
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        assert echoscu(port) == 0


def test_instance_arrives_as_a_complete_file_with_the_facts_of_its_command(tmp_path, notebook):
    sent = make_instance(rows=64, columns=64)
    path = write_instance(sent, tmp_path / "sent.dcm")
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        assert storescu(port, "-aet", "MODALITY", path).returncode == 0
    (instance,) = notebook.instances
    assert instance.sop_class_uid == sent.SOPClassUID
    assert instance.sop_instance_uid == sent.SOPInstanceUID
    assert instance.calling_ae_title == "MODALITY"
    assert instance.peer_host == "127.0.0.1"
    assert instance.path.parent == tmp_path / "incoming"
    received = dcmread(BytesIO(notebook.files[0]))
    assert received == sent
    assert received.file_meta.MediaStorageSOPInstanceUID == sent.SOPInstanceUID
    assert received.file_meta.SourceApplicationEntityTitle == "MODALITY"
    assert leftovers(tmp_path) == []


def test_file_that_the_owner_moves_away_is_kept(tmp_path, notebook):
    def keep(instance: IncomingInstance) -> StoreStatus:
        instance.path.rename(tmp_path / "kept.dcm")
        return StoreStatus.SUCCESS

    notebook.answer = keep
    path = write_instance(make_instance(rows=64, columns=64), tmp_path / "sent.dcm")
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        assert storescu(port, path).returncode == 0
    assert (tmp_path / "kept.dcm").read_bytes() == notebook.files[0]


@pytest.mark.parametrize("priority", [0, 1, 2])
def test_priority_of_the_command_is_passed_on(tmp_path, notebook, priority):
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        entity = AE("TESTER")
        entity.add_requested_context(DX, ExplicitVRLittleEndian)
        association = entity.associate("127.0.0.1", port, ae_title=OUR_AE_TITLE)
        association.send_c_store(make_instance(rows=64, columns=64), priority=priority)
        association.release()
    assert [instance.priority for instance in notebook.instances] == [priority]


@pytest.mark.parametrize(
    ("transfer_syntax", "option"),
    [
        (ExplicitVRLittleEndian, "-xe"),
        (ImplicitVRLittleEndian, "-xi"),
        (ExplicitVRBigEndian, "-xb"),
        (DeflatedExplicitVRLittleEndian, "-xd"),
        (JPEGBaseline8Bit, "-xy"),
        (JPEGExtended12Bit, "-xx"),
        (JPEGLosslessSV1, "-xs"),
        (JPEGLSLossless, "-xt"),
        (JPEGLSNearLossless, "-xu"),
        (JPEG2000Lossless, "-xv"),
        (JPEG2000, "-xw"),
        (RLELossless, "-xr"),
    ],
)
def test_pixels_arrive_byte_for_byte_in_the_syntax_they_were_sent_in(
    tmp_path, notebook, transfer_syntax, option
):
    sent = make_instance(rows=64, columns=64, transfer_syntax_uid=transfer_syntax)
    if transfer_syntax.is_encapsulated:  # the network must not look inside, so any bytes will do
        sent.PixelData = encapsulate([bytes(range(256)) * 40])
        sent["PixelData"].VR = "OB"
    path = write_instance(sent, tmp_path / "sent.dcm")
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        answer = storescu(port, option, path)
    assert answer.returncode == 0, answer.stderr
    received = dcmread(BytesIO(notebook.files[0]))
    assert received.file_meta.TransferSyntaxUID == transfer_syntax
    assert received.PixelData == dcmread(path).PixelData


def test_retired_storage_class_is_taken(tmp_path, notebook):
    retired_ultrasound = "1.2.840.10008.5.1.4.1.1.6"
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        peer.associate((retired_ultrasound, ImplicitVRLittleEndian))
        peer.send(c_store_rq(sop_class=retired_ultrasound) + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == 0x0000


def test_eight_senders_at_once_lose_nothing(tmp_path, notebook):
    for sender in range(8):
        (tmp_path / f"{sender}").mkdir()
        for number in range(5):
            instance = make_instance(rows=128, columns=128, study=sender + 1, instance=number + 1)
            write_instance(instance, tmp_path / f"{sender}" / f"{number}.dcm")
    with (
        running(make_settings(tmp_path / "incoming"), notebook) as (_, port),
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(lambda sender: storescu(port, "+sd", tmp_path / f"{sender}"), range(8)))
    assert [answer.returncode for answer in answers] == [0] * 8
    expected = {uid(sender + 1, 1, number + 1) for sender in range(8) for number in range(5)}
    assert {instance.sop_instance_uid for instance in notebook.instances} == expected
    assert len({instance.association_id for instance in notebook.instances}) == 8
    assert len(notebook.files) == 40
    assert leftovers(tmp_path) == []


def test_memory_does_not_grow_with_the_size_of_what_is_received(tmp_path):
    big = write_instance(make_instance(rows=3000, columns=2500), tmp_path / "big.dcm")
    receiver = subprocess.Popen(
        [sys.executable, "-c", RECEIVER, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert receiver.stdin is not None
    assert receiver.stdout is not None
    port, before = map(int, receiver.stdout.readline().split())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: storescu(port, big), range(8)))
    after, _ = receiver.communicate("stop\n", timeout=30)
    assert [answer.returncode for answer in answers] == [0] * 8
    assert int(after) - before < 30_000, f"{before} kB grew to {after} kB over 8 instances of 15 MB"
    assert int(after) < 150_000


RECEIVER = """
import pathlib, re, sys
from tests.dicom_io.peers import Notebook, make_settings, running
from dicom_io.network.acceptor import Acceptor, StoreStatus

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

acceptor = Acceptor(make_settings(pathlib.Path(sys.argv[1]) / "incoming"), lambda _: StoreStatus.SUCCESS)
print(acceptor.start(), peak(), flush=True)
sys.stdin.readline()
acceptor.stop()
print(peak())
"""


# What is answered


@pytest.mark.parametrize("status", list(StoreStatus))
def test_status_of_the_owner_is_the_answer(tmp_path, notebook, status):
    notebook.answer = lambda _: status
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq() + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == status
        assert leftovers(tmp_path) == [], "the file outlives its answer"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StoreStatus.OUT_OF_RESOURCES),
        (RuntimeError("Doe^John"), StoreStatus.OUT_OF_RESOURCES),
        (UnusableInstance(Defect.DATA_SET_ABSENT), StoreStatus.CANNOT_UNDERSTAND),
    ],
)
def test_exception_of_the_owner_becomes_a_status_and_names_no_patient(
    tmp_path, notebook, caplog, error, status
):
    def fail(_: IncomingInstance) -> StoreStatus:
        raise error

    notebook.answer = fail
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(sop_instance="1.2.77") + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == status
    assert "sop_instance_uid=1.2.77" in log_of(caplog)
    assert "Doe" not in log_of(caplog)
    assert leftovers(tmp_path) == []


def test_instance_that_is_too_large_is_refused_for_good_and_the_next_one_taken(tmp_path, notebook):
    settings = make_settings(tmp_path / "incoming", max_instance_bytes=1000)
    with running(settings, notebook) as (_, port), RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq())
        for _ in range(4):
            peer.send(fragment(bytes(600), header=0))
        wait_until(lambda: not leftovers(tmp_path))
        peer.send(fragment(bytes(600), header=2))
        assert peer.status() == StoreStatus.CANNOT_UNDERSTAND
        peer.send(c_store_rq(sop_instance="1.2.4") + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.SUCCESS
    assert [instance.sop_instance_uid for instance in notebook.instances] == ["1.2.4"]
    (refused,) = notebook.refused
    assert "1000" in refused.reason


def test_file_that_cannot_be_made_is_answered_out_of_resources_until_it_can(tmp_path, notebook):
    settings = make_settings(tmp_path / "incoming")
    with running(settings, notebook) as (_, port), RawPeer(port) as peer:
        peer.associate()
        settings.incoming_dir.rename(tmp_path / "elsewhere")
        peer.send(c_store_rq() + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.OUT_OF_RESOURCES
        (tmp_path / "elsewhere").rename(settings.incoming_dir)
        peer.send(c_store_rq() + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.SUCCESS


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI:UserWarning")  # pydicom, reading the command
@pytest.mark.parametrize("sop_instance", ["../../x", "/etc/passwd", "1.2.x", "1..2"])
def test_command_with_something_that_is_no_uid_is_refused(tmp_path, notebook, sop_instance):
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(sop_instance=sop_instance) + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.CANNOT_UNDERSTAND
    assert notebook.instances == []
    assert [refused.sop_instance_uid for refused in notebook.refused] == [""], "it could be a name"
    assert leftovers(tmp_path) == []


def test_command_without_data_set_is_refused(tmp_path, notebook):
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(data_set=False))
        assert peer.status() == StoreStatus.CANNOT_UNDERSTAND


def test_class_that_is_not_that_of_the_context_is_a_mismatch(tmp_path, notebook):
    computed_radiography = "1.2.840.10008.5.1.4.1.1.1"
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        peer.associate((DX, ExplicitVRLittleEndian))
        peer.send(c_store_rq(sop_class=computed_radiography) + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.DATA_SET_MISMATCH
    assert notebook.instances == []
    assert len(notebook.refused) == 1


# Who may come in


@pytest.mark.parametrize(
    ("peers", "options", "accepted"),
    [
        ((Peer(ae_title="PACS"),), ["-aet", "PACS"], True),
        ((Peer(ae_title="PACS", host="127.0.0.1"),), ["-aet", "PACS"], True),
        ((Peer(ae_title="PACS", host="192.0.2.1"),), ["-aet", "PACS"], False),
        ((Peer(ae_title="PACS"),), ["-aet", "STRANGER"], False),
        ((), ["-aet", "PACS"], False),
        ((Peer(ae_title="PACS"),), ["-aet", "PACS", "-aec", "OTHER"], False),
    ],
)
def test_only_known_peers_that_call_us_by_name_get_an_association(
    tmp_path, notebook, peers, options, accepted
):
    settings = make_settings(tmp_path / "incoming", accept_unknown_peers=False, allowed_peers=peers)
    with running(settings, notebook) as (_, port):
        assert (echoscu(port, *options) == 0) is accepted


def test_rejection_says_why(tmp_path, notebook):
    peers = (Peer(ae_title="PACS", host="127.0.0.1"),)
    settings = make_settings(tmp_path / "incoming", accept_unknown_peers=False, allowed_peers=peers)
    with running(settings, notebook) as (_, port), RawPeer(port) as peer:
        peer.send(associate_rq())
        kind, content = peer.receive()
    assert (kind, tuple(content[1:4])) == (3, (1, 1, 3))


def test_one_association_too_many_is_rejected_for_now(tmp_path, notebook):
    settings = make_settings(tmp_path / "incoming", max_associations=1)
    with running(settings, notebook) as (_, port):
        with RawPeer(port) as first, RawPeer(port) as second:
            first.associate()
            second.send(associate_rq())
            kind, content = second.receive()
            assert (kind, tuple(content[1:4])) == (3, (2, 3, 2))
            first.send(A_RELEASE_RQ)
            assert first.receive()[0] == 6
        wait_until(lambda: len(notebook.released) == 1)
        assert echoscu(port) == 0


def test_failing_admission_admits_nobody(tmp_path, notebook, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("dicom_io.network.connection.rejection_of", broken)
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        assert echoscu(port) != 0


# Peers that misbehave


def connection_is_closed(peer: RawPeer) -> bool:
    """Read until the peer closes; False when it has not after the socket's timeout."""
    try:
        while peer.receive()[0] != 0:
            pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("ending", [A_ABORT, b""], ids=["abort", "close"])
def test_transfer_that_breaks_off_leaves_no_file(tmp_path, notebook, ending):
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        with RawPeer(port) as peer:
            peer.associate()
            peer.send(c_store_rq() + fragment(bytes(10_000), header=0))
            wait_until(lambda: bool(leftovers(tmp_path)))
            peer.send(ending)
        wait_until(lambda: not leftovers(tmp_path))
        wait_until(lambda: len(notebook.released) == 1)
    assert notebook.instances == []


HALF_REQUEST = associate_rq()[:50]
HALF_DATA = c_store_rq() + fragment(bytes(5000), header=0)[:3000]


@pytest.mark.parametrize(
    ("associates", "data"),
    [(False, b""), (False, b"\x01\x00\x00"), (False, HALF_REQUEST), (True, HALF_DATA), (True, b"")],
    ids=["silent", "half-head", "half-request", "half-data", "idle"],
)
def test_peer_that_stalls_is_dropped_after_the_timeout(tmp_path, notebook, associates, data):
    settings = make_settings(tmp_path / "incoming", network_timeout_seconds=0.5)
    with running(settings, notebook) as (_, port), RawPeer(port) as peer:
        if associates:
            peer.associate()
        peer.send(data)
        started = time.monotonic()
        assert connection_is_closed(peer)
        assert time.monotonic() - started < 3
    assert leftovers(tmp_path) == []


def test_peer_that_trickles_is_dropped_after_the_timeout(tmp_path, notebook):
    settings = make_settings(tmp_path / "incoming", network_timeout_seconds=0.5)
    stop = threading.Event()

    def trickle(peer: RawPeer) -> None:
        while not stop.wait(0.1):
            try:
                peer.send(b"\0")
            except OSError:
                return

    with running(settings, notebook) as (_, port), RawPeer(port) as peer:
        peer.send(HALF_REQUEST)
        thread = threading.Thread(target=trickle, args=(peer,))
        thread.start()
        started = time.monotonic()
        assert connection_is_closed(peer)
        assert time.monotonic() - started < 3
        stop.set()
        thread.join()


@pytest.mark.parametrize("kind", [1, 4])
def test_pdu_that_claims_gigabytes_is_not_read(tmp_path, notebook, kind):
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        if kind == 4:
            peer.associate()
        peer.send(bytes([kind, 0]) + b"\xff\xff\xff\xf0" + bytes(1000))
        started = time.monotonic()
        assert connection_is_closed(peer)
        assert time.monotonic() - started < 2


def test_garbage_costs_nobody_a_seat(tmp_path, notebook):
    settings = make_settings(tmp_path / "incoming", max_associations=1, network_timeout_seconds=30.0)
    with running(settings, notebook) as (acceptor, port):
        for _ in range(20):
            with RawPeer(port) as peer:
                peer.send(b"GET / HTTP/1.1\r\nHost: ulna\r\n\r\n")
                assert connection_is_closed(peer)
        wait_until(lambda: not acceptor._open(), 5)
        assert echoscu(port) == 0


@pytest.mark.parametrize(
    "data",
    [
        command([(0x0100, b"\xff\x7f")]),
        fragment(b"\xff" * 100, header=3),
        fragment(bytes(100_000), header=1),
        fragment(b"no command before me", header=2),
        c_store_rq(sop_instance="1." + "2" * 70) + fragment(SMALL_DATA_SET, header=2),
        c_store_rq(context_id=99) + fragment(SMALL_DATA_SET, header=2),
        associate_rq(),
        pdu(9, b""),
    ],
    ids=["unknown-command", "garbage", "endless", "data-first", "long-uid", "context", "again", "type"],
)
def test_nonsense_ends_the_association_and_nothing_else(tmp_path, notebook, data):
    settings = make_settings(tmp_path / "incoming", network_timeout_seconds=30.0)
    with running(settings, notebook) as (_, port):
        with RawPeer(port) as peer:
            peer.associate()
            peer.send(data)
            assert connection_is_closed(peer)
        assert echoscu(port) == 0
    assert notebook.instances == []
    assert leftovers(tmp_path) == []


def test_other_application_context_is_rejected(tmp_path, notebook):
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port), RawPeer(port) as peer:
        peer.send(associate_rq(application_context="1.2.3"))
        kind, content = peer.receive()
    assert (kind, tuple(content[1:4])) == (3, (1, 1, 2))


# Beginning and end


def test_end_of_an_association_is_told_once_after_its_instances(tmp_path, notebook):
    path = write_instance(make_instance(rows=64, columns=64), tmp_path / "sent.dcm")
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        storescu(port, path)
        wait_until(lambda: bool(notebook.released))
    assert notebook.released == [notebook.instances[0].association_id]


def test_stop_lets_a_running_transfer_finish_and_accepts_nobody_new(tmp_path, notebook):
    with running(make_settings(tmp_path / "incoming"), notebook) as (acceptor, port), RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq())
        stopping = threading.Thread(target=acceptor.stop, args=(10.0,))
        stopping.start()
        wait_until(lambda: echoscu(port) != 0)
        peer.send(fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.SUCCESS
        peer.send(A_RELEASE_RQ)
        assert peer.receive()[0] == 6
        stopping.join(5)
        assert not stopping.is_alive()
    assert len(notebook.instances) == 1


def test_stop_aborts_what_does_not_end_in_time(tmp_path, notebook):
    with running(make_settings(tmp_path / "incoming"), notebook) as (acceptor, port), RawPeer(port) as peer:
        peer.associate()
        started = time.monotonic()
        acceptor.stop(grace_seconds=0.2)
        assert time.monotonic() - started < 3
        assert peer.receive()[0] == 7
        acceptor.stop()
    assert len(notebook.released) == 1


def test_start_removes_what_a_killed_process_left(tmp_path, notebook):
    settings = make_settings(tmp_path / "incoming")
    (settings.incoming_dir / "0123.incoming").write_bytes(b"half")
    (settings.incoming_dir / "other").write_bytes(b"not ours")
    with running(settings, notebook):
        assert [path.name for path in leftovers(tmp_path)] == ["other"]


def test_no_thread_outlives_the_acceptor(tmp_path, notebook):
    before = set(threading.enumerate())
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        echoscu(port)
        with RawPeer(port) as peer:
            peer.associate((VERIFICATION, ImplicitVRLittleEndian))
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_port_in_use_is_told(tmp_path, notebook):
    with (
        running(make_settings(tmp_path / "incoming"), notebook) as (_, port),
        pytest.raises(OSError, match="in use"),
        running(make_settings(tmp_path / "incoming", port=port), notebook),
    ):
        pass


def test_log_of_an_association_names_the_peer(tmp_path, notebook, caplog):
    caplog.set_level(logging.INFO, "dicom_io")
    with running(make_settings(tmp_path / "incoming"), notebook) as (_, port):
        echoscu(port, "-aet", "PACS")
        wait_until(lambda: bool(notebook.released))
    assert re.search(r"association accepted .*calling_ae_title=PACS.* peer_host=127\.0\.0\.1", log_of(caplog))
