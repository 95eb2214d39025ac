"""A study of two patients is sent nowhere, and goes on once its instances are corrected."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from daemon.errors import ActionRefused, UnknownStudy
from daemon.store import deliveries, instances, patients, studies, views
from daemon.store.tables import activations
from daemon.store.tables import deliveries as delivery_table
from daemon.store.tables import instances as instance_table
from daemon.store.values import Recorded
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyEvent, StudyState
from dicom_io.selection.exclusion import Exclusion
from sr_templates.reason import Reason, Withheld, clause
from tests.daemon.postgresql import wait_for_blocked
from tests.daemon.store_factory import (
    ANALYZER,
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
    received,
    record,
    report,
    reported_study,
    said,
    send_all,
    unreadable,
)
from tests.factories import uid

OTHER = identity(2, study_description="XR wrist left")


def corrected(instance=1, **changes):
    """Return an instance of the study with the UID that it had, now of another patient."""
    return received(1, instance, content="corrected", **({"identity": OTHER} | changes))


def entry(store):
    return study_detail(store, uid(1)).entry


def standing(store):
    return entry(store).state, entry(store).cause


def exclusions(store):
    return [one.exclusion for one in study_detail(store, uid(1)).instances]


def causes_of_the_study(store):
    return [one.cause for one in study_detail(store, uid(1)).events if not one.sop_instance_uid]


def due(store):
    return deliveries.claim_deliveries(store, destination=PACS, owner=SENDER, limit=9, now=after(60))


def test_newer_bytes_replace_the_first_in_a_study_of_two_patients(store):
    record(store, received(), received(1, 2, identity=OTHER))
    outcome = instances.record_instance(store, received(1, 2, content="corrected"), now=after(60))
    assert outcome is Recorded.REPLACING
    detail = study_detail(store, uid(1))
    assert [(one.state, one.exclusion) for one in detail.instances] == [
        (InstanceState.RECEIVED, ""),
        (InstanceState.EXCLUDED, Withheld.REPLACED),
        (InstanceState.RECEIVED, ""),
    ]
    assert detail.instances[1].path == received(1, 2).path
    assert "newer content is in use" in clause(detail.instances[1].reason)
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CORRECTED)
    assert (detail.entry.revision, detail.entry.reason) == (2, "")


def test_study_goes_on_when_the_last_instance_is_corrected_and_takes_the_new_identity(store):
    record(store, received(), received(1, 2), received(1, 3))
    record(store, corrected(1))
    assert standing(store) == (StudyState.FAILED, StudyEvent.PATIENT_MISMATCH)
    record(store, corrected(2))
    assert standing(store) == (StudyState.FAILED, StudyEvent.PATIENT_MISMATCH)
    record(store, corrected(3), now=after(60))
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CORRECTED)
    assert entry(store).identity == OTHER
    assert causes_of_the_study(store) == [
        StudyEvent.OPENED,
        StudyEvent.PATIENT_MISMATCH,
        StudyEvent.PATIENT_CORRECTED,
    ]


def test_study_of_one_instance_is_corrected_by_it(store):
    record(store, received(), corrected())
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CORRECTED)
    assert exclusions(store) == [Withheld.REPLACED, ""]


def test_corrected_study_is_analyzed_and_reported_without_a_word_of_the_first_patient(store):
    analyzed_study(store)
    record(store, corrected(), now=after(60))
    analyze_all(store)
    claimed = claim(store)
    assert [one.sop_instance_uid for one in claimed.instances if one.members] == [uid(1, 1, 1)]
    assert claimed.instances[0].members == ()
    assert claimed.predecessor is None
    assert studies.record_report(store, claimed, report(claimed), owner=REPORTER, now=after(90))
    send_all(store)
    assert entry(store).state is StudyState.DELIVERED


def test_outcome_of_a_result_that_was_withdrawn_after_its_claim_ran_out_is_no_news(store):
    reported_study(store)
    (late, *_) = deliveries.claim_deliveries(store, destination=PACS, owner=SENDER, limit=9, now=NOW)
    record(store, corrected(), now=after(3600))
    assert standing(store) == (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED)
    patients.confirm_patient(store, uid(1), now=after(3600))
    before = study_detail(store, uid(1))
    deliveries.record_sent(store, late, owner=SENDER, remark=None, now=after(3601))
    assert study_detail(store, uid(1)) == before


def test_analysis_of_a_replaced_instance_is_not_recorded(store):
    record(store, received())
    analyzed_study(store, 2)
    record(store, corrected())
    analyze_all(store)
    with store.read() as connection:
        analyzed = select(func.count(func.distinct(activations.c.instance_id)))
        assert connection.scalar(analyzed) == 2  # the corrected one, and that of the other study


def test_study_with_results_under_another_patient_waits_for_a_person(store):
    delivered_study(store)
    record(store, corrected(), now=after(60))
    assert standing(store) == (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED)
    assert "--confirm-patient" in entry(store).reason
    with pytest.raises(ActionRefused, match="--confirm-patient"):
        deliveries.requeue_study(store, uid(1))
    record(store, received(1, 2, identity=OTHER), now=after(70))  # whatever comes
    assert standing(store) == (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED)
    patients.confirm_patient(store, uid(1), now=after(80))
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CONFIRMED)
    assert (entry(store).identity, entry(store).category, entry(store).score) == (OTHER, "", None)
    analyze_all(store)
    claimed = claim(store)
    assert claimed.predecessor is None
    assert studies.record_report(store, claimed, report(claimed), owner=REPORTER, now=after(90))
    assert len(due(store)) == 3


def test_results_that_were_tried_may_have_arrived(store):
    reported_study(store)
    (first, *_) = due(store)
    deliveries.record_to_retry(store, first, owner=SENDER, remark=said("connection lost"), retry_at=after(99))
    record(store, corrected(), now=after(60))
    assert standing(store) == (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED)


def test_results_that_name_the_other_patient_are_withdrawn_unsent(store):
    reported_study(store)
    record(store, corrected(), now=after(60))
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CORRECTED)
    assert due(store) == ()
    states = {one.state for result in study_detail(store, uid(1)).results for one in result.deliveries}
    assert states == {DeliveryState.WITHDRAWN}


def test_results_of_the_patient_whom_the_study_names_again_are_no_hindrance(store):
    delivered_study(store)
    record(store, received(1, 2, identity=OTHER), now=after(60))
    assert standing(store) == (StudyState.FAILED, StudyEvent.PATIENT_MISMATCH)
    record(store, received(1, 2, content="corrected"), now=after(70))
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CORRECTED)
    analyze_all(store)
    assert claim(store).predecessor is not None


def test_nothing_is_sent_while_a_person_is_waited_for(store):
    reported_study(store, view_count=2)
    sent, *others = due(store)
    deliveries.record_sent(store, sent, owner=SENDER, remark=None, now=NOW)
    deliveries.release_deliveries(store, owner=SENDER, forgive=True)
    assert len(others) == 2
    record(store, corrected(1), corrected(2), now=after(60))
    assert standing(store) == (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED)
    assert due(store) == ()


def test_first_bytes_that_come_again_are_used_again(store):
    record(store, received(), received(1, 2))
    record(store, corrected(1))
    outcome = instances.record_instance(store, received(), now=after(60))
    assert outcome is Recorded.IDENTICAL  # its bytes are here
    assert exclusions(store) == ["", "", Withheld.REPLACED]
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CORRECTED)
    assert entry(store).identity == identity()
    analyze_all(store)
    assert [one.state for one in study_detail(store, uid(1)).instances] == [
        InstanceState.ANALYZED,
        InstanceState.ANALYZED,
        InstanceState.EXCLUDED,
    ]


@pytest.mark.parametrize(
    ("make", "state"),
    [(unreadable, InstanceState.UNREADABLE), (excluded, InstanceState.EXCLUDED)],
    ids=["unreadable", "excluded"],
)
def test_what_is_no_view_comes_again_as_what_it_is(store, make, state):
    record(store, received(1, 2), make())
    record(store, corrected(1), make())
    first = study_detail(store, uid(1)).instances[1]
    assert (first.state, first.reason) == (state, make().reason)
    assert entry(store).state is StudyState.OPEN


def test_repeat_in_a_study_of_two_patients_changes_nothing(store):
    record(store, received(), received(1, 2, identity=OTHER))
    assert not instances.is_recorded(store, sop_instance_uid=uid(1, 1, 1), sha256=received().sha256)
    before = study_detail(store, uid(1))
    assert instances.record_instance(store, received(), now=after(60)) is Recorded.IDENTICAL
    assert study_detail(store, uid(1)) == before


def test_own_results_say_nothing_of_whom_a_study_is(store):
    own = excluded(1, 9, reason=Reason(Exclusion.OWN_RESULT), identity=OTHER)
    delivered_study(store)
    record(store, own, now=after(60))
    assert standing(store) == (StudyState.DELIVERED, StudyEvent.ALL_SENT)
    record(store, corrected(), now=after(70))
    record(store, excluded(1, 8, reason=Reason(Exclusion.OWN_RESULT)), now=after(80))
    assert standing(store) == (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED)
    patients.confirm_patient(store, uid(1), now=after(90))
    assert entry(store).identity.patient_id == "TEST-2"


def test_instances_of_before_the_update_say_whom_they_name_when_they_come_again(store):
    record(store, received(), received(1, 2, identity=OTHER))
    with store.write() as connection:
        connection.execute(update(instance_table).values(patient_id=None))
    record(store, received(1, 2, content="corrected"), now=after(60))
    assert standing(store) == (StudyState.FAILED, StudyEvent.PATIENT_MISMATCH)
    with pytest.raises(ActionRefused, match="send the whole study again"):
        patients.confirm_patient(store, uid(1), now=after(60))
    record(store, received(), now=after(70))
    assert standing(store) == (StudyState.OPEN, StudyEvent.PATIENT_CORRECTED)


def test_only_a_study_of_two_patients_can_be_confirmed(store):
    record(store, received())
    with pytest.raises(ActionRefused, match="nothing to confirm"):
        patients.confirm_patient(store, uid(1), now=NOW)
    with pytest.raises(UnknownStudy, match="no study"):
        patients.confirm_patient(store, uid(7), now=NOW)
    record(store, received(1, 2, identity=OTHER))
    with pytest.raises(ActionRefused, match="different patients"):
        patients.confirm_patient(store, uid(1), now=NOW)
    assert standing(store) == (StudyState.FAILED, StudyEvent.PATIENT_MISMATCH)


def test_a_person_waits_for_what_is_being_sent(store):
    reported_study(store)
    assert due(store)
    record(store, corrected(), now=after(60))
    with pytest.raises(ActionRefused, match="is being sent"):
        patients.confirm_patient(store, uid(1), now=after(61))
    deliveries.release_deliveries(store, owner=SENDER, forgive=False)
    patients.confirm_patient(store, uid(1), now=after(62))
    assert entry(store).state is StudyState.OPEN
    assert due(store) == ()


def test_same_uid_in_another_study_is_kept_beside(store):
    record(store, received(2), received(), received(1, 2, identity=OTHER))
    elsewhere = received(2, 1, content="moved", study_instance_uid=uid(1))
    assert instances.record_instance(store, elsewhere, now=after(60)) is Recorded.CONFLICTING
    assert exclusions(store) == ["", "", Withheld.CONFLICTING_DUPLICATE]
    assert study_detail(store, uid(2)).instances[0].exclusion == ""


def test_instance_that_is_used_again_has_all_its_attempts(store):
    record(store, received())
    for _ in range(2):
        views.claim_views(store, owner=ANALYZER, limit=1, oldest_first=False, now=NOW)
        views.release_views(store, owner=ANALYZER, forgive=False)
    record(store, corrected(), received())
    (claimed,) = views.claim_views(store, owner=ANALYZER, limit=1, oldest_first=False, now=NOW)
    assert claimed.path == received().path


def test_result_that_is_claimed_at_this_moment_counts_as_tried(postgresql_store):
    store = postgresql_store
    reported_study(store)
    with ThreadPoolExecutor(1) as pool:
        with store.write() as sender:
            sender.execute(update(delivery_table).values(attempts=1))
            correction = pool.submit(instances.record_instance, store, corrected(), now=after(60))
            wait_for_blocked(store, 1)
        correction.result()
    assert standing(store) == (StudyState.FAILED, StudyEvent.CONFIRMATION_NEEDED)
