"""Results are built kind by kind, and nobody beyond the registry knows the kinds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from pydicom import dcmread

from daemon.config.configuration import Config
from daemon.config.sections import Destination
from daemon.pipeline.kinds.kind import BuiltResult, Kind, Material
from daemon.pipeline.kinds.registry import KINDS
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.reporter import Reporter
from daemon.store.database import Store
from daemon.store.result_kind import ResultKind
from daemon.store.shown import ResultRecord
from daemon.store.worklist import study_detail
from dicom_io.objects.common import Place, derived_dataset
from dicom_io.selection.exclusion import Exclusion
from sr_templates.reason import Code, Reason, Withheld
from tests.daemon import store_factory
from tests.daemon.built import Bright
from tests.factories import make_instance, uid, write_instance
from tests.sr_templates.builders import bundle

BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"


def _write_note(material: Material) -> Iterator[BuiltResult]:
    content = material.content
    place = Place(
        sop_class_uid=BASIC_TEXT_SR,
        sop_instance_uid=content.facts.uid("note", uid(1)),
        series_instance_uid=content.facts.uid("note-series", uid(1)),
        modality="SR",
        series_number=9999,
        instance_number=1,
    )
    ds = derived_dataset(content.patient_source, content.facts, place)
    score = "nothing" if content.finding is None else f"{content.finding.score:.2f}"
    ds.ImageComments = f"P(fracture) {score}"
    yield BuiltResult(kind="note", dataset=ds)


NOTE = Kind(name="note", build=_write_note)


def destination(name: str, *kinds: str) -> Destination:
    """Return a destination that asks for kinds, also for those that the registry does not know."""
    plain = Destination(name=name, ae_title="PACS", host="127.0.0.1", port=104)
    return plain.model_copy(update={"results": kinds})


def report(store: Store, spool: Spool, kinds: Sequence[Kind], *destinations: Destination) -> None:
    """Let the reporter report study 1, whose files lie in the spool."""
    for number, record in enumerate(study_detail(store, uid(1)).instances, start=1):
        path = spool.absolute(record.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_instance(make_instance(instance=number), path)
    config = Config(destinations=destinations)
    reporter = Reporter(
        store, spool, Bright(), config, bundle=bundle(digest=store_factory.DIGEST), kinds=kinds
    )
    assert reporter.step(StageProcess(StageName.REPORTER, store))


def results(store: Store) -> tuple[ResultRecord, ...]:
    return study_detail(store, uid(1)).results


def kinds_sent_to(store: Store, name: str) -> list[str]:
    return [
        result.kind
        for result in results(store)
        for delivery in result.deliveries
        if delivery.destination == name
    ]


def test_a_kind_of_ones_own_is_built_stored_and_sent_to_who_asks_for_it(sqlite_only: Store, spool: Spool):
    store_factory.analyzed_study(sqlite_only, 1, view_count=2)
    wanting, usual = destination("wanting", "note"), destination("usual", "sr", "sc")
    report(sqlite_only, spool, (*KINDS, NOTE), wanting, usual)

    assert [result.kind for result in results(sqlite_only)] == ["sc", "sc", "sr", "note"]
    note = dcmread(spool.absolute(results(sqlite_only)[-1].path))
    assert (note.SOPClassUID, note.ImageComments) == (BASIC_TEXT_SR, "P(fracture) 0.50")
    assert kinds_sent_to(sqlite_only, "wanting") == ["note"]
    assert kinds_sent_to(sqlite_only, "usual") == ["sc", "sc", "sr"]


def test_only_the_kinds_of_the_registry_are_built(sqlite_only: Store, spool: Spool):
    store_factory.analyzed_study(sqlite_only, 1)
    report(sqlite_only, spool, (NOTE,), destination("usual", "sr", "sc"))
    assert [result.kind for result in results(sqlite_only)] == ["note"]
    assert kinds_sent_to(sqlite_only, "usual") == []


def test_a_study_without_a_view_has_a_report_and_no_picture(sqlite_only: Store, spool: Spool):
    store_factory.record(sqlite_only, store_factory.excluded(1))
    report(sqlite_only, spool, KINDS, destination("usual", "sr", "sc"))
    assert kinds_sent_to(sqlite_only, "usual") == ["sr"]


def test_every_kind_of_the_registry_can_be_asked_for_and_no_other():
    assert sorted(kind.name for kind in KINDS) == sorted(ResultKind)


def test_each_kind_is_a_series_of_its_own(sqlite_only: Store, spool: Spool):
    store_factory.analyzed_study(sqlite_only, 1)
    report(sqlite_only, spool, KINDS)
    read = [dcmread(spool.absolute(r.path), stop_before_pixels=True) for r in results(sqlite_only)]
    assert len({ds.SeriesNumber for ds in read}) == len({ds.SeriesInstanceUID for ds in read}) == len(KINDS)


@pytest.mark.parametrize("code", [Exclusion.OWN_RESULT, Withheld.CONFLICTING_DUPLICATE])
def test_what_is_no_source_is_in_no_report(sqlite_only: Store, spool: Spool, code: Code):
    store_factory.analyzed_study(sqlite_only, 1)
    store_factory.record(
        sqlite_only, replace(store_factory.excluded(1, 2), reason=Reason(code)), now=store_factory.after(900)
    )
    report(sqlite_only, spool, KINDS)
    (path,) = (r.path for r in results(sqlite_only) if r.kind == "sr")
    sr = dcmread(spool.absolute(path))
    (study,) = sr.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence] == [uid(1, 1, 1)]
    clock = store_factory.NOW.astimezone()
    assert (sr.ContentDate, sr.ContentTime[:6]) == (f"{clock:%Y%m%d}", f"{clock:%H%M%S}")


def test_a_study_of_our_own_results_alone_is_not_answered(sqlite_only: Store, spool: Spool):
    store_factory.record(sqlite_only, replace(store_factory.excluded(1), reason=Reason(Exclusion.OWN_RESULT)))
    report(sqlite_only, spool, KINDS, destination("usual", "sr", "sc"))
    assert results(sqlite_only) == ()
