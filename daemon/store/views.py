"""This module serves the analyzer: it claims views and records what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, delete, exists, insert, not_, select, update

from daemon.store import lease, transitions
from daemon.store.columns import reason_values
from daemon.store.database import Store
from daemon.store.tables import activations, instances, studies
from daemon.store.values import ClaimedView
from daemon.study.lifecycle import InstanceEvent, InstanceState
from models.finding import MemberFinding, ViewGeometry, ViewReading
from models.reference.drift import InputCheck
from sr_templates.reason import Reason, Withheld


def set_poison_aside(store: Store, *, owner: str, now: datetime) -> int:
    """Set aside the views whose analysis was begun too often; return how many."""
    query = (
        select(instances.c.id, instances.c.study_id, instances.c.state)
        .where(
            instances.c.state == InstanceState.RECEIVED,
            lease.is_used_up(instances, owner=owner),
            lease.is_free(instances, now),
        )
        .with_for_update(skip_locked=True)
    )
    with store.write() as connection:
        rows = connection.execute(query).all()
        for row in rows:
            values = reason_values(Reason(Withheld.BEGUN_TOO_OFTEN)) | lease.given_back()
            transitions.change(
                connection, transitions.instance(row), InstanceEvent.ANALYSIS_BEGUN_TOO_OFTEN, values
            )
    return len(rows)


def has_unread_views(store: Store) -> bool:
    """Return whether views wait to be analyzed or are being analyzed."""
    query = select(exists().where(instances.c.state == InstanceState.RECEIVED))
    with store.read() as connection:
        return bool(connection.execute(query).scalar_one())


def claim_views(
    store: Store, *, owner: str, limit: int, oldest_first: bool, now: datetime
) -> tuple[ClaimedView, ...]:
    """Claim the views that are next: most urgent first, oldest first within a rank.

    A view whose analysis was begun before and did not end is claimed alone, so that if it takes the
    analyzer down again no other view pays for it.

    Parameters
    ----------
    oldest_first
        Give half of the places to the oldest views, whatever their rank, and the others to the most urgent.
        Every third claim does, so that nothing starves.
    """
    query = (
        select(
            instances.c.id,
            instances.c.attempts,
            instances.c.sop_instance_uid,
            instances.c.path,
            studies.c.study_instance_uid,
        )
        .join(studies)
        .where(
            instances.c.state == InstanceState.RECEIVED,
            not_(lease.is_used_up(instances, owner=owner)),
            lease.is_free(instances, now),
        )
        .with_for_update(skip_locked=True, of=instances)
    )
    with store.write() as connection:
        rows = _next(connection, query, limit, oldest_first)
        rows = rows[:1] if rows and rows[0].attempts else [row for row in rows if not row.attempts]
        connection.execute(
            update(instances)
            .where(instances.c.id.in_([row.id for row in rows]))
            .values(lease.taken(instances, owner=owner, now=now))
        )
    return tuple(
        ClaimedView(
            id=row.id,
            study_instance_uid=row.study_instance_uid,
            sop_instance_uid=row.sop_instance_uid,
            path=row.path,
        )
        for row in rows
    )


def _next(connection: Connection, query: Select[Any], limit: int, oldest_first: bool) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    if oldest_first:
        rows += connection.execute(query.order_by(instances.c.id).limit(limit - limit // 2))
    others = query.where(instances.c.id.not_in([row.id for row in rows]))
    rows += connection.execute(others.order_by(studies.c.priority, instances.c.id).limit(limit - len(rows)))
    return rows


def has_waiting_views(store: Store, *, now: datetime) -> bool:
    """Return whether a claim could find anything; reads only, so an idle analyzer writes nothing."""
    query = select(instances.c.id).where(
        instances.c.state == InstanceState.RECEIVED, lease.is_free(instances, now)
    )
    with store.read() as connection:
        return connection.scalar(query.limit(1)) is not None


def record_analysis(
    store: Store,
    view: ClaimedView,
    *,
    owner: str,
    reading: ViewReading,
    geometry: ViewGeometry,
    bundle_digest: str,
) -> bool:
    """Record what the ensemble reads in a view; give False when the claim was lost meanwhile.

    One study is reported from one bundle: views of the study that another bundle analyzed are received
    again.
    """
    with store.write() as connection:
        values = {
            "bundle_digest": bundle_digest,
            "engine": reading.engine,
            "image_rows": geometry.rows,
            "image_columns": geometry.columns,
            "pixel_aspect": geometry.pixel_aspect,
            **_input_check(reading.input_check),
        }
        if not _end_claim(connection, view, owner, InstanceEvent.ANALYSIS_STORED, **values):
            return False
        rows = [_activation(view, position, member) for position, member in enumerate(reading.members)]
        connection.execute(insert(activations), rows)
        _return_views_of_other_bundles(connection, view, bundle_digest)
    return True


def record_unreadable(
    store: Store, view: ClaimedView, *, owner: str, cause: InstanceEvent, reason: Reason
) -> bool:
    """Record why a view cannot be analyzed; return False when the claim was lost meanwhile.

    `cause` is what happened to it, as the history tells; `reason` is what is wrong with it.
    """
    with store.write() as connection:
        return _end_claim(connection, view, owner, cause, **reason_values(reason))


def release_views(store: Store, *, owner: str, forgive: bool) -> None:
    """End all claims of an owner; see `lease.release`."""
    with store.write() as connection:
        lease.release(connection, instances, owner=owner, forgive=forgive)


def return_views(connection: Connection, view_ids: Sequence[int]) -> None:
    """Let analyzed views be analyzed again, because the bundle changed; part of a transaction."""
    connection.execute(delete(activations).where(activations.c.instance_id.in_(view_ids)))
    query = select(instances.c.id, instances.c.study_id, instances.c.state).where(
        instances.c.id.in_(view_ids)
    )
    values = {"bundle_digest": "", "engine": "", "attempts": 0, **_input_check(None)}
    for row in connection.execute(query.with_for_update(key_share=True)).all():
        transitions.change(connection, transitions.instance(row), InstanceEvent.BUNDLE_CHANGED, values)


def _end_claim(
    connection: Connection, view: ClaimedView, owner: str, event: InstanceEvent, **values: object
) -> bool:
    row = connection.execute(
        select(instances.c.id, instances.c.study_id, instances.c.state)
        .where(
            instances.c.id == view.id,
            instances.c.lease_owner == owner,
            instances.c.state == InstanceState.RECEIVED,
        )
        .with_for_update(key_share=True)
    ).first()
    if row is None:
        return False
    transitions.change(connection, transitions.instance(row), event, values | lease.given_back())
    return True


def _input_check(check: InputCheck | None) -> dict[str, object]:
    if check is None:
        return {"input_distance": None, "input_warning": ""}
    return {"input_distance": check.distance, "input_warning": check.warning or ""}


def _activation(view: ClaimedView, position: int, finding: MemberFinding) -> dict[str, object]:
    rows, columns = finding.activation.shape
    return {
        "instance_id": view.id,
        "member": finding.member,
        "position": position,
        "logit": finding.logit,
        "probability": finding.probability,
        "vote": finding.vote,
        "rows": rows,
        "columns": columns,
        "map": np.ascontiguousarray(finding.activation, dtype="<f4").tobytes(),
    }


def _return_views_of_other_bundles(connection: Connection, view: ClaimedView, bundle_digest: str) -> None:
    study_id = select(instances.c.study_id).where(instances.c.id == view.id).scalar_subquery()
    others = select(instances.c.id).where(
        instances.c.study_id == study_id,
        instances.c.state == InstanceState.ANALYZED,
        instances.c.bundle_digest != bundle_digest,
    )
    return_views(connection, connection.scalars(others).all())
