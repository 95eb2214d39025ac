"""Studies are claimed and reported once, and only as they stand."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from daemon.store import deliveries, lease, studies, views
from daemon.store.instances import record_instance
from daemon.store.result_kind import ResultKind
from daemon.store.tables import studies as study_table
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceEvent, InstanceState, StudyState
from dicom_io.objects.previous_report import PreviousReport
from models.places import Place
from models.study_finding import TriageCategory
from tests.daemon.store_factory import (
    ANALYZER,
    DIGEST,
    NOW,
    PACS,
    REPORTER,
    SENDER,
    after,
    analyze_all,
    analyzed_study,
    claim,
    delivered_study,
    excluded,
    identity,
    open_study,
    received,
    record,
    report,
    reported_study,
    unreadable,
    why,
)
from tests.factories import uid

LEASE_OVER = lease.LEASE.total_seconds() + 1


def entry(store, study=1):
    return study_detail(store, uid(study)).entry


def record_report(store, claimed, built=None, *, owner=REPORTER, now=NOW):
    return studies.record_report(store, claimed, built or report(claimed), owner=owner, now=now)


def attempts(store):
    with store.read() as connection:
        return connection.scalar(select(study_table.c.attempts))


def test_study_with_a_view_that_waits_may_not_close(store):
    record(store, received(1, 1), received(1, 2))
    assert studies.open_studies(store) == ()
    (first, _) = views.claim_views(store, owner=ANALYZER, limit=8, oldest_first=False, now=NOW)
    views.record_unreadable(
        store, first, owner=ANALYZER, cause=InstanceEvent.UNDECODABLE, reason=why("broken")
    )
    assert studies.open_studies(store) == ()
    views.release_views(store, owner=ANALYZER, forgive=True)
    analyze_all(store)
    assert len(studies.open_studies(store)) == 1


def test_study_of_excluded_instances_may_close(store):
    record(store, excluded())
    assert open_study(store).view_kinds == ()


def test_closing_rule_sees_views_and_not_what_is_excluded(store):
    record(store, unreadable(projection="lateral"), excluded(1, 2, region="HAND"), received(1, 3))
    analyze_all(store)
    assert {(kind.region, kind.projection) for kind in open_study(store).view_kinds} == {
        ("WRIST", "lateral"),
        ("WRIST", "frontal"),
    }


def test_most_urgent_study_closes_first(store):
    record(store, excluded(1, priority=2), excluded(2, priority=0), excluded(3, priority=2))
    order = [study.id for study in studies.open_studies(store)]
    assert order == [open_study(store, number).id for number in (2, 1, 3)]


def test_claimed_study_holds_its_instances_and_their_findings(store):
    record(store, received(1, 1), excluded(1, 2), unreadable(1, 3))
    analyze_all(store, probability=0.75)
    claimed = claim(store)
    assert [view.state for view in claimed.instances] == [
        InstanceState.ANALYZED,
        InstanceState.EXCLUDED,
        InstanceState.UNREADABLE,
    ]
    assert [member.probability for member in claimed.instances[0].members] == [0.75, 0.75]
    assert (claimed.revision, claimed.predecessor) == (1, None)
    assert entry(store).state is StudyState.REPORTING


def test_study_is_claimed_by_one(store):
    analyzed_study(store)
    seen = open_study(store)
    assert studies.claim_study(store, seen, owner=REPORTER, now=NOW)
    assert studies.claim_study(store, seen, owner="other", now=NOW) is None


def test_study_that_grew_since_it_was_read_is_not_claimed(store):
    analyzed_study(store)
    seen = open_study(store)
    record(store, excluded(1, 2))
    assert studies.claim_study(store, seen, owner=REPORTER, now=NOW) is None
    assert entry(store).state is StudyState.OPEN


def test_claimers_at_once_never_get_the_same_study(store):
    for number in range(1, 9):
        record(store, excluded(number))
    seen = studies.open_studies(store)
    start = threading.Barrier(4)

    def claim_all(number):
        start.wait()
        return [
            study.id
            for study in seen
            if studies.claim_study(store, study, owner=f"host-{number}", now=NOW) is not None
        ]

    with ThreadPoolExecutor(4) as pool:
        claimed = [study for mine in pool.map(claim_all, range(4)) for study in mine]
    assert sorted(claimed) == [study.id for study in sorted(seen, key=lambda one: one.id)]


def test_a_report_keeps_which_part_has_the_score_what_was_looked_for_and_the_places(store):
    record(store, received(1, 1), received(1, 2), excluded(1, 3))
    analyze_all(store)
    place = Place(outline=((1.5, 2.0), (9.0, 2.0), (9.0, 12.3)), peak=0.75, peak_at=(5.5, 3.5))
    claimed = claim(store)
    quiet, loud, _ = claimed.instances
    found = {quiet.sop_instance_uid: (), loud.sop_instance_uid: (place,)}
    built = replace(report(claimed), part="left hand", target="fracture", places=found)
    assert record_report(store, claimed, built, now=NOW)
    detail = study_detail(store, uid(1))
    assert (detail.entry.part, detail.entry.target) == ("left hand", "fracture")
    assert [view.places for view in detail.instances] == [(), (place,), ()]


def test_places_are_those_of_the_newest_report(store):
    analyzed_study(store)
    place = Place(outline=((1.0, 2.0), (9.0, 2.0), (9.0, 12.0)), peak=0.75, peak_at=(5.5, 3.5))
    for found in ((place,), ()):
        claimed = claim(store)
        views_found = {claimed.instances[0].sop_instance_uid: found}
        assert record_report(store, claimed, replace(report(claimed), places=views_found), now=NOW)
        assert study_detail(store, uid(1)).instances[0].places == found
        record(store, received(1, 9))  # which opens the study again
        analyze_all(store)


def test_report_fills_the_outbox_and_the_worklist(store):
    analyzed_study(store, view_count=2)
    claimed = claim(store)
    built = report(claimed, score=0.5, destinations=(PACS, "viewer"))
    assert record_report(store, claimed, built, now=after(9))
    detail = study_detail(store, uid(1))
    assert (detail.entry.state, detail.entry.closed_at) == (StudyState.DELIVERING, after(9))
    assert (detail.entry.category, detail.entry.score) == (TriageCategory.SUSPECTED, 0.5)
    assert (detail.entry.model_label, detail.entry.summary) == (built.model_label, built.summary)
    assert [result.kind for result in detail.results] == [
        ResultKind.STRUCTURED_REPORT,
        ResultKind.SECONDARY_CAPTURE,
        ResultKind.SECONDARY_CAPTURE,
    ]
    assert [result.sop_instance_uid for result in detail.results] == [
        result.sop_instance_uid for result in built.results
    ]
    bound_for = [[delivery.destination for delivery in result.deliveries] for result in detail.results]
    assert bound_for == [[PACS, "viewer"]] * 3


def test_destination_gets_only_the_results_that_are_due_for_it(store):
    analyzed_study(store)
    claimed = claim(store)
    built = report(claimed)
    record_report(store, claimed, replace(built, deliveries=((0, PACS),)))
    due = deliveries.claim_deliveries(store, destination=PACS, owner=SENDER, limit=9, now=NOW)
    assert [delivery.sop_instance_uid for delivery in due] == [built.results[0].sop_instance_uid]


@pytest.mark.parametrize("newcomer", [received(1, 2), excluded(1, 2)], ids=["view", "excluded"])
def test_report_of_an_outdated_generation_is_not_recorded(store, newcomer):
    analyzed_study(store)
    claimed = claim(store)
    record(store, newcomer, now=after(1))
    assert not record_report(store, claimed)
    assert (entry(store).state, entry(store).revision) == (StudyState.OPEN, 1)
    assert study_detail(store, uid(1)).results == ()
    analyze_all(store)
    assert record_report(store, claim(store))


def test_study_that_keeps_growing_is_no_failure(store):
    analyzed_study(store)
    for number in range(2, 6):
        claimed = claim(store)
        record(store, excluded(1, number))
        assert not record_report(store, claimed)
    assert entry(store).state is StudyState.OPEN


def test_report_of_a_lost_claim_is_not_recorded(store):
    analyzed_study(store)
    claimed = claim(store)
    studies.reopen_abandoned_studies(store, now=after(LEASE_OVER))
    assert not record_report(store, claimed)
    again = claim(store)
    assert not record_report(store, again, owner="other")
    assert record_report(store, again)
    assert not record_report(store, again)


def test_report_without_destinations_is_delivered_at_once(store):
    analyzed_study(store)
    claimed = claim(store)
    record_report(store, claimed, report(claimed, destinations=()))
    assert entry(store).state is StudyState.DELIVERED


def test_report_without_results_ends_not_analyzed_and_says_why(store):
    record(store, excluded())
    claimed = claim(store)
    empty = report(claimed, category=TriageCategory.NOT_ANALYZED, score=None, destinations=())
    record_report(store, claimed, replace(empty, results=()))
    assert (entry(store).state, entry(store).reason) == (StudyState.NOT_ANALYZED, empty.not_analyzed)


def test_next_revision_knows_the_report_that_it_supersedes(store):
    delivered_study(store)
    first = study_detail(store, uid(1)).results[0]
    analyzed_study(store, view_count=2, now=after(60))
    claimed = claim(store, now=after(60))
    expected = report(claimed).results[0]
    assert claimed.revision == 2
    assert claimed.predecessor == PreviousReport(
        sop_class_uid=expected.sop_class_uid,
        sop_instance_uid=first.sop_instance_uid,
        series_instance_uid=expected.series_instance_uid,
        created_at=NOW,
    )


def test_newest_revision_is_the_predecessor(store):
    for view_count in (1, 2, 3):
        claimed = delivered_study(store, view_count=view_count)
    newest = next(result for result in study_detail(store, uid(1)).results if result.revision == 3)
    record(store, unreadable(1, 4))
    following = claim(store)
    assert (claimed.revision, following.revision) == (3, 4)
    assert following.predecessor is not None
    assert following.predecessor.sop_instance_uid == newest.sop_instance_uid


def test_failed_report_fails_the_study_visibly(store):
    analyzed_study(store)
    studies.record_report_failed(store, claim(store), owner=REPORTER, reason="StudyInstanceUID is missing")
    assert (entry(store).state, entry(store).reason) == (StudyState.FAILED, "StudyInstanceUID is missing")


def test_failure_of_a_lost_claim_is_not_recorded(store):
    analyzed_study(store)
    claimed = claim(store)
    studies.release_studies(store, owner=REPORTER, forgive=False)
    studies.record_report_failed(store, claimed, owner=REPORTER, reason="late")
    assert entry(store).state is StudyState.OPEN


def test_study_whose_report_takes_the_reporter_down_twice_fails(store):
    analyzed_study(store)
    for _ in range(2):
        claim(store)
        studies.release_studies(store, owner=REPORTER, forgive=False)
    assert studies.claim_study(store, open_study(store), owner=REPORTER, now=NOW) is None
    assert (entry(store).state, entry(store).reason) == (StudyState.FAILED, studies.BEGUN_TOO_OFTEN)


def test_reporter_that_stops_on_purpose_makes_no_attempt(store):
    analyzed_study(store)
    for _ in range(4):
        claim(store)
        studies.release_studies(store, owner=REPORTER, forgive=True)
    assert attempts(store) == 0


def test_release_leaves_the_claims_of_others(store):
    analyzed_study(store)
    claim(store)
    studies.release_studies(store, owner="other", forgive=False)
    assert entry(store).state is StudyState.REPORTING


def test_lease_of_a_dead_reporter_runs_out(store):
    analyzed_study(store)
    claim(store)
    studies.reopen_abandoned_studies(store, now=after(LEASE_OVER - 2))
    assert entry(store).state is StudyState.REPORTING
    studies.reopen_abandoned_studies(store, now=after(LEASE_OVER))
    assert entry(store).state is StudyState.OPEN
    assert attempts(store) == 0  # one that died counts it when it is back


def test_longest_wait_begins_anew_where_the_clock_stepped_back(store):
    record(store, unreadable(1), now=after(3600))
    record(store, unreadable(2), now=NOW)
    studies.collect_from_now(store, now=after(5))
    stepped, steady = open_study(store, 1), open_study(store, 2)
    assert (stepped.collecting_since, stepped.last_instance_at) == (after(5), after(3600))
    assert steady.collecting_since == NOW


def test_good_report_clears_the_attempts(store):
    analyzed_study(store)
    claim(store)
    studies.release_studies(store, owner=REPORTER, forgive=False)
    record_report(store, claim(store))
    assert attempts(store) == 0


def test_study_of_another_bundle_goes_back_to_the_analyzer(store):
    analyzed_study(store)
    claimed = claim(store)
    studies.return_study_to_analyzer(store, claimed, owner=REPORTER, bundle_digest="new")
    assert entry(store).state is StudyState.OPEN
    assert [view.state for view in study_detail(store, uid(1)).instances] == [InstanceState.RECEIVED]
    assert views.has_waiting_views(store, now=NOW)
    assert attempts(store) == 0


def test_views_of_the_present_bundle_are_not_returned(store):
    analyzed_study(store)
    studies.return_study_to_analyzer(store, claim(store), owner=REPORTER, bundle_digest=DIGEST)
    assert [view.state for view in study_detail(store, uid(1)).instances] == [InstanceState.ANALYZED]


def test_two_patients_take_the_report_back(store):
    analyzed_study(store)
    claimed = claim(store)
    record_instance(store, received(1, 2, identity=identity(9)), now=NOW)
    assert not record_report(store, claimed)
    assert entry(store).state is StudyState.FAILED
    assert study_detail(store, uid(1)).results == ()


def test_delivering_is_what_a_report_begins(store):
    reported_study(store)
    assert entry(store).state is StudyState.DELIVERING
