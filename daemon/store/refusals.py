"""This module records what was refused."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, update

from daemon.store.database import Store
from daemon.store.shown import Refusal, Rejection
from daemon.store.tables import rejections
from dicom_io.network.store_status import StoreStatus


def cause_of(status: StoreStatus) -> Refusal:
    """Return why an instance was refused that was answered with this status."""
    is_other = status is StoreStatus.DATA_SET_MISMATCH
    return Refusal.NOT_AS_ANNOUNCED if is_other else Refusal.UNREADABLE


def record_rejection(store: Store, rejection: Rejection) -> None:
    """Record an instance that was refused."""
    with store.write() as connection:
        connection.execute(
            insert(rejections).values(
                rejected_at=rejection.rejected_at,
                source=rejection.source,
                sop_instance_uid=rejection.sop_instance_uid,
                cause=rejection.cause,
                reason=rejection.reason,
                number=rejection.number,
            )
        )


def record_repeated(store: Store, numbers: Mapping[tuple[str, Refusal, str], int], *, now: datetime) -> None:
    """Record refused associations by source, cause and reason; those of one hour share a row."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    with store.write() as connection:
        for (source, cause, reason), number in sorted(numbers.items()):
            values = {"source": source, "cause": cause, "reason": reason}
            same = (rejections.c[name] == value for name, value in values.items())
            known = connection.execute(
                update(rejections)
                .where(rejections.c.rejected_at >= hour, *same)
                .values(rejected_at=now, number=rejections.c.number + number)
            )
            if not known.rowcount:
                connection.execute(insert(rejections).values(rejected_at=now, number=number, **values))
