"""This module analyzes files without a daemon: no store, no network, the same findings and results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.config import Study
from daemon.intake import state_of
from daemon.lifecycle import InstanceState
from daemon.results import StudyResults, build_results
from daemon.spool import Spool
from daemon.store.values import ClaimedStudy, InstanceRecord
from dicom_io.decoder import Decoder
from dicom_io.eligibility import assess
from dicom_io.errors import DecodingInterrupted, UndecodablePixels, UnusableInstance
from dicom_io.instance import read_header
from models.ensemble import Ensemble
from models.errors import NonFiniteOutput, UnreadablePicture
from models.finding import StudyFinding, ViewFinding, ViewReading, study_finding
from models.picture import SUFFIXES, read_picture
from models.preprocess import preprocess

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfflineStudy:
    """The views of one study and their finding; None where nothing could be analyzed."""

    study: str
    views: tuple[OfflineView, ...]
    finding: StudyFinding | None


def analyze_file(path: Path, decoder: Decoder, ensemble: Ensemble, study: Study | None = None) -> OfflineView:
    """Analyze a DICOM file or a picture; whatever is wrong with it is told in `reason`.

    `study` says how headers are read, by default as without a configuration.
    """
    study = study or Study()
    if path.suffix.lower() in SUFFIXES:
        return _analyze_picture(path, ensemble)
    try:
        header = read_header(path, fallback_character_set=study.fallback_character_set)
    except UnusableInstance as error:
        return OfflineView(path=path, study=str(path), record=None, finding=None, reason=error.reason)
    # Whoever names a file wants it read, whatever region it says.
    eligibility = assess(header, unknown_region="analyze", words=study.words)
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
        projection=eligibility.projection,
        bundle_digest=ensemble.identity.digest,
        members=(),
    )
    finding: ViewFinding | None = None
    if state is InstanceState.RECEIVED:
        try:
            finding = _finding_of(path, decoder.read_view(path), ensemble)
            record = replace(
                record,
                state=InstanceState.ANALYZED,
                members=finding.members,
                input_check=finding.input_check,
            )
        except (UndecodablePixels, DecodingInterrupted, NonFiniteOutput) as error:
            reason = str(error)
            record = replace(record, state=InstanceState.UNREADABLE, reason=reason)
    return OfflineView(
        path=path, study=header.study_instance_uid, record=record, finding=finding, reason=reason
    )


def studies_of(
    views: Iterable[OfflineView], ensemble: Ensemble, *, operating_point: str
) -> list[OfflineStudy]:
    """Gather views into studies, in the order of their first view."""
    groups: dict[str, list[OfflineView]] = {}
    for view in views:
        groups.setdefault(view.study, []).append(view)
    return [
        OfflineStudy(study=study, views=tuple(group), finding=_finding(group, ensemble, operating_point))
        for study, group in groups.items()
    ]


def results_of(
    study: OfflineStudy, decoder: Decoder, ensemble: Ensemble, *, operating_point: str
) -> StudyResults | None:
    """Build the DICOM results of a study; None where its views are no DICOM instances."""
    records = tuple(view.record for view in study.views if view.record is not None)
    if not records:
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
        preprocessing=ensemble.preprocessing,
        operating_point=operating_point,
    )


def read_image(view: OfflineView, decoder: Decoder) -> NDArray[np.float32]:
    """Read the image of an analyzed view again, (rows, cols) float32 in [0, 1], 1 = white."""
    return read_picture(view.path) if view.record is None else decoder.read_view(view.path)


def _analyze_picture(path: Path, ensemble: Ensemble) -> OfflineView:
    finding: ViewFinding | None = None
    reason = ""
    try:
        finding = _finding_of(path, read_picture(path), ensemble)
    except (UnreadablePicture, NonFiniteOutput) as error:
        reason = str(error)
    return OfflineView(path=path, study=str(path), record=None, finding=finding, reason=reason)


def _finding_of(path: Path, image: NDArray[np.float32], ensemble: Ensemble) -> ViewFinding:
    reading: ViewReading
    (reading,) = ensemble.read(preprocess(image, ensemble.preprocessing)[None])
    return ViewFinding(view_id=str(path), members=reading.members, input_check=reading.input_check)


def _finding(views: Sequence[OfflineView], ensemble: Ensemble, operating_point: str) -> StudyFinding | None:
    found = [view.finding for view in views if view.finding is not None]
    if not found:
        return None
    return study_finding(found, bundle=ensemble.identity, operating_point=operating_point)
