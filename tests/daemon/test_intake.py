"""An instance is taken in whole, or refused with a reason; either way nothing lies around."""

import errno
import logging
import re
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000MC,
    CTImageStorage,
    DigitalXRayImageStorageForProcessing,
    EncapsulatedPDFStorage,
)
from sqlalchemy import text, update

from daemon.config.configuration import Config
from daemon.errors import IntakeRefused
from daemon.intake import Arrival, Intake
from daemon.intake_rule import IntakeRule
from daemon.spool import Spool
from daemon.store.database import open_store
from daemon.store.listing import worklist_entries
from daemon.store.location import database_url
from daemon.store.patients import PATIENT_MISMATCH
from daemon.store.retention import purge_studies
from daemon.store.tables import instances, studies
from daemon.store.values import Recorded
from daemon.store.worklist import recent_rejections, study_detail
from daemon.study.lifecycle import InstanceState, StudyState
from daemon.study.priority import Priority
from dicom_io.network.store_status import StoreStatus
from dicom_io.selection.age import AgeCaution, AgeRule
from dicom_io.selection.exclusion import MIN_SIDE, Exclusion
from sr_templates.reason import Reason, Withheld, clause
from tests.daemon.postgresql import Cluster
from tests.daemon.store_factory import NOW
from tests.factories import encode, make_instance, uid

RULE = IntakeRule(
    unknown_region="exclude",
    stat_calling_ae_titles=frozenset({"EMERGENCY"}),
    min_free_bytes=0,
    max_open_studies=100,
)


ASKED = AgeRule(minimum_age_years=18, max_age_days=14)


def intake_of(store, spool, **changes) -> Intake:
    rule = {name: getattr(RULE, name) for name in IntakeRule.__slots__} | changes
    return Intake(spool, store, IntakeRule(**rule), lambda: NOW)


@pytest.fixture
def intake(sqlite_only, spool) -> Intake:
    return intake_of(sqlite_only, spool)


def arrival(spool: Spool, content: bytes, **announced) -> Arrival:
    """Return content as it comes from the network."""
    file = spool.incoming / f"{uuid.uuid4().hex}.dcm"
    file.write_bytes(content)
    usual = {"source": "MODALITY@10.0.0.5", "calling_ae_title": "MODALITY", "association_id": "a"}
    return Arrival(path=file, **(usual | announced))


def take(intake: Intake, ds=None, **announced) -> Recorded:
    content = encode(make_instance() if ds is None else ds)
    return intake.accept(arrival(intake.spool, content, **announced))


def refuse(intake: Intake, content: bytes, **announced) -> IntakeRefused:
    with pytest.raises(IntakeRefused) as refusal:
        intake.accept(arrival(intake.spool, content, **announced))
    return refusal.value


def first_instance(intake: Intake):
    return study_detail(intake.store, uid(1)).instances[0]


def is_tidy(spool: Spool) -> bool:
    return list(spool.incoming.iterdir()) == []


def test_instance_is_durable_and_recorded(intake):
    assert take(intake) is Recorded.NEW
    detail = study_detail(intake.store, uid(1))
    (view,) = detail.instances
    assert (view.state, view.source) == (InstanceState.RECEIVED, "MODALITY@10.0.0.5")
    assert (view.region, view.laterality, view.projection) == ("WRIST", "R", "frontal")
    assert intake.spool.absolute(view.path).read_bytes() == encode(make_instance())
    assert detail.entry.identity.patient_id == "TEST-1"
    assert detail.entry.opened_at == NOW
    assert is_tidy(intake.spool)


def test_identical_repeat_is_no_news(intake):
    take(intake)
    assert take(intake, association_id="b") is Recorded.IDENTICAL
    assert len(study_detail(intake.store, uid(1)).instances) == 1
    assert is_tidy(intake.spool)


def test_repeat_by_another_program_is_identical(intake):
    take(intake)
    again = make_instance()
    again.file_meta.SourceApplicationEntityTitle = "ANOTHER"
    assert take(intake, again) is Recorded.IDENTICAL


def test_same_uid_with_other_bytes_is_kept_beside(intake):
    take(intake)
    assert take(intake, make_instance(SeriesDescription="Wrist PA 2")) is Recorded.CONFLICTING
    first, second = study_detail(intake.store, uid(1)).instances
    assert second.exclusion == Withheld.CONFLICTING_DUPLICATE
    assert intake.spool.absolute(first.path).exists()
    assert intake.spool.absolute(second.path).exists()


def stored(spool: Spool) -> list[str]:
    return [str(file.relative_to(spool.data_dir)) for file in spool.stored_files()]


def test_same_instance_over_two_associations_at_once_leaves_one_file(store, spool):
    other = intake_of(store, spool)

    def meanwhile() -> datetime:
        # The clock is read when the file is in its place and the row is not yet written.
        assert take(other, association_id="other") is Recorded.NEW
        return NOW

    assert take(replace(other, clock=meanwhile), association_id="first") is Recorded.IDENTICAL
    kept = first_instance(other)
    assert stored(spool) == [kept.path]
    assert spool.absolute(kept.path).read_bytes() == encode(make_instance())
    assert is_tidy(spool)


@pytest.mark.parametrize("version", ["this", "earlier"])
def test_instance_that_comes_again_while_its_old_study_goes_keeps_its_file(store, spool, version):
    intake = intake_of(store, spool)
    take(intake)
    path = first_instance(intake).path
    if version == "earlier":  # its files were named by their content alone
        path = re.sub("-.*", ".dcm", path)
        spool.absolute(first_instance(intake).path).rename(spool.absolute(path))
    with store.write() as connection:
        connection.execute(update(instances).values(path=path))
        connection.execute(update(studies).values(state=StudyState.DELIVERED))
    assert take(intake) is Recorded.IDENTICAL
    gone = purge_studies(store, closed_before=NOW + timedelta(days=1))
    assert gone == (path,)
    assert take(intake) is Recorded.NEW
    spool.remove(gone)
    kept = first_instance(intake)
    assert stored(spool) == [kept.path]
    assert spool.absolute(kept.path).read_bytes() == encode(make_instance())


def test_two_patients_in_a_study_fail_it(intake):
    take(intake)
    take(intake, make_instance(instance=2, PatientID="TEST-2"))
    entry = study_detail(intake.store, uid(1)).entry
    assert (entry.state, entry.reason) == (StudyState.FAILED, PATIENT_MISMATCH)


def test_corrected_instance_is_durable_in_place_of_the_first(intake):
    take(intake)
    take(intake, make_instance(instance=2, PatientID="TEST-2"))
    right = make_instance(instance=2, SeriesDescription="Wrist PA 2")
    assert take(intake, right) is Recorded.REPLACING
    detail = study_detail(intake.store, uid(1))
    assert [one.exclusion for one in detail.instances] == ["", Withheld.REPLACED, ""]
    assert (detail.entry.state, detail.entry.revision) == (StudyState.OPEN, 2)
    assert sorted(stored(intake.spool)) == sorted(one.path for one in detail.instances)
    assert intake.spool.absolute(detail.instances[2].path).read_bytes() == encode(right)
    assert is_tidy(intake.spool)


def test_first_bytes_that_are_used_again_keep_their_file(intake):
    first = make_instance(instance=2)
    take(intake)
    take(intake, first)
    take(intake, make_instance(instance=2, PatientID="TEST-2"))
    assert take(intake, first) is Recorded.IDENTICAL
    detail = study_detail(intake.store, uid(1))
    assert [one.exclusion for one in detail.instances] == ["", "", Withheld.REPLACED]
    assert detail.entry.state is StudyState.OPEN
    assert sorted(stored(intake.spool)) == sorted(one.path for one in detail.instances)


def test_correction_is_taken_back_by_the_first_bytes(intake):
    take(intake)
    take(intake, make_instance(PatientID="TEST-2"))
    assert study_detail(intake.store, uid(1)).entry.identity.patient_id == "TEST-2"
    take(intake)
    detail = study_detail(intake.store, uid(1))
    assert detail.entry.identity.patient_id == "TEST-1"
    assert [one.exclusion for one in detail.instances] == ["", Withheld.REPLACED]


def test_correction_whose_file_is_gone_changes_nothing(intake, monkeypatch):
    take(intake)
    take(intake, make_instance(instance=2, PatientID="TEST-2"))
    before = study_detail(intake.store, uid(1))

    def gone(_self: Spool, _path: str) -> None:
        raise FileNotFoundError(errno.ENOENT, "no such file")

    monkeypatch.setattr(Spool, "require", gone)
    refusal = refuse(intake, encode(make_instance(instance=2, SeriesDescription="Wrist PA 2")))
    assert refusal.status is StoreStatus.OUT_OF_RESOURCES
    assert study_detail(intake.store, uid(1)) == before


def test_views_beyond_the_configured_number_are_set_aside(sqlite_only, spool):
    config = Config.model_validate({"storage": {"min_free_bytes": 0}, "study": {"max_views_per_study": 1}})
    intake = Intake(spool, sqlite_only, IntakeRule.from_config(config), lambda: NOW)
    take(intake)
    take(intake, make_instance(instance=2))
    first, second = study_detail(sqlite_only, uid(1)).instances
    assert (first.state, second.exclusion) == (InstanceState.RECEIVED, Withheld.TOO_MANY_VIEWS)
    assert spool.absolute(second.path).exists()


def test_missing_type_2_elements_are_no_hindrance(intake):
    ds = make_instance()
    for keyword in ("PatientName", "PatientID", "AccessionNumber", "StudyDate", "StudyTime", "StudyID"):
        delattr(ds, keyword)
    take(intake, ds)
    assert first_instance(intake).state is InstanceState.RECEIVED


def without_pixels(**elements):
    ds = make_instance(**elements)
    del ds.PixelData
    return ds


def with_truncated_pixels():
    content = encode(make_instance())
    return content[:-1000]


def compressed_in_an_unknown_way():
    ds = make_instance(transfer_syntax_uid=JPEG2000MC)
    ds.PixelData = encapsulate([bytes(1000)])
    ds["PixelData"].VR = "OB"
    return ds


NOT_A_VIEW = {
    "other region": (
        lambda: make_instance(BodyPartExamined="CHEST", SeriesDescription="Chest PA", StudyDescription="XR"),
        InstanceState.EXCLUDED,
        Exclusion.REGION_OTHER,
    ),
    "unknown region": (
        lambda: make_instance(BodyPartExamined="", SeriesDescription="PA", StudyDescription="XR"),
        InstanceState.EXCLUDED,
        Exclusion.REGION_UNKNOWN,
    ),
    "no radiograph": (
        lambda: make_instance(sop_class_uid=CTImageStorage),
        InstanceState.EXCLUDED,
        Exclusion.NOT_RADIOGRAPH,
    ),
    "a document": (
        lambda: without_pixels(sop_class_uid=EncapsulatedPDFStorage),
        InstanceState.EXCLUDED,
        Exclusion.NOT_RADIOGRAPH,
    ),
    "raw data": (
        lambda: make_instance(sop_class_uid=DigitalXRayImageStorageForProcessing),
        InstanceState.EXCLUDED,
        Exclusion.FOR_PROCESSING,
    ),
    "our own result": (
        lambda: make_instance(Manufacturer="ulna"),
        InstanceState.EXCLUDED,
        Exclusion.OWN_RESULT,
    ),
    "no pixel data": (without_pixels, InstanceState.UNREADABLE, Exclusion.NO_PIXEL_DATA),
    "truncated pixel data": (
        with_truncated_pixels,
        InstanceState.UNREADABLE,
        Exclusion.TRUNCATED_PIXEL_DATA,
    ),
    "unsupported transfer syntax": (
        compressed_in_an_unknown_way,
        InstanceState.UNREADABLE,
        Exclusion.TRANSFER_SYNTAX,
    ),
}


@pytest.mark.parametrize(("make", "state", "exclusion"), NOT_A_VIEW.values(), ids=NOT_A_VIEW.keys())
def test_what_cannot_be_analyzed_is_kept_with_its_reason(intake, make, state, exclusion):
    made = make()
    content = made if isinstance(made, bytes) else encode(made)
    assert intake.accept(arrival(intake.spool, content)) is Recorded.NEW
    kept = first_instance(intake)
    assert (kept.state, kept.exclusion) == (state, exclusion)
    assert clause(kept.reason) == clause(Reason(exclusion, {"least": MIN_SIDE}))
    assert intake.spool.absolute(kept.path).read_bytes() == content
    assert study_detail(intake.store, uid(1)).entry.state is StudyState.OPEN
    assert is_tidy(intake.spool)


def test_site_can_analyze_what_does_not_say_its_region(sqlite_only, spool):
    intake = intake_of(sqlite_only, spool, unknown_region="analyze")
    take(intake, make_instance(BodyPartExamined="", SeriesDescription="PA", StudyDescription="XR"))
    assert (first_instance(intake).state, first_instance(intake).region) == (InstanceState.RECEIVED, "")


def cut_off(keyword: str) -> bytes:
    """Return an instance whose bytes end within an element."""
    ds = make_instance()
    content = encode(ds)
    return content[: content.index(str(ds[keyword].value).encode()) + 3]


def without_data_set() -> bytes:
    content = encode(make_instance())
    return content[: 144 + int.from_bytes(content[140:144], "little")]


REFUSED = {
    "empty": (b"", "DICM"),
    "not DICOM": (b"%PDF-1.7 " * 100, "DICM"),
    "zeros": (bytes(10_000), "DICM"),
    "truncated data set": (cut_off("StudyDescription"), "truncated"),
    "no data set": (without_data_set(), "holds no data set"),
    "no StudyInstanceUID": (encode(make_instance(StudyInstanceUID="")), "StudyInstanceUID is missing"),
    "a UID that is no UID": (
        encode(make_instance()).replace(uid(1).encode(), (b"../" * 30)[: len(uid(1))]),
        "is not a UID",
    ),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_instance_is_refused_and_the_refusal_is_recorded(intake, content, reason):
    refusal = refuse(intake, content, sop_instance_uid=uid(1, 1, 1))
    assert refusal.status is StoreStatus.CANNOT_UNDERSTAND
    assert reason in refusal.reason
    (rejection,) = recent_rejections(intake.store, limit=9)
    assert (rejection.reason, rejection.source) == (refusal.reason, "MODALITY@10.0.0.5")
    assert (rejection.sop_instance_uid, rejection.rejected_at) == (uid(1, 1, 1), NOW)
    assert list(worklist_entries(intake.store)) == []
    assert is_tidy(intake.spool)


@pytest.mark.parametrize(
    "announced",
    [{"sop_instance_uid": uid(9)}, {"sop_class_uid": CTImageStorage}],
    ids=lambda one: next(iter(one)),
)
def test_instance_that_is_not_the_announced_one_is_refused(intake, announced):
    refusal = refuse(intake, encode(make_instance()), **announced)
    assert refusal.status is StoreStatus.DATA_SET_MISMATCH
    assert "not the one of the command" in refusal.reason
    assert recent_rejections(intake.store, limit=9)[0].reason == refusal.reason
    assert is_tidy(intake.spool)


def test_announced_uid_that_is_none_is_not_written_down(intake):
    refuse(intake, encode(make_instance()), sop_instance_uid="Testcase^Wrist")
    assert recent_rejections(intake.store, limit=9)[0].sop_instance_uid == ""


def test_full_disk_is_answered_out_of_resources_and_ends_by_itself(sqlite_only, spool):
    full = intake_of(sqlite_only, spool, min_free_bytes=2**62)
    refusal = refuse(full, encode(make_instance()))
    assert refusal.status is StoreStatus.OUT_OF_RESOURCES
    assert "disk is full" in refusal.reason
    assert recent_rejections(sqlite_only, limit=9) == ()
    assert is_tidy(spool)
    assert take(intake_of(sqlite_only, spool)) is Recorded.NEW


def test_repeat_is_acknowledged_even_when_the_disk_is_full(intake, sqlite_only, spool):
    take(intake)
    full = intake_of(sqlite_only, spool, min_free_bytes=2**62)
    assert take(full) is Recorded.IDENTICAL


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"), (errno.EROFS, "cannot be written")],
)
def test_spool_that_cannot_be_written_is_answered_out_of_resources(intake, monkeypatch, number, reason):
    def fail(_self: Spool, _incoming: Path, _digest: str) -> str:
        raise OSError(number, "as the operating system says")

    monkeypatch.setattr(Spool, "adopt", fail)
    refusal = refuse(intake, encode(make_instance()))
    assert refusal.status is StoreStatus.OUT_OF_RESOURCES
    assert reason in refusal.reason
    assert list(worklist_entries(intake.store)) == []
    assert is_tidy(intake.spool)


@pytest.mark.parametrize("table", ["instances", "studies"])
def test_store_that_cannot_be_used_is_answered_out_of_resources(tmp_path, spool, postgresql: Cluster, table):
    for url in (database_url("", tmp_path), postgresql.create_database()):
        store = open_store(url)
        with store.write() as connection:
            connection.execute(text(f"ALTER TABLE {table} RENAME TO gone"))
        refusal = refuse(intake_of(store, spool), encode(make_instance()))
        store.close()
        assert refusal.status is StoreStatus.OUT_OF_RESOURCES
        assert is_tidy(spool)


def test_full_queue_takes_no_new_study_but_completes_the_known_ones(sqlite_only, spool):
    intake = intake_of(sqlite_only, spool, max_open_studies=1)
    take(intake)
    refusal = refuse(intake, encode(make_instance(study=2)))
    assert refusal.status is StoreStatus.OUT_OF_RESOURCES
    assert "max_open_studies = 1" in refusal.reason
    assert take(intake, make_instance(instance=2)) is Recorded.NEW


@pytest.mark.parametrize(
    ("elements", "announced", "rank"),
    [
        ({}, {}, 2),
        ({}, {"dimse_priority": 1}, 1),
        ({}, {"dimse_priority": 2}, 3),
        ({"RequestedProcedurePriority": "STAT"}, {"dimse_priority": 2}, 0),
        ({}, {"calling_ae_title": "EMERGENCY"}, 0),
    ],
)
def test_rank_comes_from_the_procedure_the_command_or_the_sender(intake, elements, announced, rank):
    take(intake, make_instance(**elements), **announced)
    assert study_detail(intake.store, uid(1)).entry.priority == rank


OLD = "20190301"
FRESH = "20260301"


@pytest.mark.parametrize(
    ("elements", "announced"),
    [
        ({"RequestedProcedurePriority": "STAT"}, {"dimse_priority": 1}),
        ({}, {"calling_ae_title": "EMERGENCY"}),
    ],
)
def test_an_old_study_is_analyzed_at_the_lowest_rank_whoever_sends_it(
    sqlite_only, spool, elements, announced
):
    intake = intake_of(sqlite_only, spool, ages=ASKED)
    take(intake, make_instance(StudyDate=OLD, **elements), **announced)
    detail = study_detail(sqlite_only, uid(1))
    assert (detail.entry.is_old, detail.entry.priority) == (True, Priority.LOW)
    assert first_instance(intake).state is InstanceState.RECEIVED


def test_one_fresh_instance_makes_a_study_fresh_for_good(store, spool):
    intake = intake_of(store, spool, ages=ASKED)
    take(intake, make_instance(StudyDate=OLD))
    fresh = make_instance(instance=2, StudyDate=FRESH, RequestedProcedurePriority="STAT")
    take(intake, fresh)
    take(intake, make_instance(instance=3, StudyDate=OLD))
    entry = study_detail(store, uid(1)).entry
    assert (entry.is_old, entry.priority) == (False, Priority.STAT)


def test_an_old_study_is_excluded_where_the_site_says_so(sqlite_only, spool):
    intake = intake_of(sqlite_only, spool, ages=replace(ASKED, beyond_max_age="exclude"))
    take(intake, make_instance(StudyDate=OLD))
    kept = first_instance(intake)
    assert (kept.state, kept.exclusion) == (InstanceState.EXCLUDED, Exclusion.STUDY_OLD)
    assert clause(kept.reason) == "this study is older than 14 days (study.max_age_days)"
    assert study_detail(sqlite_only, uid(1)).entry.is_old


@pytest.mark.parametrize(
    ("born", "caution"),
    [("20160212", AgeCaution.YOUNGER), ("", AgeCaution.UNKNOWN), ("19700101", None)],
)
def test_the_caution_about_a_patients_age_is_recorded_with_the_age_that_was_asked(
    store, spool, born, caution
):
    intake = intake_of(store, spool, ages=ASKED)
    take(intake, make_instance(StudyDate=FRESH, PatientBirthDate=born))
    kept = first_instance(intake)
    assert (kept.state, kept.age_caution, kept.minimum_age_years) == (InstanceState.RECEIVED, caution, 18)


@pytest.mark.parametrize(
    ("born", "reason"),
    [
        ("20160212", "this patient is younger than 18 years (study.minimum_age_years)"),
        ("", "this patient's age is not known (study.minimum_age_years)"),
    ],
)
def test_a_child_is_excluded_where_the_site_says_so(sqlite_only, spool, caplog, born, reason):
    intake = intake_of(sqlite_only, spool, ages=replace(ASKED, below_minimum_age="exclude"))
    with caplog.at_level(logging.DEBUG):
        take(
            intake, make_instance(StudyDate=FRESH, PatientBirthDate=born, PatientAge="010Y" if born else None)
        )
    kept = first_instance(intake)
    assert (kept.state, clause(kept.reason)) == (InstanceState.EXCLUDED, reason)
    said = " ".join(str(vars(one)) for one in caplog.records)
    assert "20160212" not in said
    assert "010Y" not in said


def test_log_tells_uids_and_reasons_and_no_patient(intake, caplog):
    with caplog.at_level(logging.DEBUG):
        take(intake)
        refuse(intake, cut_off("StudyDescription"))
    fields = [str(vars(record)) for record in caplog.records]
    assert [record.getMessage() for record in caplog.records] == ["instance recorded", "instance refused"]
    assert uid(1, 1, 1) in fields[0]
    assert not [one for one in fields if "Testcase" in one or "TEST-1" in one]


def test_rule_is_that_of_the_configuration():
    rule = IntakeRule.from_config(Config())
    assert (rule.unknown_region, rule.stat_calling_ae_titles) == ("exclude", frozenset())
    assert (rule.min_free_bytes, rule.max_open_studies) == (2_000_000_000, 2_000)
    assert rule.ages == ASKED
