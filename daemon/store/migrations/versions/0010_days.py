"""Counts of studies that have ended, by the day of their last instance: weeks are not counted one by one."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_COLUMNS = "counted, state, cause, standing, is_old, untrained_label, day, number"

# What a row of `studies` is counted as, in the order of `_COLUMNS`; `{day}` differs by database.
_KEY = (
    "'studies', {row}.state, CASE WHEN {row}.state = 'failed' THEN {row}.cause ELSE '' END, "
    "{row}.standing, {row}.is_old, {row}.untrained_label, "
    "CASE WHEN {row}.state IN ('delivered', 'not_analyzed') AND NOT {row}.is_old THEN {day} ELSE '' END"
)


def upgrade() -> None:
    op.add_column("tallies", sa.Column("day", sa.String(10), server_default="", nullable=False))
    for event in ("insert", "delete", "update"):
        _drop(f"count_studies_{event}")
    op.execute("DELETE FROM tallies WHERE counted = 'studies'")
    op.execute(
        f"INSERT INTO tallies ({_COLUMNS}) SELECT {_key('studies')}, COUNT(*) FROM studies "
        "GROUP BY 2, 3, 4, 5, 6, 7"
    )
    come, gone = (
        f"INSERT INTO tallies ({_COLUMNS}) SELECT {_key(row)}, {number};"
        for row, number in (("NEW", "1"), ("OLD", "-1"))
    )
    _trigger("insert", "", come)
    _trigger("delete", "", gone)
    _trigger("update", f"WHEN (({_key('OLD')}) <> ({_key('NEW')}))", gone + come)


def _key(row: str) -> str:
    column = f"{row}.last_instance_at"
    day = f"to_char({column}, 'YYYY-MM-DD')" if _is_postgresql() else f"substr({column}, 1, 10)"
    return _KEY.format(row=row, day=day)


def _drop(name: str) -> None:
    if _is_postgresql():
        op.execute(f"DROP TRIGGER {name} ON studies")
        op.execute(f"DROP FUNCTION {name}()")
    else:
        op.execute(f"DROP TRIGGER {name}")


def _trigger(event: str, condition: str, body: str) -> None:
    name = f"count_studies_{event}"
    start = f"CREATE TRIGGER {name} AFTER {event.upper()} ON studies FOR EACH ROW {condition}"
    if _is_postgresql():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NULL; END $$"
        )
        op.execute(f"{start} EXECUTE FUNCTION {name}()")
    else:
        op.execute(f"{start} BEGIN {body} END")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
