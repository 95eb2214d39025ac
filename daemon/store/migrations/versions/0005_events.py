"""The history of each study: who changed which state, why and when; studies of before begin without one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Integer()),
        sa.Column("delivery_id", sa.Integer()),
        sa.Column("old_state", sa.String(16), nullable=False),
        sa.Column("new_state", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        *(
            sa.ForeignKeyConstraint(
                [f"{column}_id"], [f"{table}.id"], name=op.f(f"fk_events_{column}_id"), ondelete="CASCADE"
            )
            for column, table in (
                ("study", "studies"),
                ("instance", "instances"),
                ("delivery", "deliveries"),
            )
        ),
    )
    for column in ("study_id", "instance_id", "delivery_id"):
        op.create_index(op.f(f"ix_events_{column}"), "events", [column])
