"""This module makes of a study in the store the study that a report sees."""

from dataclasses import replace

from daemon.pipeline.reportable import LeftOut, ReportableStudy, ReportableView
from daemon.spool import Spool
from daemon.store.values import ClaimedStudy, InstanceRecord
from daemon.study.lifecycle import InstanceState
from dicom_io.objects.previous_report import PreviousReport
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region
from dicom_io.selection.shown import Shown
from models.finding import ViewReading
from sr_templates.reason import Withheld

# None is a source of the report: the first are its own children, the others stand beside the instance
# whose UID they bear.
_NO_SOURCES = frozenset({Exclusion.OWN_RESULT, Withheld.CONFLICTING_DUPLICATE, Withheld.REPLACED})


def reportable_study(claimed: ClaimedStudy, spool: Spool) -> ReportableStudy | None:
    """Return what a report of a claimed study is about; None where it holds nothing to report on.

    Answering our own results with a result would never end.
    """
    sources = [record for record in claimed.instances if record.exclusion not in _NO_SOURCES]
    if not sources:
        return None
    return ReportableStudy(
        views=tuple(_view(record, spool) for record in sources if record.state is InstanceState.ANALYZED),
        left_out=tuple(
            _left_out(record, spool) for record in sources if record.state is not InstanceState.ANALYZED
        ),
        analyzed_at=max(record.received_at for record in sources).astimezone(),
        revision=claimed.revision,
        previous=_previous(claimed),
    )


def _view(record: InstanceRecord, spool: Spool) -> ReportableView:
    return ReportableView(
        view_id=record.sop_instance_uid,
        path=spool.absolute(record.path),
        shown=_shown(record),
        reading=ViewReading(members=record.members, input_check=record.input_check, engine=record.engine),
        geometry=record.geometry,
    )


def _shown(record: InstanceRecord) -> Shown:
    return Shown(
        region=Region(record.region) if record.region else None,
        laterality=Laterality(record.laterality),
        laterality_conflict=record.laterality_conflict,
        projection=Projection(record.projection),
        age_caution=record.age_caution,
        minimum_age_years=record.minimum_age_years,
    )


def _left_out(record: InstanceRecord, spool: Spool) -> LeftOut:
    assert record.reason is not None, "what is not analyzed when its study closes has a reason"
    return LeftOut(
        path=spool.absolute(record.path),
        reason=record.reason,
        failed=record.state is InstanceState.UNREADABLE,
    )


def _previous(claimed: ClaimedStudy) -> PreviousReport | None:
    """Return the report before with its time in the zone of the site, where people read it."""
    if claimed.predecessor is None:
        return None
    return replace(claimed.predecessor, created_at=claimed.predecessor.created_at.astimezone())
