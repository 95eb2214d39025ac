"""This module analyzes files without a daemon: no store, no network, the same findings and results."""

from datetime import UTC, datetime
from errno import EIO
from pathlib import Path

from daemon.config.sections import Study
from daemon.pipeline.building import StudyResults, build_results
from daemon.pipeline.file_study import AnalyzedFile, FileStudy
from daemon.pipeline.reading import prepare, why_not_read
from daemon.pipeline.reportable import LeftOut, ReportableView
from daemon.study.beginning import beginning
from daemon.study.lifecycle import InstanceState
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from dicom_io.defects import Defect
from dicom_io.errors import DecodingInterrupted, UndecodablePixels, UnusableInstance
from dicom_io.reading.instance import InstanceHeader, read_header
from dicom_io.selection.age import AgeRule, ages_of
from dicom_io.selection.eligibility import Eligibility, assess
from dicom_io.selection.exclusion import MIN_SIDE, Exclusion
from dicom_io.selection.patient import PatientIdentity
from dicom_io.selection.shown import NOTHING_SAID, Shown
from models.bundle.manifest import OperatingPoint
from models.ensemble import Ensemble
from models.errors import NonFiniteOutput, UnjudgedView
from models.picture import SUFFIXES
from sr_templates.reason import Reason


def analyze_file(
    path: Path,
    decoder: Decoder,
    ensemble: Ensemble,
    *,
    operating_point: str,
    study: Study | None = None,
    is_picture: bool | None = None,
) -> AnalyzedFile:
    """Analyze a DICOM file or a picture; whatever is wrong with it is told in `reason`.

    Parameters
    ----------
    study
        How headers are read, by default as without a configuration.
    is_picture
        Whether the file is a picture; by default its suffix tells.
    """
    point = ensemble.identity.operating_point(operating_point)
    try:
        path.open("rb").close()
    except OSError as error:
        reason = Reason.because(Defect.FILE_UNREADABLE, errno=error.errno or EIO)
        state, came_at = InstanceState.UNREADABLE, datetime.now(UTC)
        return AnalyzedFile(path=path, study=str(path), state=state, came_at=came_at, reason=reason)
    if path.suffix.lower() in SUFFIXES if is_picture is None else is_picture:
        return _analyze_picture(path, decoder, ensemble, point)
    return _analyze_instance(path, decoder, ensemble, point, study or Study())


def results_of(study: FileStudy, decoder: Decoder) -> StudyResults | None:
    """Build the DICOM results of a study; None where there is nothing to report on, or two patients."""
    if study.judged is None or study.is_picture:
        return None
    about = study.judged.study
    return build_results(study.judged, decoder=decoder) if about.views or about.left_out else None


def read_image(file: AnalyzedFile, decoder: Decoder) -> View:
    """Read the image of an analyzed file again."""
    return decoder.read_view(file.path, picture=not file.sop_instance_uid)


def _analyze_instance(
    path: Path, decoder: Decoder, ensemble: Ensemble, point: OperatingPoint, study: Study
) -> AnalyzedFile:
    came_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        header = read_header(path, fallback_character_set=study.fallback_character_set)
    except UnusableInstance as error:
        state, reason = InstanceState.UNREADABLE, why_not_read(error)
        return AnalyzedFile(path=path, study=str(path), state=state, came_at=came_at, reason=reason)
    eligibility = _eligibility(header, study)
    state, why = beginning(eligibility)
    shown, view = _shown(eligibility), None
    if state is InstanceState.RECEIVED:
        try:
            view = _analyzed(path, shown, decoder.read_view(path), ensemble, point)
            state = InstanceState.ANALYZED
        except (UndecodablePixels, DecodingInterrupted, NonFiniteOutput, UnjudgedView) as error:
            state, why = InstanceState.UNREADABLE, why_not_read(error)
    is_source = eligibility.exclusion is not Exclusion.OWN_RESULT
    failed = state is InstanceState.UNREADABLE
    return AnalyzedFile(
        path=path,
        study=header.study_instance_uid,
        state=state,
        came_at=came_at,
        sop_instance_uid=header.sop_instance_uid,
        shown=shown,
        view=view,
        left_out=LeftOut(path=path, reason=why, failed=failed) if why and is_source else None,
        reason=why,
        patient=PatientIdentity(
            patient_id=header.patient_id,
            issuer_of_patient_id=header.issuer_of_patient_id,
            patient_name=header.patient_name,
        ),
    )


def _eligibility(header: InstanceHeader, study: Study) -> Eligibility:
    # Whoever names a file wants it read, whatever region and age it says.
    rule = AgeRule(minimum_age_years=study.minimum_age_years)
    ages = ages_of(header, rule, received_on=datetime.now(UTC).astimezone().date())
    return assess(header, unknown_region="analyze", words=study.words, ages=ages)


def _shown(eligibility: Eligibility) -> Shown:
    return Shown(
        region=eligibility.region,
        laterality=eligibility.laterality,
        laterality_conflict=", ".join(eligibility.laterality_conflict),
        projection=eligibility.projection,
        age_caution=eligibility.ages.caution,
        minimum_age_years=eligibility.ages.rule.minimum_age_years,
    )


def _analyze_picture(path: Path, decoder: Decoder, ensemble: Ensemble, point: OperatingPoint) -> AnalyzedFile:
    view: ReportableView | None = None
    reason: Reason | None = None
    state = InstanceState.UNREADABLE
    try:
        read = decoder.read_view(path, picture=True)
        if min(read.image.shape) < MIN_SIDE:
            reason, state = Reason.because(Exclusion.TOO_SMALL, least=MIN_SIDE), InstanceState.EXCLUDED
        else:
            view = _analyzed(path, NOTHING_SAID, read, ensemble, point)
            state = InstanceState.ANALYZED
    except (UndecodablePixels, DecodingInterrupted, NonFiniteOutput, UnjudgedView) as error:
        reason = why_not_read(error)
    came_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return AnalyzedFile(path=path, study=str(path), state=state, came_at=came_at, view=view, reason=reason)


def _analyzed(
    path: Path, shown: Shown, read: View, ensemble: Ensemble, point: OperatingPoint
) -> ReportableView:
    view = prepare(read, ensemble.preprocessing)
    (reading,) = ensemble.read(view.image[None])
    reading.require_judged(point)
    return ReportableView(view_id=str(path), path=path, shown=shown, reading=reading, geometry=view.geometry)
