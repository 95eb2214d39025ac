"""This module takes instances into the store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, not_, select, update

from daemon.store import patients, transitions
from daemon.store.arrival import record_in_study, study_of
from daemon.store.columns import reason_values
from daemon.store.database import Store
from daemon.store.tables import instances, studies
from daemon.store.values import ReceivedInstance, Recorded
from daemon.study.lifecycle import InstanceEvent, InstanceState, StudyState
from sr_templates.reason import Reason, Withheld

_UNFINISHED = (StudyState.OPEN, StudyState.REPORTING)
# What happens to an instance that was set aside and counts again, by what it is; one that is no view stays
# excluded.
_USED_AGAIN = {
    InstanceState.RECEIVED: InstanceEvent.CAME_AGAIN,
    InstanceState.UNREADABLE: InstanceEvent.FOUND_UNREADABLE,
}


def is_recorded(store: Store, *, sop_instance_uid: str, sha256: str) -> bool:
    """Return whether exactly this instance was recorded before, so that it is no news now.

    In a study of two patients it may be, and where it was set aside: then it is for `record_instance` to say.
    """
    query = (
        select(instances.c.id)
        .join(studies)
        .where(
            instances.c.sop_instance_uid == sop_instance_uid,
            instances.c.sha256 == sha256,
            instances.c.exclusion.not_in(patients.NOT_IN_USE),
            not_(patients.of_two_patients()),
        )
    )
    with store.read() as connection:
        return connection.scalar(query.limit(1)) is not None


def is_known_or_fits(store: Store, *, study_instance_uid: str, max_open_studies: int) -> bool:
    """Return whether the study is known, or the queue has room for one more."""
    with store.read() as connection:
        known = connection.scalar(
            select(studies.c.id).where(studies.c.study_instance_uid == study_instance_uid)
        )
        unfinished = select(func.count()).select_from(studies).where(studies.c.state.in_(_UNFINISHED))
        return known is not None or (connection.scalar(unfinished) or 0) < max_open_studies


def record_instance(
    store: Store,
    instance: ReceivedInstance,
    *,
    now: datetime,
    max_views: int | None = None,
    confirm: Callable[[], None] = lambda: None,
) -> Recorded:
    """Record an instance and what it means for its study.

    A repeat changes nothing. A SOP Instance UID that comes with other bytes is kept beside the first and
    excluded. A view opens its study, or reopens it with the next revision. A second patient fails it, and
    from then on other bytes replace the first until all are of one patient, see `daemon.store.patients`.
    One fresh instance makes an old study a fresh one, with the rank that the instance has.

    Parameters
    ----------
    max_views
        How many views of a study are analyzed; what comes beyond is set aside. None sets no limit.
    confirm
        Raises when the instance's file is gone; then nothing is recorded. It is called while
        `retention.unrecorded` can give the file to nobody.
    """
    with store.write() as connection:
        # Its lock comes first: the same instance may arrive over two associations at once.
        study = study_of(connection, instance, now)
        known = _known(connection, instance.sop_instance_uid)
        same = next((row for row in known if row.sha256 == instance.sha256), None)
        outcome = _outcome(study, known, same, instance)
        if outcome is Recorded.IDENTICAL:
            return outcome
        if outcome is Recorded.REPLACING:
            others = [row.id for row in known if row.study_id == study.id and row is not same]
            patients.set_aside(connection, others)
        values = _instance_values(instance, outcome, now)
        if values["state"] is not InstanceState.EXCLUDED and _is_full(connection, study.id, max_views):
            values |= _set_aside(Reason.because(Withheld.TOO_MANY_VIEWS, most=max_views or 0))
        if same is None:
            _begin(connection, study, instance, values)
        else:
            _use_again(connection, same, values)
        is_view = values["state"] is not InstanceState.EXCLUDED
        replaces = outcome is Recorded.REPLACING
        record_in_study(connection, study, instance, is_view=is_view, replaces=replaces, now=now)
        confirm()
    return outcome if same is None else Recorded.IDENTICAL  # its file is here


def record_association_released(store: Store, association_id: str) -> None:
    """Record that an association ended: what it brought is complete as far as it is concerned."""
    with store.write() as connection:
        connection.execute(
            update(studies)
            .where(studies.c.last_association_id == association_id, studies.c.association_open)
            .values(association_open=False)
        )


def record_all_associations_ended(store: Store) -> None:
    """Record, when a receiver starts, that no association of its predecessor lives on."""
    with store.write() as connection:
        connection.execute(update(studies).where(studies.c.association_open).values(association_open=False))


def _known(connection: Connection, sop_instance_uid: str) -> Sequence[Any]:
    query = select(
        instances.c.id,
        instances.c.study_id,
        instances.c.state,
        instances.c.exclusion,
        instances.c.sha256,
        instances.c.patient_id,
    )
    return connection.execute(query.where(instances.c.sop_instance_uid == sop_instance_uid)).all()


def _outcome(
    study: Row[Any], known: Sequence[Row[Any]], same: Row[Any] | None, instance: ReceivedInstance
) -> Recorded:
    """Return what an instance is beside those with its SOP Instance UID, of which one may be the same."""
    disputed = patients.is_of_two_patients(study.state, study.cause)
    corrects = disputed or patients.patient_of(study).contradicts(instance.identity.patient)
    if same is not None and patients.is_in_use(same):
        # It may have come before it was kept whom it names.
        return Recorded.REPLACING if disputed and same.patient_id is None else Recorded.IDENTICAL
    if same is not None:
        return Recorded.REPLACING if corrects else Recorded.IDENTICAL
    if not known:
        return Recorded.NEW
    here = any(row.study_id == study.id for row in known)
    return Recorded.REPLACING if here and corrects else Recorded.CONFLICTING


def _instance_values(instance: ReceivedInstance, outcome: Recorded, now: datetime) -> dict[str, Any]:
    """Return what is written of an instance that arrives, whether or not its bytes are here already."""
    values = {
        "received_at": now,
        "source": instance.source,
        "state": instance.state,
        **reason_values(instance.reason),
        "region": instance.region,
        "laterality": instance.laterality,
        "laterality_conflict": instance.laterality_conflict,
        "projection": instance.projection,
        "device": instance.device,
        "age_caution": instance.age_caution,
        "minimum_age_years": instance.minimum_age_years,
        **asdict(instance.identity.patient),
    }
    if outcome is Recorded.CONFLICTING:
        values |= _set_aside(Reason(Withheld.CONFLICTING_DUPLICATE))
    return values


def _set_aside(reason: Reason) -> dict[str, Any]:
    return {"state": InstanceState.EXCLUDED, **reason_values(reason)}


def _is_full(connection: Connection, study_id: int, max_views: int | None) -> bool:
    views = (
        select(func.count())
        .select_from(instances)
        .where(instances.c.study_id == study_id, instances.c.state != InstanceState.EXCLUDED)
    )
    return max_views is not None and (connection.scalar(views) or 0) >= max_views


def _begin(
    connection: Connection, study: Row[Any], instance: ReceivedInstance, values: Mapping[str, Any]
) -> None:
    row = connection.execute(
        insert(instances)
        .values(
            study_id=study.id,
            sop_instance_uid=instance.sop_instance_uid,
            sop_class_uid=instance.sop_class_uid,
            series_instance_uid=instance.series_instance_uid,
            sha256=instance.sha256,
            path=instance.path,
            size_bytes=instance.size_bytes,
            **values,
        )
        .returning(instances.c.id, instances.c.study_id, instances.c.state)
    ).one()
    transitions.begin(connection, transitions.instance(row), InstanceEvent.ARRIVED)


def _use_again(connection: Connection, row: Row[Any], values: Mapping[str, Any]) -> None:
    """Use an instance again that had been set aside, with the file that is here; or note whom it names."""
    if patients.is_in_use(row):
        patient = {name: values[name] for name in ("patient_id", "issuer_of_patient_id", "patient_name")}
        connection.execute(update(instances).where(instances.c.id == row.id).values(patient))
        return
    event = _USED_AGAIN.get(values["state"])
    if event is None:
        connection.execute(update(instances).where(instances.c.id == row.id).values(**values))
    else:
        others = {name: value for name, value in values.items() if name != "state"} | {"attempts": 0}
        transitions.change(connection, transitions.instance(row), event, others)
