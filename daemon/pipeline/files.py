"""This module analyzes files without a daemon: no store, no network, the same findings and results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from daemon.config.sections import Study
from daemon.intake import state_of
from daemon.pipeline.building import StudyResults, build_results, part_shown
from daemon.spool import Spool
from daemon.store.values import ClaimedStudy, InstanceRecord
from daemon.study.lifecycle import InstanceState
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from dicom_io.errors import DecodingInterrupted, UndecodablePixels, UnusableInstance
from dicom_io.reading.instance import read_header
from dicom_io.selection.age import AgeRule, age_clause, ages_of
from dicom_io.selection.eligibility import assess
from dicom_io.selection.exclusion import MIN_SIDE, Exclusion
from dicom_io.selection.parts import NOWHERE, parts_of
from dicom_io.selection.patient import NOBODY, PatientIdentity
from models.bundle.manifest import OperatingPoint
from models.ensemble import Ensemble
from models.errors import NonFiniteOutput, UnjudgedView, UnreadablePicture
from models.finding import ViewFinding, ViewGeometry, ViewReading
from models.picture import SUFFIXES, read_picture
from models.preprocess import preprocess
from models.study_finding import StudyFinding, study_finding

# Records hold absolute paths here, so the spool that resolves them may lie anywhere.
ANYWHERE = Spool(Path("/"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfflineView:
    """One file and what became of it.

    Attributes
    ----------
    study
        Study Instance UID; for a picture its path, since a picture names no study.
    record
        What the store would hold; None for pictures.
    finding
        None where the file was not analyzed, and then `reason` says why.
    """

    path: Path
    study: str
    record: InstanceRecord | None
    finding: ViewFinding | None
    reason: str
    patient: PatientIdentity = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfflineStudy:
    """The views of one study and their finding.

    Attributes
    ----------
    finding
        None where nothing could be analyzed, or where the views are of two patients.
    two_patients
        Whether they are; such a study has no results.
    """

    study: str
    views: tuple[OfflineView, ...]
    finding: StudyFinding | None
    two_patients: bool

    @property
    def age_caution(self) -> str:
        """The caution about the patient's age in one sentence; empty if there is none. No picture has one."""
        records = [view.record for view in self.views if view.record is not None and view.finding]
        clause = age_clause([(record.age_caution, record.minimum_age_years) for record in records])
        return f"CAUTION: {clause}." if clause else ""


def analyze_file(
    path: Path, decoder: Decoder, ensemble: Ensemble, *, operating_point: str, study: Study | None = None
) -> OfflineView:
    """Analyze a DICOM file or a picture; whatever is wrong with it is told in `reason`.

    `study` says how headers are read, by default as without a configuration.
    """
    study = study or Study()
    point = ensemble.identity.operating_point(operating_point)
    try:
        path.open("rb").close()
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror}"
        return OfflineView(path=path, study=str(path), record=None, finding=None, reason=reason)
    if path.suffix.lower() in SUFFIXES:
        return _analyze_picture(path, ensemble, point)
    try:
        header = read_header(path, fallback_character_set=study.fallback_character_set)
    except UnusableInstance as error:
        return OfflineView(path=path, study=str(path), record=None, finding=None, reason=error.reason)
    # Whoever names a file wants it read, whatever region and age it says.
    rule = AgeRule(minimum_age_years=study.minimum_age_years)
    ages = ages_of(header, rule, received_on=datetime.now(UTC).astimezone().date())
    eligibility = assess(header, unknown_region="analyze", words=study.words, ages=ages)
    state, reason = state_of(eligibility)
    record = InstanceRecord(
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        path=str(path.resolve()),
        received_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        source="file",
        state=state,
        reason=reason,
        exclusion=eligibility.exclusion or "",
        region=eligibility.region or "",
        laterality=eligibility.laterality,
        laterality_conflict=", ".join(eligibility.laterality_conflict),
        projection=eligibility.projection,
        bundle_digest=ensemble.identity.digest,
        members=(),
        age_caution=ages.caution,
        minimum_age_years=rule.minimum_age_years,
    )
    finding: ViewFinding | None = None
    if state is InstanceState.RECEIVED:
        try:
            finding = _finding_of(path, decoder.read_view(path), ensemble, point)
            record = replace(
                record,
                state=InstanceState.ANALYZED,
                members=finding.members,
                input_check=finding.input_check,
                geometry=finding.geometry,
            )
        except (UndecodablePixels, DecodingInterrupted, NonFiniteOutput, UnjudgedView) as error:
            reason = str(error)
            record = replace(record, state=InstanceState.UNREADABLE, reason=reason)
    return OfflineView(
        path=path,
        study=header.study_instance_uid,
        record=record,
        finding=finding,
        reason=reason,
        patient=PatientIdentity(
            patient_id=header.patient_id,
            issuer_of_patient_id=header.issuer_of_patient_id,
            patient_name=header.patient_name,
        ),
    )


def studies_of(
    views: Iterable[OfflineView], ensemble: Ensemble, *, operating_point: str
) -> list[OfflineStudy]:
    """Gather views into studies, in the order of their first view."""
    groups: dict[str, list[OfflineView]] = {}
    for view in views:
        groups.setdefault(view.study, []).append(view)
    return [_study_of(study, group, ensemble, operating_point) for study, group in groups.items()]


def results_of(
    study: OfflineStudy, decoder: Decoder, ensemble: Ensemble, *, operating_point: str
) -> StudyResults | None:
    """Build the DICOM results of a study; None where its views are no DICOM instances, or of two patients."""
    records = tuple(view.record for view in study.views if view.record is not None)
    if not records or study.two_patients:
        return None
    claimed = ClaimedStudy(
        id=0,
        study_instance_uid=study.study,
        generation=0,
        revision=1,
        opened_at=min(record.received_at for record in records),
        instances=records,
        predecessor=None,
    )
    return build_results(
        claimed,
        spool=ANYWHERE,
        decoder=decoder,
        bundle=ensemble.identity,
        operating_point=operating_point,
    )


def read_image(view: OfflineView, decoder: Decoder) -> View:
    """Read the image of an analyzed view again."""
    return View(image=read_picture(view.path)) if view.record is None else decoder.read_view(view.path)


def _analyze_picture(path: Path, ensemble: Ensemble, point: OperatingPoint) -> OfflineView:
    finding: ViewFinding | None = None
    reason = ""
    try:
        image = read_picture(path)
        if min(image.shape) < MIN_SIDE:
            reason = Exclusion.TOO_SMALL.sentence
        else:
            finding = _finding_of(path, View(image=image), ensemble, point)
    except (UnreadablePicture, NonFiniteOutput, UnjudgedView) as error:
        reason = str(error)
    return OfflineView(path=path, study=str(path), record=None, finding=finding, reason=reason)


def _finding_of(path: Path, view: View, ensemble: Ensemble, point: OperatingPoint) -> ViewFinding:
    reading: ViewReading
    (reading,) = ensemble.read(preprocess(view.image, ensemble.preprocessing, view.pixel_aspect)[None])
    reading.require_judged(point)
    rows, columns = view.image.shape
    return ViewFinding(
        view_id=str(path),
        members=reading.members,
        input_check=reading.input_check,
        geometry=ViewGeometry(rows=rows, columns=columns, pixel_aspect=view.pixel_aspect),
    )


def _study_of(
    study: str, views: Sequence[OfflineView], ensemble: Ensemble, operating_point: str
) -> OfflineStudy:
    two_patients = any(one.patient.contradicts(other.patient) for one, other in combinations(views, 2))
    finding = None if two_patients else _finding(views, ensemble, operating_point)
    located = {} if finding is None else {view.view_id: view for view in finding.views}
    return OfflineStudy(
        study=study,
        views=tuple(replace(view, finding=located.get(str(view.path), view.finding)) for view in views),
        finding=finding,
        two_patients=two_patients,
    )


def _finding(views: Sequence[OfflineView], ensemble: Ensemble, operating_point: str) -> StudyFinding | None:
    found = [(view, view.finding) for view in views if view.finding is not None]
    if not found:
        return None
    parts = parts_of([part_shown(view.record) if view.record else NOWHERE for view, _ in found])
    return study_finding(
        [replace(finding, part=part.name) for (_, finding), part in zip(found, parts, strict=True)],
        bundle=ensemble.identity,
        operating_point=operating_point,
    )
