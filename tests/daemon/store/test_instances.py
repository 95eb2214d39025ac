"""Instances enter the store once, and move their study as the life cycle says."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select, text

from daemon.store import instances, patients, studies
from daemon.store.listing import worklist_entries
from daemon.store.refusals import record_rejection
from daemon.store.shown import Rejection
from daemon.store.tables import studies as study_table
from daemon.store.values import Recorded
from daemon.store.worklist import recent_rejections, study_detail
from daemon.study.lifecycle import InstanceState, StudyState
from sr_templates.reason import Withheld, clause
from tests.daemon.postgresql import wait_for_blocked
from tests.daemon.store_factory import (
    NOW,
    REPORTER,
    after,
    analyzed_study,
    claim,
    delivered_study,
    excluded,
    identity,
    open_study,
    received,
    record,
    refuse_all,
    reported_study,
    unreadable,
)
from tests.factories import uid


def entry(store, study=1):
    return study_detail(store, uid(study)).entry


def recorded(store, study=1):
    return study_detail(store, uid(study)).instances


def test_first_view_opens_a_study(store):
    assert instances.record_instance(store, received(), now=NOW) is Recorded.NEW
    assert (entry(store).state, entry(store).revision, entry(store).opened_at) == (StudyState.OPEN, 1, NOW)
    assert entry(store).identity == identity()


def test_identical_repeat_changes_nothing(store):
    record(store, received())
    before = study_detail(store, uid(1))
    outcome = instances.record_instance(store, received(association_id="other", priority=0), now=after(60))
    assert outcome is Recorded.IDENTICAL
    assert study_detail(store, uid(1)) == before


def test_identical_repeat_does_not_reopen_a_delivered_study(store):
    delivered_study(store)
    assert instances.record_instance(store, received(), now=after(60)) is Recorded.IDENTICAL
    assert (entry(store).state, entry(store).revision) == (StudyState.DELIVERED, 1)


def test_is_recorded_tells_the_same_bytes_from_others(store):
    record(store, received())
    known, other = received(), received(content="other")
    assert instances.is_recorded(store, sop_instance_uid=known.sop_instance_uid, sha256=known.sha256)
    assert not instances.is_recorded(store, sop_instance_uid=other.sop_instance_uid, sha256=other.sha256)


def test_same_uid_with_other_bytes_is_kept_beside_and_excluded(store):
    record(store, received())
    outcome = instances.record_instance(store, received(content="other"), now=after(1))
    first, second = recorded(store)
    assert outcome is Recorded.CONFLICTING
    assert (first.state, first.exclusion) == (InstanceState.RECEIVED, "")
    assert (second.state, second.exclusion) == (InstanceState.EXCLUDED, Withheld.CONFLICTING_DUPLICATE)
    assert second.path == received(content="other").path
    assert "other content" in clause(second.reason)


def test_views_beyond_those_that_are_analyzed_are_kept_and_set_aside(store):
    for arrival in (excluded(1, 9), received(1, 1), unreadable(1, 2), received(1, 3), unreadable(1, 4)):
        instances.record_instance(store, arrival, now=NOW, max_views=2)
    exclusions = [(one.state, one.exclusion) for one in recorded(store)]
    assert exclusions == [
        (InstanceState.EXCLUDED, "region_other"),
        (InstanceState.RECEIVED, ""),
        (InstanceState.UNREADABLE, "no_pixel_data"),
        (InstanceState.EXCLUDED, Withheld.TOO_MANY_VIEWS),
        (InstanceState.EXCLUDED, Withheld.TOO_MANY_VIEWS),
    ]
    assert clause(recorded(store)[3].reason) == "this study has more than 2 views (study.max_views_per_study)"
    assert recorded(store)[3].path == received(1, 3).path
    assert instances.record_instance(store, received(2), now=NOW, max_views=2) is Recorded.NEW
    assert recorded(store, 2)[0].state is InstanceState.RECEIVED


def test_view_beyond_those_that_are_analyzed_does_not_reopen_a_delivered_study(store):
    delivered_study(store)
    instances.record_instance(store, received(1, 2), now=after(60), max_views=1)
    assert (entry(store).state, entry(store).revision) == (StudyState.DELIVERED, 1)
    instances.record_instance(store, received(1, 3), now=after(60), max_views=2)
    assert (entry(store).state, entry(store).revision) == (StudyState.OPEN, 2)


def test_corrected_view_takes_the_place_of_the_one_that_it_replaces(store):
    for arrival in (received(), received(1, 2, identity=identity(2)), received(1, 2, content="corrected")):
        instances.record_instance(store, arrival, now=NOW, max_views=2)
    assert [one.state for one in recorded(store)] == [
        InstanceState.RECEIVED,
        InstanceState.EXCLUDED,
        InstanceState.RECEIVED,
    ]


def test_conflicting_bytes_do_not_reopen_a_delivered_study(store):
    delivered_study(store)
    record(store, received(content="other"), now=after(60))
    assert (entry(store).state, entry(store).revision) == (StudyState.DELIVERED, 1)


@pytest.mark.parametrize("late", [received(1, 2), unreadable(1, 2)], ids=["received", "unreadable"])
def test_late_view_reopens_a_delivered_study_with_the_next_revision(store, late):
    delivered_study(store)
    record(store, late, now=after(60))
    assert (entry(store).state, entry(store).revision) == (StudyState.OPEN, 2)
    assert entry(store).closed_at is None


def test_late_view_reopens_a_study_whose_results_are_on_their_way(store):
    reported_study(store)
    record(store, received(1, 2), now=after(60))
    assert (entry(store).state, entry(store).revision) == (StudyState.OPEN, 2)


def test_late_view_reopens_a_failed_study_and_clears_the_reason(store):
    reported_study(store)
    refuse_all(store, reason="C-STORE refused")
    record(store, received(1, 2), now=after(60))
    assert (entry(store).state, entry(store).revision, entry(store).reason) == (StudyState.OPEN, 2, "")


def test_waiting_counts_anew_from_the_late_view(store):
    delivered_study(store)
    record(store, unreadable(1, 2), now=after(4000))
    study = open_study(store)
    assert (study.collecting_since, study.last_instance_at) == (after(4000), after(4000))


def test_waiting_counts_from_the_first_view(store):
    record(store, unreadable(), now=NOW)
    record(store, unreadable(1, 2), now=after(30))
    study = open_study(store)
    assert (study.collecting_since, study.last_instance_at) == (NOW, after(30))


def test_excluded_instance_does_not_reopen_a_delivered_study(store):
    delivered_study(store)
    record(store, excluded(1, 2), now=after(60))
    assert (entry(store).state, entry(store).revision) == (StudyState.DELIVERED, 1)
    assert entry(store).last_instance_at == NOW
    assert len(recorded(store)) == 2


def test_view_that_comes_during_reporting_leaves_the_claim(store):
    analyzed_study(store)
    claim(store)
    record(store, received(1, 2), now=after(1))
    assert (entry(store).state, entry(store).revision) == (StudyState.REPORTING, 1)


def test_two_patients_in_a_study_fail_it(store):
    record(store, received(), received(1, 2, identity=identity(2)))
    assert (entry(store).state, entry(store).reason) == (StudyState.FAILED, patients.PATIENT_MISMATCH)
    assert entry(store).identity.patient_id == "TEST-1"


@pytest.mark.parametrize("make", [received, excluded, unreadable])
def test_any_instance_of_another_patient_fails_the_study(store, make):
    delivered_study(store)
    record(store, make(1, 2, identity=identity(2)), now=after(60))
    assert (entry(store).state, entry(store).reason) == (StudyState.FAILED, patients.PATIENT_MISMATCH)


def test_study_of_two_patients_stays_failed_whatever_comes(store):
    record(store, received(), received(1, 2, identity=identity(2)), received(1, 3), received(1, 4))
    assert (entry(store).state, entry(store).reason) == (StudyState.FAILED, patients.PATIENT_MISMATCH)


def test_absent_patient_id_contradicts_none_and_is_filled_in(store):
    nobody = identity(patient_id="", patient_name="")
    record(store, received(identity=nobody), received(1, 2), received(1, 3, identity=nobody))
    assert entry(store).state is StudyState.OPEN
    assert (entry(store).identity.patient_id, entry(store).identity.patient_name) == (
        "TEST-1",
        "Testcase^Wrist",
    )


def test_an_id_counts_within_its_issuer(store):
    record(
        store,
        received(identity=identity(issuer_of_patient_id="NORTH")),
        received(1, 2),
        received(1, 3, identity=identity(issuer_of_patient_id="SOUTH")),
    )
    assert (entry(store).state, entry(store).reason) == (StudyState.FAILED, patients.PATIENT_MISMATCH)


def test_an_issuer_that_comes_later_is_kept(store):
    record(store, received(), received(1, 2, identity=identity(issuer_of_patient_id="NORTH")))
    assert entry(store).state is StudyState.OPEN
    assert entry(store).identity.issuer_of_patient_id == "NORTH"


def test_without_an_id_another_name_is_another_patient(store):
    stranger = identity(patient_id="", patient_name="Testcase^Elbow")
    record(store, received(), received(1, 2, identity=stranger))
    assert (entry(store).state, entry(store).reason) == (StudyState.FAILED, patients.PATIENT_MISMATCH)


def test_names_are_spelled_in_many_ways(store):
    spelled = identity(patient_name="TESTCASE, WRIST")
    without_id = identity(patient_id="", patient_name="testcase^wrist^^")
    record(store, received(), received(1, 2, identity=spelled), received(1, 3, identity=without_id))
    assert entry(store).state is StudyState.OPEN


def test_padding_makes_no_other_patient(store):
    record(store, received(), received(1, 2, identity=identity(patient_id="TEST-1 ")))
    assert entry(store).state is StudyState.OPEN


def test_most_urgent_instance_gives_the_study_its_rank(store):
    record(store, received(priority=2), received(1, 2, priority=0), received(1, 3, priority=3))
    assert entry(store).priority == 0


def test_release_of_the_last_association_is_seen(store):
    record(store, unreadable(association_id="a"))
    assert open_study(store).association_open
    instances.record_association_released(store, "other")
    assert open_study(store).association_open
    instances.record_association_released(store, "a")
    assert not open_study(store).association_open


def test_association_that_brought_only_earlier_instances_does_not_count(store):
    record(store, unreadable(association_id="a"), unreadable(1, 2, association_id="b"))
    instances.record_association_released(store, "a")
    assert open_study(store).association_open


def test_files_from_folders_have_no_association(store):
    record(store, unreadable(association_id=""))
    assert not open_study(store).association_open


def test_restarted_receiver_ends_the_associations_of_its_predecessor(store):
    record(store, unreadable())
    instances.record_all_associations_ended(store)
    assert not open_study(store).association_open


def test_queue_has_room_for_known_studies_only_when_full(store):
    def fits(study):
        return instances.is_known_or_fits(store, study_instance_uid=uid(study), max_open_studies=2)

    record(store, received(1), received(2))
    assert fits(1)
    assert not fits(3)
    instances.record_instance(store, received(2, 2, identity=identity(9)), now=NOW)  # fails, so it is closed
    assert fits(3)


def test_rejection_is_told_newest_first(store):
    for number in (1, 2, 3):
        record_rejection(
            store, Rejection(rejected_at=after(number), source="folder", sop_instance_uid="", reason="broken")
        )
    moments = [rejection.rejected_at for rejection in recent_rejections(store, limit=2)]
    assert moments == [after(3), after(2)]


def test_one_instance_over_many_associations_at_once_is_recorded_once(store):
    record(store, received(1, 2))
    with ThreadPoolExecutor(4) as pool:
        arrivals = [received() for _ in range(8)]
        outcomes = list(pool.map(lambda one: instances.record_instance(store, one, now=NOW), arrivals))
    assert sorted(outcomes, key=lambda one: one.value) == [Recorded.IDENTICAL] * 7 + [Recorded.NEW]
    assert len(recorded(store)) == 2


def test_first_instances_of_a_study_at_once_make_one_study(store):
    arrivals = [received(1, number) for number in range(1, 9)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: instances.record_instance(store, one, now=NOW), arrivals))
    assert len(list(worklist_entries(store))) == 1
    assert len(recorded(store)) == 8
    with store.read() as connection:
        assert connection.scalar(select(study_table.c.generation)) == 8


def test_text_in_any_script_comes_back(store):
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    record(store, received(identity=identity(patient_name=name)))
    assert entry(store).identity.patient_name == name


def test_second_patient_takes_the_claim_of_the_report(store):
    analyzed_study(store)
    claimed = claim(store)
    record(store, received(1, 2, identity=identity(2)))
    studies.record_report_failed(store, claimed, owner=REPORTER, reason="too late")
    assert entry(store).reason == patients.PATIENT_MISMATCH


def test_repeat_that_waited_for_its_twin_is_a_repeat(postgresql_store):
    record(postgresql_store, received(1, 2))
    with ThreadPoolExecutor(2) as pool:
        with postgresql_store.write() as other:
            other.execute(text("SELECT id FROM studies FOR UPDATE"))
            twins = [
                pool.submit(instances.record_instance, postgresql_store, received(), now=NOW) for _ in "ab"
            ]
            wait_for_blocked(postgresql_store, 2)
        outcomes = {twin.result() for twin in twins}
    assert outcomes == {Recorded.NEW, Recorded.IDENTICAL}


def test_instance_joins_the_study_that_another_opens_at_the_same_time(postgresql_store):
    with ThreadPoolExecutor(1) as pool:
        with postgresql_store.write() as other:
            moments = dict.fromkeys(("opened_at", "collecting_since", "last_instance_at"), NOW)
            other.execute(
                insert(study_table).values(study_instance_uid=uid(1), state="open", priority=2, **moments)
            )
            arrival = pool.submit(instances.record_instance, postgresql_store, received(), now=NOW)
            wait_for_blocked(postgresql_store, 1)
        assert arrival.result() is Recorded.NEW
    assert [known.instance_count for known in worklist_entries(postgresql_store)] == [1]
