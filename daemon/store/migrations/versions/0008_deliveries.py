"""What an older report still had to send to a destination that has a newer one is superseded."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(
        """
        UPDATE deliveries SET state = 'superseded', retry_at = NULL
        WHERE state IN ('pending', 'waiting', 'dead') AND EXISTS (
            SELECT 1 FROM results AS older
            JOIN results AS newer ON newer.study_id = older.study_id AND newer.revision > older.revision
            JOIN deliveries AS of_newer ON of_newer.result_id = newer.id
            WHERE older.id = deliveries.result_id AND of_newer.destination = deliveries.destination
        )
        """
    )
