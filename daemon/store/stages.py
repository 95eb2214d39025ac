"""This module records that the stages live, and what keeps one from working."""

from datetime import datetime

from sqlalchemy import delete, insert, select

from daemon.store.database import Store
from daemon.store.shown import StageRecord
from daemon.store.tables import stages


def record_stage(store: Store, stage: StageRecord) -> None:
    """Record that a stage was alive at `stage.seen_at`."""
    with store.write() as connection:
        connection.execute(delete(stages).where(stages.c.name == stage.name))
        connection.execute(
            insert(stages).values(
                name=stage.name,
                process_id=stage.process_id,
                started_at=stage.started_at,
                seen_at=stage.seen_at,
                condition=stage.condition,
                notice=stage.notice,
            )
        )


def forget_stages_unseen_since(store: Store, moment: datetime) -> None:
    """Forget stages that no machine runs any more."""
    with store.write() as connection:
        connection.execute(delete(stages).where(stages.c.seen_at < moment))


def stage_records(store: Store) -> tuple[StageRecord, ...]:
    """Return every stage that was seen."""
    with store.read() as connection:
        return tuple(
            StageRecord(
                name=row.name,
                process_id=row.process_id,
                started_at=row.started_at,
                seen_at=row.seen_at,
                condition=row.condition,
                notice=row.notice,
            )
            for row in connection.execute(select(stages).order_by(stages.c.name))
        )
