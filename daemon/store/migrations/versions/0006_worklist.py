"""Columns, indices and counts with which the worklist is read at a cost that hardly grows with its length."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_GENERATED = (
    (
        "standing",
        sa.String(16),
        """CASE
WHEN state = 'failed' AND (
  category = '' OR closed_at IS NULL OR cause IN ('patient mismatch', 'confirmation needed')
) THEN 'failed'
WHEN category = '' THEN 'in progress'
ELSE category END""",
    ),
    (
        "reading_rank",
        sa.Integer(),
        """CASE WHEN is_old THEN 100 ELSE 0 END + priority + CASE category
WHEN 'likely' THEN 0
WHEN 'suspected' THEN 10
WHEN 'not flagged' THEN 30
ELSE 20 END""",
    ),
    ("reading_score", sa.Float(), "- COALESCE(score, 0)"),
    ("untrained_label", sa.Text(), "CASE WHEN trained THEN '' ELSE model_label END"),
)

_KEY = ("state", "cause", "standing", "is_old", "untrained_label")

# What each table gives for the columns of `_KEY`; how many a row counts for.
_COUNTED = {
    "studies": (
        (
            "{row}.state",
            "CASE WHEN {row}.state = 'failed' THEN {row}.cause ELSE '' END",
            "{row}.standing",
            "{row}.is_old",
            "{row}.untrained_label",
        ),
        "1",
    ),
    "instances": (("{row}.state", "''", "''", "{false}", "''"), "1"),
    "deliveries": (("{row}.state", "''", "''", "{false}", "''"), "1"),
    "rejections": (("''", "{row}.cause", "''", "{false}", "''"), "{row}.number"),
}


def upgrade() -> None:
    # SQLite adds no stored columns, PostgreSQL before 18 has no others.
    persisted = True if op.get_bind().dialect.name == "postgresql" else None
    for name, kind, expression in _GENERATED:
        op.add_column("studies", sa.Column(name, kind, sa.Computed(expression, persisted=persisted)))
    op.drop_index("ix_studies_state", "studies")
    order = ["reading_rank", "reading_score", "opened_at", "id"]
    op.create_index("ix_studies_reading", "studies", [*order, "standing", "state", "last_instance_at"])
    op.create_index(
        "ix_studies_state_standing", "studies", ["state", "standing", "is_old", "last_instance_at"]
    )
    op.create_index("ix_studies_untrained_label", "studies", ["untrained_label", "last_instance_at"])
    dead = sa.text("state = 'dead'")
    op.create_index(
        "ix_deliveries_dead",
        "deliveries",
        ["destination", "result_id"],
        sqlite_where=dead,
        postgresql_where=dead,
    )
    _say_causes_of_refusals()
    op.create_table(
        "tallies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("counted", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("is_old", sa.Boolean(), nullable=False),
        sa.Column("untrained_label", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallies")),
    )
    for table in _COUNTED:
        _count(table)


def _say_causes_of_refusals() -> None:
    """Make a column of what was read out of sentences before."""
    unreadable = "instance cannot be read"
    op.add_column("rejections", sa.Column("cause", sa.String(32), server_default=unreadable, nullable=False))
    op.add_column("rejections", sa.Column("number", sa.Integer(), server_default="1", nullable=False))
    op.create_index("ix_rejections_rejected_at", "rejections", ["rejected_at"])
    op.execute(
        "UPDATE rejections SET cause = 'instance not as announced' "
        "WHERE reason LIKE '%is not the one of the command' OR reason LIKE '%is not that of its context'"
    )


def _count(table: str) -> None:
    """Count the rows that there are, and let triggers count what comes and goes."""
    columns = ", ".join(("counted", *_KEY, "number"))
    values, number = _values(table, table)
    op.execute(
        f"INSERT INTO tallies ({columns}) SELECT '{table}', {values}, SUM({number}) FROM {table} "
        f"GROUP BY {', '.join(str(place) for place in range(2, 2 + len(_KEY)))}"
    )
    gone, come = (
        f"INSERT INTO tallies ({columns}) SELECT '{table}', {_values(table, row)[0]}, {sign}{number_of};"
        for row, sign in (("OLD", "-"), ("NEW", ""))
        for number_of in (_values(table, row)[1],)
    )
    differs = "({}) <> ({})".format(*(", ".join(_values(table, row)) for row in ("OLD", "NEW")))
    for event, condition, body in (
        ("INSERT", "", come),
        ("DELETE", "", gone),
        ("UPDATE", f"WHEN ({differs})", gone + come),
    ):
        name = f"count_{table}_{event.lower()}"
        start = f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {condition}"
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {body} RETURN NULL; END $$"
            )
            op.execute(f"{start} EXECUTE FUNCTION {name}()")
        else:
            op.execute(f"{start} BEGIN {body} END")


def _values(table: str, row: str) -> tuple[str, str]:
    """Return what a row of a table is counted as, and for how many."""
    key, number = _COUNTED[table]
    false = "false" if op.get_bind().dialect.name == "postgresql" else "0"
    return ", ".join(part.format(row=row, false=false) for part in key), number.format(row=row)
