"""Where a study's results come from.

This module holds the facts that all results of one revision share, and the few words made of them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pydicom.uid import UID

from dicom_io.uids import derived_uid

NOT_FOR_DIAGNOSIS = "not for diagnostic use"

_LONGEST_DESCRIPTION = 64  # LO (PS3.5 6.2)


class Verdict(StrEnum):
    """What a series of results says of its study, in the words of its description."""

    LIKELY = "flagged (likely)"
    SUSPECTED = "flagged (suspected)"
    NOT_FLAGGED = "not flagged"
    NOT_ANALYZED = "not analyzed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFacts:
    """Where a study's results come from.

    Attributes
    ----------
    verdict
        What they say of the study.
    revision
        Number of the study's report, from 1.
    replaces_report_of
        When the report that this one replaces was made, aware, in the time zone of the site; None for the
        first one.
    claim
        The same as words within a sentence, such as "no fracture suspected".
    target
        What was looked for, as a noun: "fracture".
    sources
        Of each instance that the results are about: its SOP Instance UID, and what was read of it.
    model_name, model_version
        Of the bundle; together at most 53 ASCII characters, so that a label fits into 64.
    bundle_digest
        64 hex digits; changes whenever a weight or the manifest does.
    engine
        What computed the numbers, and in which precision: "torch float32"; empty where nothing was analyzed.
    settings
        What the kind of the result is told beside these facts and the study, as text.
    trained
        False marks every result UNTRAINED.
    operating_point
        Name and threshold of what raises the flag, e.g. ``"sensitive 0.5"``.
    software_version
        Release of ulna.
    analyzed_at
        When the analysis began, aware, in the time zone of the site: without an offset in the source, it
        is read beside local times such as (0008,0030) *Study Time*.
    """

    verdict: Verdict
    revision: int
    replaces_report_of: datetime | None = None
    claim: str
    target: str
    sources: tuple[str, ...]
    model_name: str
    model_version: str
    bundle_digest: str
    trained: bool
    engine: str
    settings: str = ""
    operating_point: str
    software_version: str
    analyzed_at: datetime

    def __post_init__(self) -> None:
        if self.revision < 1:
            raise ValueError(f"revision must be at least 1, not {self.revision}")
        if self.analyzed_at.tzinfo is None:
            raise ValueError("analyzed_at must be aware")

    @property
    def model_label(self) -> str:
        """Name and version of the bundle for people."""
        return f"{self.model_name} {self.model_version}" + ("" if self.trained else " UNTRAINED")

    @property
    def device_uid(self) -> UID:
        """The algorithm as a device (IHE AIR 6.5.3): another bundle or release is another device."""
        return derived_uid("device", (), self.bundle_digest, self.software_version)

    @property
    def series_description(self) -> str:
        """Text for (0008,103E) *Series Description*, at most 64 characters, for eyes and routing rules.

        It begins with "ulna flagged", "ulna not flagged" or "ulna not analyzed". What there is no room for
        is said shorter, then not at all: the target stands in the results themselves.
        """
        verdicts = {
            Verdict.LIKELY: f"flagged (likely {self.target})",
            Verdict.SUSPECTED: f"flagged (suspected {self.target})",
            Verdict.NOT_FLAGGED: f"not flagged for {self.target}",
        }
        untrained = "" if self.trained else ", UNTRAINED"
        revision = f", revision {self.revision}" if self.revision > 1 else ""
        wordings = [
            f"ulna {verdict}{untrained}, {usage}{revision}"
            for verdict in (verdicts.get(self.verdict, str(self.verdict)), str(self.verdict))
            for usage in (NOT_FOR_DIAGNOSIS, "no diagnosis")
        ]
        return next(wording for wording in wordings if len(wording) <= _LONGEST_DESCRIPTION)

    @property
    def revision_clause(self) -> str:
        """Which report this one replaces, in words; empty for the first one."""
        if self.replaces_report_of is None:
            return ""
        return f"revision {self.revision}, replaces the report of {self.replaces_report_of:%Y-%m-%d %H:%M}"

    def uid(self, kind: str, subject: str) -> UID:
        """Return the UID of what is made of a view or a study, named by its UID; equal facts, equal UID.

        One UID has one content, so all that shapes the content is part of it. The times are: a study that was
        forgotten and comes again may give other content.
        """
        return derived_uid(
            kind,
            self.sources,
            subject,
            self.bundle_digest,
            self.engine,
            self.operating_point,
            self.settings,
            self.software_version,
            str(self.revision),
            *(
                moment.astimezone(UTC).isoformat()
                for moment in (self.analyzed_at, self.replaces_report_of)
                if moment is not None
            ),
        )
