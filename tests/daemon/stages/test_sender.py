"""The sender's step: what a destination answers, and what the outbox holds of it then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.events import Event

from daemon.config.sections import Destination
from daemon.couriers.backoff import pause
from daemon.couriers.remark import Note, Remark
from daemon.spool import Spool
from daemon.stages.sender import Sender
from daemon.store.database import Store
from daemon.store.shown import DeliveryRecord
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import DeliveryState, StudyState
from tests.daemon.store_factory import NOW, PACS, SENDER, after, reported_study
from tests.dicom_io.peers import DX
from tests.factories import make_instance, uid, write_instance

OUT_OF_RESOURCES, CANNOT_UNDERSTAND, COERCED = 0xA700, 0xC000, 0xB000


@contextmanager
def pacs(answer: Callable[[Event], int]) -> Iterator[int]:
    """Run a destination that answers each C-STORE as it is told; give its port."""
    entity = AE("PACS")
    entity.add_supported_context(DX)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)])
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@pytest.fixture
def reported(sqlite_only: Store, spool: Spool) -> Store:
    """A store with the two results of a study, bound for `PACS`, and their files."""
    reported_study(sqlite_only, view_count=1)
    for result in study_detail(sqlite_only, uid(1)).results:
        path = spool.absolute(result.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        ds = make_instance(rows=8, columns=8)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(result.sop_instance_uid)
        write_instance(ds, path)
    return sqlite_only


def step(store: Store, spool: Spool, port: int, *, at: datetime = NOW, name: str = PACS) -> bool:
    """Take one step of a sender whose clock stands still."""
    destination = Destination(name=name, ae_title="PACS", host="127.0.0.1", port=port, timeout_seconds=5.0)
    return Sender(store, spool, [destination], clock=lambda: at).step(destination, f"{SENDER}/{name}")


def outbox(store: Store) -> list[DeliveryRecord]:
    return [delivery for result in study_detail(store, uid(1)).results for delivery in result.deliveries]


def states(store: Store) -> set[str]:
    return {delivery.state for delivery in outbox(store)}


def test_acknowledged_results_are_sent_at_the_time_of_the_clock(reported, spool):
    came: list[str] = []

    def take(event: Event) -> int:
        came.append(event.dataset.SOPInstanceUID)
        return 0

    with pacs(take) as port:
        assert step(reported, spool, port, at=after(7))
        assert not step(reported, spool, port, at=after(3600))
    assert came == [result.sop_instance_uid for result in study_detail(reported, uid(1)).results]
    assert {(one.state, one.sent_at, one.remark) for one in outbox(reported)} == {
        (DeliveryState.SENT, after(7), None)
    }
    assert study_detail(reported, uid(1)).entry.state is StudyState.DELIVERED


def test_a_warning_status_is_noted_with_the_sent_result(reported, spool):
    with pacs(lambda _: COERCED) as port:
        step(reported, spool, port)
    assert states(reported) == {DeliveryState.SENT}
    warned = Remark.that(Note.WARNING_STATUS, status=COERCED)
    assert all(delivery.remark == warned for delivery in outbox(reported))


def test_a_destination_without_room_is_asked_again_after_a_pause(reported, spool):
    with pacs(lambda _: OUT_OF_RESOURCES) as port:
        step(reported, spool, port)
        assert states(reported) == {DeliveryState.WAITING}
        shortest, longest = pause(1, jitter=1.0), pause(1, jitter=0.0)
        retries = [one.retry_at for one in outbox(reported)]
        assert all(at is not None and NOW + shortest < at <= NOW + longest for at in retries)
        assert not step(reported, spool, port, at=NOW + shortest)
        assert step(reported, spool, port, at=NOW + longest)


def test_each_pause_is_longer_than_the_one_before(reported, spool):
    with pacs(lambda _: OUT_OF_RESOURCES) as port:
        at = NOW
        for attempt in range(1, 4):
            step(reported, spool, port, at=at)
            (delivery, *_) = outbox(reported)
            assert delivery.attempts == attempt
            assert delivery.retry_at is not None
            assert at + pause(attempt, jitter=1.0) < delivery.retry_at <= at + pause(attempt, jitter=0.0)
            at += pause(attempt, jitter=0.0)


def test_a_destination_that_is_down_leaves_its_results_for_later(reported, spool):
    with pacs(lambda _: 0) as port:
        pass
    assert step(reported, spool, port)
    assert states(reported) == {DeliveryState.WAITING}


def test_a_result_that_is_refused_for_good_is_dead_and_the_others_are_sent(reported, spool):
    answers = iter([CANNOT_UNDERSTAND, 0])
    with pacs(lambda _: next(answers)) as port:
        step(reported, spool, port)
        assert not step(reported, spool, port, at=after(86400))
    assert [delivery.state for delivery in outbox(reported)] == [DeliveryState.DEAD, DeliveryState.SENT]
    assert study_detail(reported, uid(1)).entry.state is StudyState.FAILED


def test_a_result_whose_file_is_gone_is_dead_and_the_others_are_sent(reported, spool):
    spool.absolute(study_detail(reported, uid(1)).results[0].path).unlink()
    with pacs(lambda _: 0) as port:
        step(reported, spool, port)
    assert [delivery.state for delivery in outbox(reported)] == [DeliveryState.DEAD, DeliveryState.SENT]


def test_what_is_bound_for_another_destination_is_not_sent(reported, spool):
    with pacs(lambda _: 0) as port:
        assert not step(reported, spool, port, name="viewer")
    assert states(reported) == {DeliveryState.PENDING}
