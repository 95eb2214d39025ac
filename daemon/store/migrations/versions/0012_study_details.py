"""Why a study is in its state is its cause with details; sentences of before stay, as details."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# Their words follow from the cause alone, or from what the report says.
_WITHOUT_DETAILS = (
    "'patient mismatch'",
    "'confirmation needed'",
    "'report begun too often'",
    "'nothing to report'",
)


def upgrade() -> None:
    op.add_column("studies", sa.Column("details", sa.Text(), server_default="{}", nullable=False))
    connection = op.get_bind()
    told = (
        "state IN ('failed', 'not_analyzed') AND reason <> '' "
        f"AND cause NOT IN ({', '.join(_WITHOUT_DETAILS)})"
    )
    for (reason,) in connection.execute(sa.text(f"SELECT DISTINCT reason FROM studies WHERE {told}")).all():
        connection.execute(
            sa.text(f"UPDATE studies SET details = :details WHERE reason = :reason AND {told}"),
            {"details": json.dumps({"sentence": reason}), "reason": reason},
        )
    op.execute("ALTER TABLE studies DROP COLUMN reason")
