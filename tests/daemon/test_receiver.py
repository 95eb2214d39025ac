"""What a sender says about an instance that is refused goes no further than it must."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from daemon.config import Config
from daemon.intake import Intake, IntakeRule
from daemon.logs import TextFormatter, keep_foreign_words_out
from daemon.receiver import Receiver
from dicom_io.store_status import StoreStatus
from tests.daemon.store_factory import NOW
from tests.dicom_io.peers import RawPeer, associate_rq, c_store_rq, fragment

NAME = "Testcase^Wrist"
SMALL_DATA_SET = b"\x08\x00\x60\x00CS\x02\x00DX"


@contextmanager
def listening(store, spool) -> Iterator[int]:
    config = Config.model_validate({"receiver": {"allow_any_peer": True, "host": "127.0.0.1", "port": 0}})
    intake = Intake(spool, store, IntakeRule.from_config(config), lambda: NOW)
    receiver = Receiver(intake, store, config)
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
    assert any("store failed sop_instance_uid=''" in line for line in lines)
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
