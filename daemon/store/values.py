"""This module holds the values that go into the store and come out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from daemon.store.result_kind import ResultKind
from daemon.study.lifecycle import InstanceState
from dicom_io.objects.previous_report import PreviousReport
from dicom_io.selection.age import AgeCaution
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.patient import PatientIdentity
from models.finding import MemberFinding, ViewGeometry
from models.places import Place
from models.reference.drift import InputCheck, InputWarning
from sr_templates.reason import Reason


class Recorded(Enum):
    """What became of an instance that was handed to the store."""

    NEW = "new"
    IDENTICAL = "identical"
    CONFLICTING = "conflicting"
    REPLACING = "replacing"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyIdentity:
    """The study-level attributes that people need to know a study by; patient data."""

    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    accession_number: str
    study_date: str
    study_description: str

    @property
    def patient(self) -> PatientIdentity:
        """Who the study says that it shows."""
        return PatientIdentity(
            patient_id=self.patient_id,
            issuer_of_patient_id=self.issuer_of_patient_id,
            patient_name=self.patient_name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedInstance:
    """An instance whose file is durable in the spool, ready to be recorded.

    Attributes
    ----------
    state
        RECEIVED where it is a view to analyze, else EXCLUDED or UNREADABLE with a reason.
    source
        Where it came from: ``AET@host``, or ``folder``.
    association_id
        The association that brought it; empty for files from folders.
    priority
        Rank 0 (STAT) to 3 (LOW).
    is_old
        Whether its study was made long before it came.
    device
        Manufacturer and model of what made it.
    age_caution, minimum_age_years
        A caution of `dicom_io.selection.age`, and the age below which it is given.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    identity: StudyIdentity
    sha256: str
    path: str
    size_bytes: int
    source: str
    association_id: str
    priority: int
    state: InstanceState
    reason: Reason | None
    region: str
    laterality: str
    laterality_conflict: str
    projection: str
    is_old: bool = False
    device: str = ""
    age_caution: str = ""
    minimum_age_years: int = 0

    @property
    def exclusion(self) -> str:
        """Why it is not in use, as a code; empty where it is."""
        return "" if self.reason is None else self.reason.code


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedView:
    """A view that the claimer is to analyze."""

    id: int
    study_instance_uid: str
    sop_instance_uid: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRecord:
    """What the store knows of one instance; `members` is empty unless it is analyzed.

    `engine` is what computed its numbers, as in `models.finding.ViewReading`. `input_check` compares a view
    with the training data; None where nobody did. `geometry` is that of the
    image as stored; None where nobody kept it. `places` are those of the newest report. `minimum_age_years`
    is the age below which `age_caution` was given when the instance came; the configuration may ask another
    since.
    """

    sop_instance_uid: str
    sop_class_uid: str
    path: str
    received_at: datetime
    source: str
    state: InstanceState
    reason: Reason | None
    region: str
    laterality: str
    laterality_conflict: str
    projection: str
    bundle_digest: str
    engine: str
    members: tuple[MemberFinding, ...]
    input_check: InputCheck | None = None
    geometry: ViewGeometry | None = None
    places: tuple[Place, ...] = ()
    age_caution: AgeCaution | None = None
    minimum_age_years: int = 0

    @property
    def exclusion(self) -> str:
        """Why it is not in use, as a code; empty where it is."""
        return "" if self.reason is None else self.reason.code

    @property
    def warning(self) -> InputWarning | None:
        """In what way the view differs from the training data; None where it does not, or nobody knows."""
        return None if self.input_check is None else self.input_check.warning


@dataclass(frozen=True, slots=True)
class ViewKind:
    """What a view shows, as far as its header says."""

    region: str
    laterality: Laterality
    projection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStudy:
    """A study none of whose views waits for analysis, as the closing rule sees it.

    Attributes
    ----------
    view_kinds
        Of each instance that was chosen for analysis.
    """

    id: int
    generation: int
    collecting_since: datetime
    last_instance_at: datetime
    association_open: bool
    view_kinds: tuple[ViewKind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedStudy:
    """A closed study that the claimer is to report."""

    id: int
    study_instance_uid: str
    generation: int
    revision: int
    opened_at: datetime
    instances: tuple[InstanceRecord, ...]
    predecessor: PreviousReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResult:
    """A built result whose bytes are durable."""

    kind: str
    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    source_sop_instance_uid: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a study's report says, and the results that say it.

    Attributes
    ----------
    score, part
        P(abnormal) of the study, and the part that has it where the study shows several; None where nothing
        was analyzed.
    target
        What was looked for, as a noun; empty where the report is about nothing.
    not_analyzed
        Why nothing was analyzed, as a clause; empty where something was.
    places
        By the SOP Instance UID of their view.
    deliveries
        (index into `results`, destination name) of every delivery that is due.
    """

    category: str
    score: float | None = None
    part: str = ""
    target: str = ""
    model_label: str
    trained: bool = True
    summary: str
    not_analyzed: str = ""
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    results: tuple[NewResult, ...]
    deliveries: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """A result that the claimer is to send."""

    id: int
    study_instance_uid: str
    sop_instance_uid: str
    kind: ResultKind
    path: str
    attempts: int
