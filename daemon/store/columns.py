"""This module holds the columns that the tables share, and those that the database computes by itself."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    DateTime,
    Dialect,
    Float,
    Integer,
    String,
    Text,
    TypeDecorator,
    text,
)

from daemon.couriers.remark import Remark
from dicom_io.details import details_text
from sr_templates.reason import Reason

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""How indices and constraints are named, so that a migration can name them too."""

Uid = String(64)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, stored without its zone so that SQLite and PostgreSQL hold the same."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what is stored; refuses a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime in the store must be aware")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Return the aware datetime that was stored."""
        return None if value is None else value.replace(tzinfo=UTC)


def lease() -> tuple[Column[str], Column[datetime], Column[int]]:
    """Return the columns of work that is claimed: by whom, until when, and how often it was begun."""
    return (
        Column("lease_owner", String(128)),
        Column("lease_until", UtcDateTime),
        Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    )


READING_ORDER = "reading_rank", "reading_score", "opened_at", "id"
"""The columns by which the worklist is read: category, then rank, then score, then age; old studies last."""

DEAD = text("state = 'dead'")
"""Which deliveries will not go without a person."""

OLD_RANK = 100
"""The least `reading_rank` of an old study."""

# A study that failed before its present views were reported has no finding that counts, whatever an earlier
# revision said; one whose results merely could not be delivered keeps its category.
_STANDING = """CASE
WHEN state = 'failed' AND (
  category = '' OR closed_at IS NULL OR cause IN ('patient mismatch', 'confirmation needed')
) THEN 'failed'
WHEN category = '' THEN 'in progress'
ELSE category END"""

# What was found decides before what somebody expected. Nobody may take the silence of ulna for an answer, so
# what it could not read, or has not read yet, comes before what it read and did not flag.
_READING_RANK = """CASE WHEN is_old THEN 100 ELSE 0 END + priority + CASE category
WHEN 'likely' THEN 0
WHEN 'suspected' THEN 10
WHEN 'not flagged' THEN 30
ELSE 20 END"""


def reading() -> tuple[Column[str], Column[int], Column[float], Column[str]]:
    """Return the columns by which studies are listed; the database computes them from others.

    `standing` is what a study is to its reader, a value of `daemon.store.shown.Standing`. A smaller
    `reading_rank` is read first, and so is a smaller `reading_score`, which is the score with its sign
    changed. `untrained_label` is the model where it was never trained, else empty.
    """
    return (
        Column("standing", String(16), Computed(_STANDING)),
        Column("reading_rank", Integer, Computed(_READING_RANK)),
        Column("reading_score", Float, Computed("- COALESCE(score, 0)")),
        Column("untrained_label", Text, Computed("CASE WHEN trained THEN '' ELSE model_label END")),
    )


def kind() -> tuple[Column[str], Column[str], Column[str], Column[bool], Column[str]]:
    """Return the columns that say what is counted together; what does not apply is empty."""
    return (
        Column("state", String(16), nullable=False),
        Column("cause", String(32), nullable=False),
        Column("standing", String(16), nullable=False),
        Column("is_old", Boolean, nullable=False),
        Column("untrained_label", Text, nullable=False),
    )


def coded(name: str) -> tuple[Column[str], Column[str]]:
    """Return the columns of a code and of its details, a JSON object; an empty code says nothing."""
    return (
        Column(name, String(32), nullable=False, default="", server_default=""),
        Column("details", Text, nullable=False, default="{}", server_default="{}"),
    )


def reason_values(reason: Reason | None) -> dict[str, str]:
    """Return what an instance's columns hold of why it is not in use."""
    if reason is None:
        return {"exclusion": "", "details": "{}"}
    return {"exclusion": reason.code, "details": details_text(reason.details)}


def remark_values(remark: Remark | None) -> dict[str, str]:
    """Return what a delivery's columns hold of what there is to say of it."""
    if remark is None:
        return {"remark": "", "details": "{}"}
    return {"remark": remark.code, "details": details_text(remark.details)}
