"""Why an instance is not in use, and what is said of a delivery, are codes with details, no sentences.

Sentences of before become codes where they tell one; the others are kept as they are, under the code `told`.
The columns are added and dropped as the database itself does it: SQLite would lose the triggers that count
with a table that is built anew.
"""

import json
import re
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

# What the sentences of an exclusion have to tell beside its code.
_LIMITS = (
    ("too_small", re.compile(r"this image is smaller than (?P<least>\d+) x \d+ pixels")),
    ("patient_younger", re.compile(r"this patient is younger than (?P<years>\d+) years .*")),
    ("study_old", re.compile(r"this study is older than (?P<days>\d+) days .*")),
    ("too_many_views", re.compile(r"this study has more than (?P<most>\d+) views .*")),
)
_CONFLICT = re.compile(r"this image names more than one body part(?:: (?P<conflict>.*))?")
_PLAIN = frozenset(
    {
        "own_result",
        "not_radiograph",
        "for_processing",
        "localizer",
        "rejected_image",
        "quality_control",
        "multi_frame",
        "color",
        "no_pixel_data",
        "truncated_pixel_data",
        "transfer_syntax",
        "region_other",
        "region_unknown",
        "patient_age_unknown",
        "conflicting_duplicate",
        "replaced",
    }
)
_UNREADABLE = (
    ("no_number", re.compile(r"member (?P<member>\S+) gives no finite number for this view")),
    ("begun_too_often", re.compile(r"the analysis ended without an answer twice; the view is set aside")),
    (
        "unlike_radiograph",
        re.compile(
            r"the view (?:(?P<inverted>looks inverted \(black for white\))|(?P<tones>has unusual gray tones)"
            r"|(?P<content>looks unlike a radiograph of the training data)"
            r"|(?P<body_part>looks like another body part)), so its low score says nothing"
        ),
    ),
    ("pixels_absent", re.compile(r"the instance has no pixel data")),
    ("syntax_not_decoded", re.compile(r"transfer syntax (?P<transfer_syntax_uid>\S+) is not decoded here")),
)
_DELIVERIES = (
    ("warning_status", re.compile(r"warning status 0x(?P<status>[0-9A-F]{4})")),
    ("there_already", re.compile(r"it was there already \(status 0x(?P<status>[0-9A-F]{4})\)")),
    ("store_refused", re.compile(r"C-STORE refused with status 0x(?P<status>[0-9A-F]{4}): .*")),
    (
        "association_rejected",
        re.compile(
            r"association rejected: .* "
            r"\(result (?P<result>\d+), source (?P<source>\d+), reason (?P<reason>\d+)\)"
        ),
    ),
    ("no_association", re.compile(r"(?P<address>\S+) aborted or did not answer the association request")),
    ("association_ended", re.compile(r"the association ended before the instance was sent")),
    (
        "association_ended_unanswered",
        re.compile(r"the peer ended the association instead of answering C-STORE"),
    ),
    (
        "context_not_accepted",
        re.compile(
            r"the peer accepts no SOP class (?P<sop_class_uid>\S+) "
            r"in transfer syntax (?P<transfer_syntax_uid>[0-9.]+); .*"
        ),
    ),
    ("destination_gone", re.compile(r"the destination is no longer in the configuration")),
    ("patient_changed", re.compile(r"it names another patient than its study")),
)
_PARTS = re.compile(r"(?P<keyword>\w+) names (?P<label>a part that is not analyzed|\w+)")


def upgrade() -> None:
    for table in ("instances", "deliveries"):
        op.add_column(table, sa.Column("details", sa.Text(), server_default="{}", nullable=False))
    op.add_column("deliveries", sa.Column("remark", sa.String(32), server_default="", nullable=False))
    for exclusion, reason in _told(
        "SELECT DISTINCT exclusion, reason FROM instances WHERE exclusion <> '' OR reason <> ''"
    ):
        code, found = _of_instance(exclusion, _clause(reason))
        _write(
            "UPDATE instances SET exclusion = :code, details = :details "
            "WHERE exclusion = :exclusion AND reason = :reason",
            code=code,
            details=json.dumps(found, sort_keys=True),
            exclusion=exclusion,
            reason=reason,
        )
    for (reason,) in _told("SELECT DISTINCT reason FROM deliveries WHERE reason <> ''"):
        code, found = _first(_DELIVERIES, reason)
        _write(
            "UPDATE deliveries SET remark = :code, details = :details WHERE reason = :reason",
            code=code,
            details=json.dumps(found, sort_keys=True),
            reason=reason,
        )
    op.execute("ALTER TABLE instances DROP COLUMN reason")
    op.execute("ALTER TABLE deliveries DROP COLUMN reason")


def _of_instance(exclusion: str, reason: str) -> tuple[str, dict[str, str | int]]:
    """Return the code and the details of a sentence; an exclusion stays what it is."""
    if exclusion in _PLAIN:
        return exclusion, {}
    if exclusion == "region_multiple":
        said = _CONFLICT.fullmatch(reason)
        return exclusion, {"conflict": _conflict((said and said["conflict"]) or "")}
    return _first(_LIMITS if exclusion else _UNREADABLE, reason)


def _clause(sentence: str) -> str:
    """Return a sentence as the clause that reports made of it."""
    return re.sub(r"^This ", "this ", sentence).rstrip(".")


def _first(patterns: Iterable[tuple[str, re.Pattern[str]]], reason: str) -> tuple[str, dict[str, str | int]]:
    """Return what the first pattern that fits makes of a sentence; else the sentence itself, as `told`."""
    for code, pattern in patterns:
        if said := pattern.fullmatch(reason):
            return code, _details(code, said.groupdict())
    return "told", {"words": reason}


def _details(code: str, said: dict[str, str | None]) -> dict[str, str | int]:
    if code == "unlike_radiograph":
        return {"warning": next(name for name, words in said.items() if words).replace("_", " ")}
    return {
        name: int(text, 16) if name == "status" else int(text) if text.isdigit() else text
        for name, text in said.items()
        if text
    }


def _conflict(said: str) -> str:
    """Return who names which part: "BodyPartExamined names wrist" is "BodyPartExamined WRIST"."""
    return ", ".join(
        f"{part['keyword']} {'other' if ' ' in part['label'] else part['label'].upper()}"
        for part in _PARTS.finditer(said)
    )


def _told(query: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in op.get_bind().execute(sa.text(query)).all()]


def _write(statement: str, **values: str) -> None:
    op.get_bind().execute(sa.text(statement), values)
