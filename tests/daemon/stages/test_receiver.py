"""The receiver: what it makes of what a sender says and does, and what several of them share."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from pydicom.uid import SecondaryCaptureImageStorage
from sqlalchemy import text

from daemon.config.configuration import Config
from daemon.intake import Intake
from daemon.intake_rule import IntakeRule
from daemon.logs import TextFormatter, keep_foreign_words_out
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.receiver import Receiver
from daemon.store.shown import Refusal
from daemon.store.worklist import recent_rejections, study_detail
from dicom_io.network.store_status import StoreStatus
from tests.daemon.deadline import wait_until
from tests.daemon.store_factory import NOW, open_study, record, unreadable
from tests.dicom_io.peers import A_ABORT, A_RELEASE_RQ, RawPeer, associate_rq, c_store_rq, fragment
from tests.dicom_io.reading.unknown_vrs import with_vr
from tests.factories import encode, make_instance, uid

NAME = "Testcase^Wrist"
SMALL_DATA_SET = b"\x08\x00\x60\x00CS\x02\x00DX"


def receiver_of(store, spool, **settings: object) -> Receiver:
    receiver = {"allow_any_peer": True, "host": "127.0.0.1", "port": 0} | settings
    config = Config.model_validate({"receiver": receiver})
    return Receiver(Intake(spool, store, IntakeRule.from_config(config), lambda: NOW), store, config)


@contextmanager
def listening(store, spool) -> Iterator[int]:
    receiver = receiver_of(store, spool)
    port = receiver._acceptor.start()
    try:
        yield port
    finally:
        receiver._acceptor.stop()


@pytest.fixture
def lines(monkeypatch) -> Iterator[list[str]]:
    """Give the lines of the whole process's log, at every level."""
    written: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Lines()
    handler.setFormatter(TextFormatter("receiver"))
    handler.addFilter(keep_foreign_words_out)
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    for room in ("daemon", "dicom_io"):
        monkeypatch.setattr(logging.getLogger(room), "level", logging.DEBUG)
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def rejections(store) -> list[str]:
    with store.engine.connect() as connection:
        return [str(row) for row in connection.execute(text("SELECT * FROM rejections"))]


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI:UserWarning")  # pydicom, reading the command
def test_name_in_place_of_an_instance_uid_reaches_no_log_line_and_no_row(sqlite_only, spool, lines):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(sop_instance=NAME) + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.CANNOT_UNDERSTAND
    assert any('store failed sop_instance_uid=""' in line for line in lines)
    assert "Testcase" not in "\n".join(lines)
    (row,) = rejections(sqlite_only)
    assert "Testcase" not in row


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI:UserWarning")
def test_name_in_place_of_a_class_uid_reaches_no_log_line_and_no_row(sqlite_only, spool, lines):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(sop_class=NAME) + fragment(SMALL_DATA_SET, header=2))
        peer.receive()
    assert "Testcase" not in "\n".join(lines)
    assert not any("Testcase" in row for row in rejections(sqlite_only))


@pytest.mark.parametrize("title", ["A\nB", "A\x1b[31mB", "A\x7fB", "A\\B"])
def test_ae_title_that_is_not_printable_ends_the_connection_and_is_not_logged(
    sqlite_only, spool, lines, title
):
    with listening(sqlite_only, spool) as port:
        for titles in ({"calling": title}, {"called": title}):
            with RawPeer(port) as peer:
                peer.send(associate_rq(**titles))
                assert peer.receive()[0] in {0, 7}
    assert not any(title in line or repr(title)[1:-1] in line for line in lines)


def test_receiver_that_starts_removes_its_own_leftovers_and_no_other_machines(sqlite_only, tmp_path):
    here, there = Spool(tmp_path, "here"), Spool(tmp_path, "there")
    leftovers = []
    for spool in (here, there):
        spool.prepare()
        leftovers.append(spool.incoming / "half.incoming")
        leftovers[-1].write_bytes(b"half an instance")
    own, foreign = leftovers
    process = StageProcess(StageName.RECEIVER, sqlite_only)
    thread = threading.Thread(target=receiver_of(sqlite_only, here).run, args=(process,))
    thread.start()
    try:
        wait_until(lambda: not own.exists(), "the own leftover removed")
    finally:
        process.stop()
        thread.join()
    assert foreign.exists()


@pytest.mark.parametrize("vr", [b"  ", b"??", b"--", b"\0\0", b"lo"])
def test_an_instance_with_an_unknown_vr_is_taken(sqlite_only, spool, vr):
    content = with_vr(encode(make_instance(rows=4, columns=4)), "Manufacturer", vr)
    data_set = content[content.index(b"\x08\x00\x05\x00CS") :]
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(sop_instance=uid(1, 1, 1)) + fragment(data_set, header=2))
        assert peer.status() == StoreStatus.SUCCESS


def send(peer: RawPeer, **elements) -> int:
    """Send an instance that holds no image; give the status of the answer."""
    content = encode(make_instance(rows=4, columns=4, PixelData=None, **elements))
    data_set = content[content.index(b"\x08\x00\x05\x00CS") :]
    peer.send(c_store_rq(sop_instance=uid(1, 1, 1)) + fragment(data_set, header=2))
    return peer.status()


def test_an_instance_is_recorded_with_its_sender_at_the_time_of_the_clock(sqlite_only, spool):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        assert send(peer) == StoreStatus.SUCCESS
    (taken,) = study_detail(sqlite_only, uid(1)).instances
    assert (taken.source, taken.received_at) == ("RAW@127.0.0.1", NOW)


def test_the_priority_of_the_command_ranks_the_study(sqlite_only, spool):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        send(peer, StudyDate=f"{NOW:%Y%m%d}")  # whose command says MEDIUM
    assert study_detail(sqlite_only, uid(1)).entry.priority == 2


def test_an_instance_that_is_not_the_one_announced_is_refused_and_told(sqlite_only, spool):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        assert send(peer, SOPInstanceUID=uid(1, 1, 2)) == StoreStatus.DATA_SET_MISMATCH
    (rejection,) = recent_rejections(sqlite_only, limit=9)
    assert (rejection.source, rejection.rejected_at) == ("RAW@127.0.0.1", NOW)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI:UserWarning")
def test_what_is_refused_before_it_is_read_is_told_at_the_time_of_the_clock(sqlite_only, spool):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(sop_instance=NAME) + fragment(SMALL_DATA_SET, header=2))
        peer.status()
    (rejection,) = recent_rejections(sqlite_only, limit=9)
    assert (rejection.source, rejection.rejected_at) == ("RAW@127.0.0.1", NOW)


@pytest.mark.parametrize("end", [A_RELEASE_RQ, A_ABORT], ids=["release", "abort"])
def test_a_study_waits_no_more_once_the_association_that_brought_it_ends(sqlite_only, spool, end):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        send(peer)
        assert open_study(sqlite_only).association_open
        peer.send(end)
        wait_until(lambda: not open_study(sqlite_only).association_open, "the end", seconds=10.0)


def test_associations_of_a_dead_receiver_end_when_the_next_one_starts(sqlite_only, spool):
    record(sqlite_only, unreadable(association_id="of-the-dead"))
    assert open_study(sqlite_only).association_open
    process = StageProcess(StageName.RECEIVER, sqlite_only)
    process.stop()
    receiver_of(sqlite_only, spool).run(process)
    assert not open_study(sqlite_only).association_open


def refused_by(receiver: Receiver, store, *requests: bytes) -> list[tuple[str, Refusal, str, int]]:
    """Let peers ask for associations; return what the store holds of their refusals."""
    port = receiver._acceptor.start()
    try:
        for request in requests:
            with RawPeer(port) as peer, suppress(ConnectionError):
                peer.send(request)
                peer.receive()
    finally:
        receiver._acceptor.stop()
    receiver._refused.write_down(NOW)
    found = recent_rejections(store, limit=9)
    return sorted((one.source, one.cause, one.reason, one.number) for one in found)


def test_refused_associations_are_kept_with_peer_and_reason(sqlite_only, spool):
    peers = [{"ae_title": "CR1"}]
    receiver = receiver_of(sqlite_only, spool, allow_any_peer=False, allowed_peers=peers)
    requests = [associate_rq(calling="CR1", called="WRONG"), *[associate_rq(calling="CR2")] * 2]
    assert refused_by(receiver, sqlite_only, *requests) == [
        ("CR1@127.0.0.1", Refusal.CALLED_AE_TITLE, "called AE title not recognized", 1),
        ("CR2@127.0.0.1", Refusal.CALLER, "calling AE title not recognized", 2),
    ]


def test_closed_connections_of_strange_hosts_are_kept(sqlite_only, spool):
    peers = [{"ae_title": "CR1", "host": "192.0.2.1"}]
    receiver = receiver_of(sqlite_only, spool, allow_any_peer=False, allowed_peers=peers)
    assert refused_by(receiver, sqlite_only, associate_rq(calling="CR1")) == [
        ("127.0.0.1", Refusal.CALLER, "no entry of allowed_peers allows the host", 1)
    ]


def test_one_association_too_many_is_kept(sqlite_only, spool):
    receiver = receiver_of(sqlite_only, spool, max_associations=1, max_associations_per_host=1)
    port = receiver._acceptor.start()
    try:
        with RawPeer(port) as first, RawPeer(port) as second:
            first.associate()
            second.send(associate_rq(calling="CR2"))
            second.receive()
    finally:
        receiver._acceptor.stop()
    receiver._refused.write_down(NOW)
    (kept,) = recent_rejections(sqlite_only, limit=9)
    assert (kept.source, kept.cause) == ("CR2@127.0.0.1", Refusal.TOO_MANY)
    assert kept.reason == "all 1 associations are taken"


def test_an_instance_of_another_class_than_announced_is_told_from_one_that_cannot_be_read(sqlite_only, spool):
    with listening(sqlite_only, spool) as port, RawPeer(port) as peer:
        peer.associate()
        peer.send(c_store_rq(sop_instance=uid(1, 1, 1)) + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.CANNOT_UNDERSTAND
        other_class = c_store_rq(sop_class=SecondaryCaptureImageStorage, sop_instance=uid(1, 1, 2))
        peer.send(other_class + fragment(SMALL_DATA_SET, header=2))
        assert peer.status() == StoreStatus.DATA_SET_MISMATCH
    causes = [one.cause for one in recent_rejections(sqlite_only, limit=9)]
    assert causes == [Refusal.NOT_AS_ANNOUNCED, Refusal.UNREADABLE]


def test_a_receiver_that_ends_writes_down_what_it_refused(sqlite_only, spool, monkeypatch):
    receiver = receiver_of(sqlite_only, spool, allow_any_peer=False)
    process = StageProcess(StageName.RECEIVER, sqlite_only)
    ports: list[int] = []
    start = receiver._acceptor.start

    def start_and_tell() -> int:
        ports.append(start())
        return ports[0]

    monkeypatch.setattr(receiver._acceptor, "start", start_and_tell)
    thread = threading.Thread(target=receiver.run, args=(process,))
    thread.start()
    try:
        wait_until(lambda: bool(ports), "the receiver listening")
        with RawPeer(ports[0]) as peer, suppress(ConnectionError):
            peer.receive()
    finally:
        process.stop()
        thread.join()
    assert [one.cause for one in recent_rejections(sqlite_only, limit=9)] == [Refusal.CALLER]
