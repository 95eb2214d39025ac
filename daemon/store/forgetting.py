"""This module removes one study at a person's wish, with all that leads to it.

Its row of `measurements`, which names nothing of it, stays; and of its history the last event, which says
that it was removed, and when.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, not_, select

from daemon.errors import ActionRefused, UnknownStudy
from daemon.store import lease, transitions
from daemon.store.database import Store
from daemon.store.tables import deliveries, events, instances, rejections, results, studies
from daemon.study.lifecycle import StudyEnd, StudyState


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What the store holds of a study.

    Attributes
    ----------
    instances, deliveries
        How many there are in each state.
    paths
        Of all its files, relative to the data directory.
    """

    state: StudyState
    instances: Mapping[str, int]
    results: int
    deliveries: Mapping[str, int]
    paths: tuple[str, ...]


def holdings(store: Store, study_instance_uid: str) -> Holdings:
    """Return what would be removed.

    Raises
    ------
    UnknownStudy
        The store does not hold the study.
    """
    with store.read() as connection:
        return _holdings(connection, _study(connection, study_instance_uid))


def forget_study(
    store: Store, study_instance_uid: str, *, now: datetime, before: Callable[[], None] = lambda: None
) -> tuple[str, ...]:
    """Remove a study; return the paths of its files, which nothing speaks of any more.

    A file without a row is swept up; a row without a file would be a loss. So the rows go first.

    Parameters
    ----------
    before
        Removes what no row speaks of. It is called when nothing stands in the way, before the rows are gone
        for good: where it fails, or is cut off, the study is still there, and can be removed again.

    Raises
    ------
    UnknownStudy
        The store does not hold the study.
    ActionRefused
        A stage works on it now.
    """
    with store.write() as connection:
        study = _study(connection, study_instance_uid, is_locked=True)
        worker = _worker(connection, study, now)
        if worker:
            raise ActionRefused(
                f"{worker} works on study {study_instance_uid} now; nothing was removed, "
                "run the command again in a minute"
            )
        found = _holdings(connection, study)
        uids = select(instances.c.sop_instance_uid).where(instances.c.study_id == study.id)
        connection.execute(delete(rejections).where(rejections.c.sop_instance_uid.in_(uids)))
        connection.execute(delete(events).where(events.c.study_instance_uid == study_instance_uid))
        transitions.end(connection, transitions.study(study), StudyEnd.FORGOTTEN)
        connection.execute(delete(studies).where(studies.c.id == study.id))
        before()
    return found.paths


def _study(connection: Connection, study_instance_uid: str, *, is_locked: bool = False) -> Row[Any]:
    query = select(studies).where(studies.c.study_instance_uid == study_instance_uid)
    row = connection.execute(query.with_for_update() if is_locked else query).first()
    if row is None:
        raise UnknownStudy(f"no study {study_instance_uid} in the store; `ulna worklist` lists them")
    return row


def _holdings(connection: Connection, study: Row[Any]) -> Holdings:
    of_instances = select(instances.c.state, func.count()).where(instances.c.study_id == study.id)
    of_deliveries = select(deliveries.c.state, func.count()).join(results).where(_is_result_of(study))
    paths = [
        path
        for table in (instances, results)
        for path in connection.scalars(select(table.c.path).where(table.c.study_id == study.id))
    ]
    count = select(func.count()).select_from(results).where(_is_result_of(study))
    return Holdings(
        state=StudyState(study.state),
        instances=_counts(connection, of_instances.group_by(instances.c.state)),
        results=connection.scalar(count) or 0,
        deliveries=_counts(connection, of_deliveries.group_by(deliveries.c.state)),
        paths=tuple(paths),
    )


def _is_result_of(study: Row[Any]) -> Any:
    return results.c.study_id == study.id


def _counts(connection: Connection, query: Select[Any]) -> Mapping[str, int]:
    return {state: number for state, number in connection.execute(query)}


def _worker(connection: Connection, study: Row[Any], now: datetime) -> str:
    """Return who holds a claim on the study, a view or a result of it; empty where nobody does."""
    claims = (
        select(studies.c.lease_owner).where(studies.c.id == study.id, not_(lease.is_free(studies, now))),
        select(instances.c.lease_owner).where(
            instances.c.study_id == study.id, not_(lease.is_free(instances, now))
        ),
        select(deliveries.c.lease_owner)
        .join(results)
        .where(_is_result_of(study), not_(lease.is_free(deliveries, now))),
    )
    owners = (connection.scalar(claim.limit(1)) for claim in claims)
    return next((owner for owner in owners if owner), "")
