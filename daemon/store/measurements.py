"""This module keeps what may be counted of a study when the study itself is gone: a row without identifiers.

It says in which week a study was reported, what it showed, which device made it, and what was said of it; no
UID, date, name or number leads back. Drift, concordance and charts read nothing else.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from daemon.store.database import Store
from daemon.store.tables import instances, measurements, studies
from daemon.store.values import Report
from daemon.study.lifecycle import InstanceState


def record_measurement(connection: Connection, study: Row[Any], report: Report, *, now: datetime) -> None:
    """Write what a report says into the row of its study; a later revision writes over it."""
    values = {
        "week": week_of(now),
        "regions": _joined(connection, study.id, instances.c.region),
        "devices": _joined(connection, study.id, instances.c.device),
        "model_label": report.model_label,
        "category": report.category,
        "score": report.score,
    }
    if study.measurement_id is not None:
        connection.execute(
            update(measurements).where(measurements.c.id == study.measurement_id).values(values)
        )
        return
    row_id = connection.scalar(insert(measurements).values(values).returning(measurements.c.id))
    connection.execute(update(studies).where(studies.c.id == study.id).values(measurement_id=row_id))


def purge_measurements(store: Store, *, now: datetime, days: int) -> None:
    """Forget the rows of weeks that ended so many days ago."""
    with store.write() as connection:
        youngest = week_of(now - timedelta(days=days))
        connection.execute(delete(measurements).where(measurements.c.week < youngest))


def week_of(moment: datetime) -> str:
    """Return the week of a moment by ISO 8601; weeks sort as they follow each other.

    >>> week_of(datetime(2026, 1, 1)), week_of(datetime(2026, 12, 31))
    ('2026-W01', '2026-W53')
    """
    return f"{moment:%G-W%V}"


def _joined(connection: Connection, study_id: int, column: Any) -> str:
    """Return the values of a column over the views of a study, each once."""
    query = (
        select(column)
        .where(instances.c.study_id == study_id, instances.c.state != InstanceState.EXCLUDED, column != "")
        .distinct()
        .order_by(column)
    )
    return " + ".join(connection.scalars(query))
