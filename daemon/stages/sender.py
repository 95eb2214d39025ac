"""This module is the sender: it empties the outbox, each destination in a thread of its own.

How a result travels is the business of its destination's courier.
"""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from daemon.clock import now
from daemon.config.sections import Destination
from daemon.couriers.backoff import pause
from daemon.couriers.courier import Fate, Outcome, Parcel
from daemon.couriers.registry import courier_of
from daemon.couriers.remark import remark_words
from daemon.logs import describe
from daemon.process.stage import StageProcess
from daemon.spool import Spool
from daemon.store import deliveries, renewal
from daemon.store.database import Store
from daemon.store.values import ClaimedDelivery

BATCH = 16

log = logging.getLogger(__name__)


class Sender:
    """Delivers results; a destination that is down keeps none of the others waiting."""

    def __init__(
        self,
        store: Store,
        spool: Spool,
        destinations: Sequence[Destination],
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._spool = spool
        self._destinations = destinations
        self._clock = clock
        self._under_way: dict[str, renewal.Renewal] = {}  # the claims of the batches that couriers carry

    def run(self, stage: StageProcess) -> None:
        """Deliver until the stage is to stop."""
        known = [destination.name for destination in self._destinations]
        deliveries.bury_deliveries_to_unknown_destinations(self._store, known)
        conditions: dict[str, str] = {}
        threads = [
            threading.Thread(target=self._serve, args=(destination, stage, conditions), daemon=True)
            for destination in self._destinations
        ]
        for thread in threads:
            thread.start()
        while not stage.stopping:
            heard = stage.rings
            self._keep_claims()
            stage.alive("; ".join(conditions.values()))
            stage.wait(heard)
        for thread in threads:
            thread.join(timeout=3.0)

    def step(self, destination: Destination, owner: str) -> bool:
        """Hand one batch to the courier of one destination; give False when nothing was due."""
        begun = self._clock()
        claimed = deliveries.claim_deliveries(
            self._store, destination=destination.name, owner=owner, limit=BATCH, now=begun
        )
        if not claimed:
            return False
        claims = renewal.of_deliveries(self._store, claimed, owner=owner, now=begun)
        by_parcel = {self._parcel(delivery): delivery for delivery in claimed}

        def record(outcome: Outcome) -> None:
            claims.renew(self._clock())
            self._record(by_parcel[outcome.parcel], destination, outcome, owner)

        self._under_way[destination.name] = claims
        try:
            courier_of(destination.kind).deliver(tuple(by_parcel), destination, record)
        finally:
            del self._under_way[destination.name]
        return True

    def _keep_claims(self) -> None:
        """Renew what is under way: on a slow line one result can take longer than a claim lasts."""
        try:
            for claims in tuple(self._under_way.values()):
                claims.renew(self._clock())
        except SQLAlchemyError:
            log.exception("claims are not renewed")  # the threads tell what hinders them

    def _parcel(self, delivery: ClaimedDelivery) -> Parcel:
        return Parcel(
            path=self._spool.absolute(delivery.path),
            kind=delivery.kind,
            sop_instance_uid=delivery.sop_instance_uid,
        )

    def _serve(self, destination: Destination, stage: StageProcess, conditions: dict[str, str]) -> None:
        owner = f"{stage.owner}/{destination.name}"
        resuming = True
        while not stage.stopping:
            heard = stage.rings
            try:
                if resuming:
                    # What a dead process had claimed, or this one before it stumbled, is due again.
                    deliveries.release_deliveries(self._store, owner=owner, forgive=False)
                    conditions.pop(destination.name, None)
                resuming = False
                if not self.step(destination, owner):
                    stage.wait(heard)
            except Exception as error:
                # The outer loop of this thread: the store may be away for a while, and the other
                # destinations go on. The stage shows the condition until it is over.
                log.exception("sending failed", extra={"destination": destination.name})
                conditions[destination.name] = f"{destination.name}: {describe(error)}"
                resuming = True
                stage.pause(5.0)
        deliveries.release_deliveries(self._store, owner=owner, forgive=True)

    def _record(
        self, delivery: ClaimedDelivery, destination: Destination, outcome: Outcome, owner: str
    ) -> None:
        remark = outcome.remark
        reason = remark_words(remark)
        fields = {
            "study_instance_uid": delivery.study_instance_uid,
            "sop_instance_uid": delivery.sop_instance_uid,
            "destination": destination.name,
        }
        if outcome.fate is Fate.SENT:
            deliveries.record_sent(self._store, delivery, owner=owner, remark=remark, now=self._clock())
            log.info("result sent", extra=fields)
            return
        if outcome.fate is Fate.NEVER:
            deliveries.record_dead(self._store, delivery, owner=owner, remark=remark)
            log.error(
                "result is a dead letter; `ulna requeue` sends it again", extra={**fields, "reason": reason}
            )
            return
        retry_at = self._clock() + pause(delivery.attempts, jitter=random.random())
        deliveries.record_to_retry(self._store, delivery, owner=owner, remark=remark, retry_at=retry_at)
        log.warning(
            "result will be sent later", extra={**fields, "reason": reason, "retry_at": retry_at.isoformat()}
        )
