"""The report that a revision supersedes, as a value that loads no DICOM library."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousReport:
    """The report of the revision before, which the next one supersedes; `created_at` is aware."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    created_at: datetime
