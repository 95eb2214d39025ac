"""The store opens at its newest schema, alike on both databases."""

import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Timer

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from daemon.couriers.remark import Note, Remark, remark_words
from daemon.errors import SchemaTooNew
from daemon.store import database
from daemon.store.database import open_store
from daemon.store.listing import worklist_entries
from daemon.store.location import database_url
from daemon.store.refusals import record_rejection
from daemon.store.result_kind import ResultKind
from daemon.store.schema import SCHEMA
from daemon.store.shown import Refusal, Rejection, Standing
from daemon.store.tables import instances, metadata, studies
from daemon.store.tallies import counts, ended_after
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from dicom_io.defects import Defect
from dicom_io.faults import Fault
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region
from models.reference.drift import InputWarning
from models.study_finding import TriageCategory
from sr_templates.reason import Reason, Withheld, clause
from tests.daemon.postgresql import Cluster
from tests.daemon.store_factory import (
    NOW,
    analyzed_study,
    delivered_study,
    identity,
    received,
    record,
    reported_study,
    said,
    sqlite_store,
    why,
)
from tests.factories import uid


def test_migrations_build_the_schema_of_the_tables(store):
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_schema_that_is_asked_for_is_the_newest_migration():
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert scripts.get_current_head() == SCHEMA


def test_store_of_a_newer_ulna_is_refused(tmp_path, postgresql: Cluster):
    for url in (database_url("", tmp_path), postgresql.create_database()):
        store = open_store(url)
        with store.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        store.close()
        with pytest.raises(SchemaTooNew, match="schema 9999"):
            open_store(url)


def test_opening_again_keeps_what_is_recorded(store):
    record(store, received())
    again = open_store(store.engine.url.render_as_string(hide_password=False))
    with again.read() as connection:
        assert connection.scalars(select(studies.c.study_instance_uid)).all() == [
            received().study_instance_uid
        ]
    again.close()


PATIENT = ("patient_id", "issuer_of_patient_id", "patient_name")
NEW_SINCE_0012 = {"stages": ("notice",)}
NEW_SINCE_0008 = {"instances": ("engine",)}
NEW_SINCE_0006 = {"instances": (*NEW_SINCE_0008["instances"], *PATIENT), "results": PATIENT}
NEW_SINCE_0_3 = {
    "studies": ("measurement_id", "cause", "not_analyzed", "trained"),
    "instances": ("device", *NEW_SINCE_0006["instances"]),
    "results": PATIENT,
}
NEW_SINCE_0_2 = {
    "studies": ("issuer_of_patient_id", "is_old", "part", "target", *NEW_SINCE_0_3["studies"]),
    "instances": (
        "laterality_conflict",
        "age_caution",
        "minimum_age_years",
        "image_rows",
        "image_columns",
        "pixel_aspect",
        "places",
        *NEW_SINCE_0_3["instances"],
    ),
    "results": PATIENT,
}


NEW_SINCE_0005 = {
    "studies": ("standing", "reading_rank", "reading_score", "untrained_label"),
    "rejections": ("cause", "number"),
}


def drop_worklist(connection: Connection) -> None:
    """Take back what the sixth schema brought, and later ones to tables that it had."""
    drop_columns(connection, NEW_SINCE_0012)
    on_postgresql = connection.dialect.name == "postgresql"
    for table in ("studies", "instances", "deliveries", "rejections"):
        for change in ("insert", "update", "delete"):
            name = f"count_{table}_{change}"
            statement = f"DROP FUNCTION {name} CASCADE" if on_postgresql else f"DROP TRIGGER {name}"
            connection.execute(text(statement))
    for index in (
        "ix_studies_reading",
        "ix_studies_state_standing",
        "ix_studies_untrained_label",
        "ix_deliveries_dead",
        "ix_rejections_rejected_at",
    ):
        connection.execute(text(f"DROP INDEX {index}"))
    drop_columns(connection, NEW_SINCE_0005)
    connection.execute(text("DROP TABLE tallies"))
    connection.execute(text("CREATE INDEX ix_studies_state ON studies (state)"))


def drop_days(connection: Connection) -> None:
    """Take back what the tenth schema brought, and later ones; triggers of the former names count nothing."""
    drop_columns(connection, NEW_SINCE_0012)
    on_postgresql = connection.dialect.name == "postgresql"
    for change in ("insert", "update", "delete"):
        name = f"count_studies_{change}"
        start = f"CREATE TRIGGER {name} AFTER {change} ON studies"
        if on_postgresql:
            connection.execute(
                text(
                    f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                    "AS $$ BEGIN RETURN NULL; END $$"
                )
            )
        else:
            connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text(f"{start} BEGIN SELECT 1; END"))
    connection.execute(text("ALTER TABLE tallies DROP COLUMN day"))


def drop(connection: Connection, columns: Mapping[str, Sequence[str]]) -> None:
    sentences_again(connection)
    drop_worklist(connection)
    for table in ("events", "measurements"):
        connection.execute(text(f"DROP TABLE {table}"))
    drop_columns(connection, columns)


def sentences_again(connection: Connection) -> None:
    """Take back what the eleventh and the twelfth schema brought; what was told stands in sentences."""
    for table in ("studies", "instances", "deliveries"):
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN reason TEXT NOT NULL DEFAULT ''"))
    details = ("details",)
    drop_columns(connection, {"studies": details, "instances": details, "deliveries": ("remark", *details)})


def drop_columns(connection: Connection, columns: Mapping[str, Sequence[str]]) -> None:
    for table, names in columns.items():
        for name in names:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {name}"))


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_store_of_the_first_schema_keeps_its_rows(tmp_path, postgresql: Cluster, database_kind):
    url = database_url("", tmp_path) if database_kind == "sqlite" else postgresql.create_database()
    newest = open_store(url)
    analyzed_study(newest, view_count=2)
    with newest.write() as connection:
        drop(connection, NEW_SINCE_0_2)
        for column in ("input_distance", "input_warning"):
            connection.execute(text(f"ALTER TABLE instances DROP COLUMN {column}"))
        connection.execute(text("ALTER TABLE activations DROP COLUMN vote"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        assert {c["name"] for c in inspect(connection).get_columns("instances")}.isdisjoint(
            {"input_distance", "input_warning"}
        )
    newest.close()

    migrated = open_store(url)

    detail = study_detail(migrated, received().study_instance_uid)
    assert [[member.vote for member in view.members] for view in detail.instances] == [[1.0, 1.0]] * 2
    assert [(view.state, view.input_check) for view in detail.instances] == [
        (InstanceState.ANALYZED, None)
    ] * 2
    assert detail.entry.warned_view_count == 0
    migrated.close()


def test_store_of_release_0_2_keeps_its_studies(store):
    analyzed_study(store, view_count=2)
    with store.write() as connection:
        drop(connection, NEW_SINCE_0_2)
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    detail = study_detail(migrated, received().study_instance_uid)
    identity = detail.entry.identity
    assert (identity.patient_id, identity.issuer_of_patient_id) == ("TEST-1", "")
    assert detail.entry.is_old is False
    assert (detail.entry.part, detail.entry.target) == ("", "")
    assert {(view.age_caution, view.minimum_age_years) for view in detail.instances} == {(None, 0)}
    assert {(view.geometry, view.places) for view in detail.instances} == {(None, ())}
    migrated.close()


def test_store_of_release_0_3_turns_sentences_into_facts(store):
    for number in (1, 2, 3):
        delivered_study(store, number)
    sentences = {
        1: "state = 'failed', reason = 'patient_mismatch'",
        2: "model_label = 'ensemble200 0.1.0 UNTRAINED'",
        3: "model_label = 'ensemble200 0.1.0', category = 'not analyzed', summary = 'because of x'",
    }
    with store.write() as connection:
        drop(connection, NEW_SINCE_0_3)
        for number, values in sentences.items():
            where = f"study_instance_uid = '{received(number).study_instance_uid}'"
            connection.execute(text(f"UPDATE studies SET {values} WHERE {where}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    mismatch, untrained, empty = (
        study_detail(migrated, received(number).study_instance_uid) for number in sentences
    )
    assert (mismatch.entry.cause, mismatch.events) == ("patient mismatch", ())
    assert [study.entry.trained for study in (mismatch, untrained, empty)] == [False, False, True]
    with migrated.read() as connection:
        said = connection.scalars(text("SELECT not_analyzed FROM studies ORDER BY id")).all()
    assert said == ["", "", "because of x"]
    migrated.close()


def test_instances_and_results_of_before_name_the_patient_of_their_study(store):
    delivered_study(store, 1)
    delivered_study(store, 2)
    record(store, received(2, 2, identity=identity(9)))
    with store.write() as connection:
        drop_days(connection)
        sentences_again(connection)
        drop_columns(connection, NEW_SINCE_0006)
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    with migrated.read() as connection:
        named = {
            table: connection.execute(
                text(f"SELECT DISTINCT study_id, patient_id, patient_name FROM {table} ORDER BY study_id")
            ).all()
            for table in ("instances", "results")
        }
    one, two = sorted({row.study_id for row in named["results"]})
    assert named["results"] == [(one, "TEST-1", "Testcase^Wrist"), (two, "TEST-2", "Testcase^Wrist")]
    # Which of two patients an instance names, only its header says.
    assert named["instances"] == [(one, "TEST-1", "Testcase^Wrist"), (two, None, None)]
    migrated.close()


def test_store_of_before_superseded_deliveries_supersedes_what_an_older_report_had_to_send(store):
    reported_study(store, destinations=("pacs", "viewer"))
    reported_study(store, view_count=2, destinations=("pacs",))
    reported_study(store, 2)
    with store.write() as connection:
        connection.execute(text("UPDATE deliveries SET state = 'waiting' WHERE state = 'superseded'"))
        connection.execute(
            text("UPDATE deliveries SET state = 'dead' WHERE id = (SELECT min(id) FROM deliveries)")
        )
        drop_days(connection)
        sentences_again(connection)
        drop_columns(connection, NEW_SINCE_0008)
        connection.execute(text("UPDATE alembic_version SET version_num = '0007'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    stood = [
        (result.revision, delivery.destination, delivery.state)
        for number in (1, 2)
        for result in study_detail(migrated, received(number).study_instance_uid).results
        for delivery in result.deliveries
    ]
    assert stood == [
        *[(1, "pacs", "superseded"), (1, "viewer", "pending")] * 2,
        *[(2, "pacs", "pending")] * 3,
        *[(1, "pacs", "pending")] * 2,
    ]
    migrated.close()


def test_views_that_were_analyzed_before_engines_had_names_are_torchs(store):
    analyzed_study(store, view_count=1)
    record(store, received(1, 2))
    with store.write() as connection:
        drop_days(connection)
        sentences_again(connection)
        drop_columns(connection, NEW_SINCE_0008)
        connection.execute(text("UPDATE alembic_version SET version_num = '0008'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    views = study_detail(migrated, received().study_instance_uid).instances
    assert [view.engine for view in views] == ["torch float32", ""]
    migrated.close()


OLD_REASONS = [
    ("localizer", "this is a localizer, not a diagnostic view", Reason(Exclusion.LOCALIZER)),
    (
        "patient_younger",
        "this patient is younger than 18 years (study.minimum_age_years)",
        Reason.because(Exclusion.PATIENT_YOUNGER, years=18),
    ),
    (
        "region_multiple",
        "this image names more than one body part: SeriesDescription names finger, "
        "StudyDescription names a part that is not analyzed",
        Reason.because(
            Exclusion.REGION_MULTIPLE, conflict="SeriesDescription FINGER, StudyDescription other"
        ),
    ),
    (
        "too_many_views",
        "this study has more than 40 views (study.max_views_per_study)",
        Reason.because(Withheld.TOO_MANY_VIEWS, most=40),
    ),
    (
        "",
        "member first gives no finite number for this view",
        Reason.because(Withheld.NO_NUMBER, member="first"),
    ),
    (
        "",
        "the view looks inverted (black for white), so its low score says nothing",
        Reason.because(Withheld.UNLIKE_RADIOGRAPH, warning="inverted"),
    ),
    (
        "",
        "PixelData is truncated: 3 bytes present, 4 expected",
        why("PixelData is truncated: 3 bytes present, 4 expected"),
    ),
    ("", "", None),
]
OLD_REMARKS = [
    ("warning status 0xB000", Remark.that(Note.WARNING_STATUS, status=0xB000)),
    (
        "C-STORE refused with status 0xA700: out of resources",
        Remark.that(Fault.STORE_REFUSED, status=0xA700),
    ),
    (
        "association rejected: called AE title not recognized (result 1, source 1, reason 7)",
        Remark.that(Fault.ASSOCIATION_REJECTED, result=1, source=1, reason=7),
    ),
    ("no answer within 30 s", said("no answer within 30 s")),
    ("", None),
]


def test_sentences_of_release_0_4_become_codes_or_stay_readable(store):
    reported_study(store, 2, view_count=len(OLD_REMARKS) - 1, destinations=("pacs",))
    record(store, *(received(1, number) for number in range(1, len(OLD_REASONS) + 1)))
    with store.write() as connection:
        drop_days(connection)
        sentences_again(connection)
        for number, (exclusion, sentence, _) in enumerate(OLD_REASONS, start=1):
            connection.execute(
                text("UPDATE instances SET exclusion = :e, reason = :r WHERE sop_instance_uid = :u"),
                {"e": exclusion, "r": sentence, "u": received(1, number).sop_instance_uid},
            )
        for number, (sentence, _) in enumerate(OLD_REMARKS, start=1):
            connection.execute(
                text("UPDATE deliveries SET reason = :r WHERE id = :i"), {"r": sentence, "i": number}
            )
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    before = counts(store)
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    found = study_detail(migrated, received().study_instance_uid).instances
    assert [one.reason for one in found] == [reason for _, _, reason in OLD_REASONS]
    assert [clause(one.reason) for one in found] == [sentence for _, sentence, _ in OLD_REASONS]
    remarks = [
        delivery.remark
        for result in study_detail(migrated, received(2).study_instance_uid).results
        for delivery in result.deliveries
    ]
    assert remarks == [remark for _, remark in OLD_REMARKS]
    assert [remark_words(remark) for remark in remarks] == [sentence for sentence, _ in OLD_REMARKS]
    # The triggers that count are still there.
    record(migrated, received(9))
    assert counts(migrated).instances == {
        **before.instances,
        InstanceState.RECEIVED: before.instances[InstanceState.RECEIVED] + 1,
    }
    migrated.close()


def test_store_of_the_events_lists_and_counts_what_it_holds(store):
    delivered_study(store, 1, score=0.2)
    reported_study(store, 2, score=0.9)
    analyzed_study(store, 3)
    for reason in ("broken", "SOPClassUID of the data set is not the one of the command"):
        record_rejection(store, Rejection(rejected_at=NOW, source="folder", reason=reason))
    before, listed = counts(store), list(worklist_entries(store))
    with store.write() as connection:
        sentences_again(connection)
        drop_worklist(connection)
        drop_columns(connection, NEW_SINCE_0006)
        connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    assert list(worklist_entries(migrated)) == listed
    now = counts(migrated)
    assert set(now.studies) == set(before.studies)
    assert (now.instances, now.deliveries) == (before.instances, before.deliveries)
    assert now.refusals == {Refusal.UNREADABLE: 1, Refusal.NOT_AS_ANNOUNCED: 1}
    delivered_study(migrated, 4)
    assert len(list(worklist_entries(migrated))) == sum(one.number for one in counts(migrated).studies) == 4
    migrated.close()


def test_store_of_release_0_4_counts_what_it_holds_by_day(store):
    delivered_study(store, 1)
    delivered_study(store, 2, now=NOW + timedelta(days=2))
    analyzed_study(store, 3)
    before = counts(store)
    with store.write() as connection:
        sentences_again(connection)
        drop_days(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    assert set(counts(migrated).studies) == set(before.studies)
    delivered_study(migrated, 4, now=NOW + timedelta(days=2))
    with migrated.read() as connection:
        assert sum(ended_after(connection, NOW.date()).values()) == 2
        assert sum(ended_after(connection, NOW.date() - timedelta(days=1)).values()) == 3
    assert sum(one.number for one in counts(migrated).studies) == 4
    migrated.close()


def test_what_release_0_4_said_of_studies_can_still_be_read(store):
    said = {
        1: ("failed", "delivery dead", "delivery to pacs failed: no answer within 30 s"),
        2: ("failed", "patient mismatch", "patient_mismatch"),
        3: ("not_analyzed", "nothing to report", "this image is a localizer"),
        4: ("delivered", "all sent", ""),
    }
    for number in said:
        delivered_study(store, number)
    with store.write() as connection:
        drop_days(connection)
        sentences_again(connection)
        for number, (state, cause, reason) in said.items():
            connection.execute(
                text(
                    "UPDATE studies SET state = :s, cause = :c, reason = :r, not_analyzed = :n "
                    "WHERE study_instance_uid = :u"
                ),
                {
                    "s": state,
                    "c": cause,
                    "r": reason,
                    "n": reason if state == "not_analyzed" else "",
                    "u": uid(number),
                },
            )
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    migrated = open_store(store.engine.url.render_as_string(hide_password=False))
    found = {number: study_detail(migrated, uid(number)).entry.reason for number in said}
    assert found == {number: reason for number, (_, _, reason) in said.items()}
    migrated.close()


def test_processes_that_open_a_new_store_together_migrate_it_once(tmp_path, postgresql: Cluster):
    for url in (database_url("", tmp_path), postgresql.create_database()):
        with ThreadPoolExecutor(4) as pool:
            opened = list(pool.map(open_store, [url] * 4))
        record(opened[0], received())
        for store in opened:
            store.close()


def test_a_lock_on_a_new_file_is_waited_for_before_it_keeps_a_write_ahead_log(tmp_path, monkeypatch):
    # In a race SQLite's own timeout does not count for this pragma, so that it is 0 here.
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0)
    path = tmp_path / "ulna.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OperationalError, match="database is locked"):
        open_store(f"sqlite:///{path}")
    waiting = create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    event.listen(waiting, "connect", database._prepare_sqlite)
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 30)
    release = Timer(0.2, holder.close)
    release.start()
    with waiting.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    release.join()
    waiting.dispose()


def test_failed_transaction_leaves_nothing(store):
    def fail() -> None:
        with store.write() as connection:
            connection.execute(update(studies).values(revision=7))
            raise RuntimeError("on purpose")

    record(store, received())
    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    with store.read() as connection:
        assert connection.scalar(select(studies.c.revision)) == 1


def test_rows_without_their_study_are_refused(store):
    record(store, received())
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), store.write() as connection:
        connection.execute(update(instances).values(study_id=4711))


def test_failed_statement_does_not_repeat_its_values(store):
    with pytest.raises(DBAPIError) as failure, store.write() as connection:
        connection.execute(select(text("no_such_column")).where(studies.c.patient_name == "Testcase^Wrist"))
    assert "Testcase" not in str(failure.value)


def test_moments_come_back_aware(store):
    record(store, received())
    with store.read() as connection:
        assert connection.scalar(select(studies.c.opened_at)) == NOW


def test_naive_moment_is_refused(store):
    with pytest.raises(Exception, match="must be aware"):
        record(store, received(), now=NOW.replace(tzinfo=None))


def test_sqlite_survives_a_power_cut(tmp_path):
    store = sqlite_store(tmp_path)
    with store.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    store.close()
    full = 2
    assert pragmas == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (studies.c.state, StudyState),
        (studies.c.category, TriageCategory),
        (instances.c.state, InstanceState),
        (instances.c.exclusion, [*Exclusion, *Withheld, *Defect]),
        (instances.c.region, Region),
        (instances.c.laterality, Laterality),
        (instances.c.projection, Projection),
        (instances.c.input_warning, InputWarning),
        (studies.c.standing, Standing),
        (metadata.tables["rejections"].c.cause, Refusal),
        (metadata.tables["deliveries"].c.state, DeliveryState),
        (metadata.tables["deliveries"].c.remark, [*Note, *Fault, *Defect]),
        (metadata.tables["results"].c.kind, ResultKind),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_word_fits_its_column(column, values):
    assert max(map(len, values)) <= column.type.length


def test_writers_on_sqlite_wait_for_each_other(tmp_path):
    store = sqlite_store(tmp_path)

    def grow(_number: int) -> None:
        with store.write() as connection:
            revision = connection.scalar(select(studies.c.revision)) or 0
            connection.execute(update(studies).values(revision=revision + 1))

    record(store, received())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(grow, range(40)))
    with store.read() as connection:
        assert connection.scalar(select(studies.c.revision)) == 41
    store.close()


def test_configured_url_wins_over_the_file_in_the_data_directory(tmp_path):
    assert database_url("", tmp_path) == f"sqlite:///{tmp_path}/ulna.db"
    assert database_url("postgresql+pg8000://u@h/n", tmp_path) == "postgresql+pg8000://u@h/n"
