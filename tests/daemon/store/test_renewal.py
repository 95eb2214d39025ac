"""Claims live as long as their owner works on them, and no longer."""

from datetime import datetime, timedelta

from sqlalchemy import select

from daemon.store import deliveries, renewal, studies, views
from daemon.store.database import Store
from daemon.store.lease import LEASE
from daemon.store.renewal import RENEW_AFTER
from daemon.store.tables import instances
from daemon.store.values import ClaimedView
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW, PACS, REPORTER

ANALYZER = "a/analyzer"
LATE = NOW + LEASE * 0.9
TOO_LATE = NOW + LEASE * 1.5


def claim(store: Store, owner: str, now: datetime, limit: int = 8) -> tuple[ClaimedView, ...]:
    return views.claim_views(store, owner=owner, limit=limit, oldest_first=True, now=now)


def leases(store: Store) -> list[datetime | None]:
    with store.read() as connection:
        return list(connection.scalars(select(instances.c.lease_until).order_by(instances.c.id)))


def test_views_that_are_worked_on_stay_claimed(store):
    store_factory.record(store, store_factory.received(1, 1))
    claims = renewal.of_views(store, claim(store, ANALYZER, NOW), owner=ANALYZER, now=NOW)
    claims.renew(LATE)
    assert claim(store, "b/analyzer", TOO_LATE) == ()
    assert len(claim(store, "b/analyzer", LATE + LEASE * 1.1)) == 1


def test_what_the_owner_holds_beside_them_runs_out(store):
    store_factory.record(store, store_factory.received(1, 1), store_factory.received(1, 2))
    claim(store, ANALYZER, NOW, limit=1)
    claims = renewal.of_views(store, claim(store, ANALYZER, NOW, limit=1), owner=ANALYZER, now=NOW)
    claims.renew(LATE)
    assert leases(store) == [NOW + LEASE, LATE + LEASE]


def test_a_claim_that_has_its_time_before_it_is_not_written(store):
    store_factory.record(store, store_factory.received(1, 1))
    claims = renewal.of_views(store, claim(store, ANALYZER, NOW), owner=ANALYZER, now=NOW)
    claims.renew(NOW + RENEW_AFTER * 0.9)
    assert leases(store) == [NOW + LEASE]
    claims.renew(NOW + RENEW_AFTER)
    claims.renew(NOW + RENEW_AFTER * 1.9)
    assert leases(store) == [NOW + RENEW_AFTER + LEASE]


def test_a_claim_is_renewed_when_the_clock_has_stepped_back(store):
    store_factory.record(store, store_factory.received(1, 1))
    claims = renewal.of_views(store, claim(store, ANALYZER, NOW), owner=ANALYZER, now=NOW)
    earlier = NOW - timedelta(hours=1)
    claims.renew(earlier)
    assert leases(store) == [earlier + LEASE]
    assert claim(store, "b/analyzer", earlier) == ()


def test_a_claim_that_was_lost_is_not_taken_back(store):
    store_factory.record(store, store_factory.received(1, 1))
    claims = renewal.of_views(store, claim(store, ANALYZER, NOW), owner=ANALYZER, now=NOW)
    views.release_views(store, owner=ANALYZER, forgive=False)
    claims.renew(LATE)
    assert leases(store) == [None]
    assert len(claim(store, "b/analyzer", LATE)) == 1
    claims.renew(LATE + LEASE / 2)
    assert leases(store) == [LATE + LEASE]


def test_a_study_that_is_being_reported_stays_claimed(store):
    store_factory.analyzed_study(store, 1)
    claims = renewal.of_study(store, store_factory.claim(store), owner=REPORTER, now=NOW)
    claims.renew(LATE)
    studies.reopen_abandoned_studies(store, now=TOO_LATE)
    assert studies.open_studies(store) == ()


def test_deliveries_that_are_being_sent_stay_claimed(store):
    store_factory.reported_study(store, 1)

    def due(owner: str, now: datetime) -> int:
        claimed = deliveries.claim_deliveries(store, destination=PACS, owner=owner, limit=16, now=now)
        if owner == "a/sender":
            renewal.of_deliveries(store, claimed, owner=owner, now=now).renew(LATE)
        return len(claimed)

    assert due("a/sender", NOW) > 0
    assert due("b/sender", TOO_LATE) == 0
