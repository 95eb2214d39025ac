"""The history of each study, the row without identifiers that outlives it, and facts in place of sentences.

Studies of before begin without a history, and have a row when they are reported again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("old_state", sa.String(16), nullable=False),
        sa.Column("new_state", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_table(
        "measurements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("regions", sa.Text(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("model_label", sa.Text(), nullable=False),
        sa.Column("category", sa.String(16), nullable=False),
        sa.Column("score", sa.Float()),
        sa.Column("verdict", sa.String(16), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measurements")),
    )
    op.create_index(op.f("ix_measurements_week"), "measurements", ["week"])
    op.add_column("studies", sa.Column("measurement_id", sa.Integer()))
    _state_facts()
    op.add_column("instances", sa.Column("device", sa.Text(), server_default="", nullable=False))
    for column in ("study_instance_uid", "at"):
        op.create_index(op.f(f"ix_events_{column}"), "events", [column])


def _state_facts() -> None:
    """Make columns of what was read out of sentences before."""
    for column in ("cause", "not_analyzed"):
        kind = sa.String(32) if column == "cause" else sa.Text()
        op.add_column("studies", sa.Column(column, kind, server_default="", nullable=False))
    op.add_column("studies", sa.Column("trained", sa.Boolean(), server_default=sa.true(), nullable=False))
    for fact, where in (
        ("cause = 'patient mismatch'", "state = 'failed' AND reason = 'patient_mismatch'"),
        ("trained = false", "model_label LIKE '% UNTRAINED'"),
        ("not_analyzed = summary", "category = 'not analyzed'"),
    ):
        op.execute(f"UPDATE studies SET {fact} WHERE {where}")
