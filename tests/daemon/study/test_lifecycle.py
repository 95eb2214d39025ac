"""Every pair of state and event, legal or not, against a table written by hand."""

from itertools import product
from typing import Any

import pytest

from daemon.errors import IllegalTransition
from daemon.study.lifecycle import (
    CLOSED_STUDY_STATES,
    DeliveryEvent,
    DeliveryState,
    InstanceEvent,
    InstanceState,
    StudyEvent,
    StudyState,
    advance,
    is_unfinished,
)

# One line for each state, one column for each event in the order of the head; "-" is illegal.
INSTANCES = """
                arrived  analysis_stored  analysis_begun_too_often  bundle_changed
    received    -        analyzed         unreadable                -
    analyzed    -        -                -                         received
    excluded    -        -                -                         -
    unreadable  -        -                -                         -
"""

INSTANCES_UNREADABLE = """
                found_unreadable  file_lost   undecodable  no_number   unlike_radiograph
    received    -                 unreadable  unreadable   unreadable  unreadable
    analyzed    -                 -           -            -           -
    excluded    unreadable        -           -            -           -
    unreadable  -                 -           -            -           -
"""

INSTANCES_CORRECTED = """
                replaced  came_again
    received    excluded  -
    analyzed    excluded  -
    excluded    excluded  received
    unreadable  excluded  -
"""

STUDIES_ARRIVING = """
                  opened  view_arrived  patient_mismatch  report_begun_too_often
    open          -       open          failed            failed
    reporting     -       reporting     failed            -
    delivering    -       open          failed            -
    delivered     -       open          failed            -
    not_analyzed  -       open          failed            -
    failed        -       open          failed            -
"""

STUDIES_CORRECTED = """
                  confirmation_needed  patient_corrected  patient_confirmed
    open          -                    -                  -
    reporting     -                    -                  -
    delivering    -                    -                  -
    delivered     -                    -                  -
    not_analyzed  -                    -                  -
    failed        failed               open               open
"""

STUDIES_REPORTING = """
                  claimed    claim_abandoned  reported    nothing_to_report  report_failed  report_requeued
    open          reporting  -                -           -                  -              -
    reporting     -          open             delivering  not_analyzed       failed         -
    delivering    -          -                -           not_analyzed       -              -
    delivered     -          -                -           -                  -              -
    not_analyzed  -          -                -           -                  -              -
    failed        -          -                -           -                  -              open
"""

STUDIES_DELIVERING = """
                  all_sent   delivery_dead  delivery_requeued
    open          -          -              -
    reporting     -          -              -
    delivering    delivered  failed         delivering
    delivered     -          -              delivering
    not_analyzed  -          -              delivering
    failed        -          -              delivering
"""

DELIVERIES_SENDING = """
                queued  acknowledged  failed_transiently  failed_permanently
    pending     -       sent          waiting             dead
    waiting     -       sent          waiting             dead
    sent        -       -             -                   -
    dead        -       -             -                   -
    withdrawn   -       -             -                   -
    superseded  -       sent          superseded          superseded
"""

DELIVERIES_BETWEEN = """
                destination_gone  requeued  newer_reported  patient_changed
    pending     dead              -         superseded      withdrawn
    waiting     dead              pending   superseded      withdrawn
    sent        -                 pending   -               -
    dead        -                 pending   superseded      -
    withdrawn   -                 -         -               -
    superseded  -                 -         -               -
"""


def expectations(text, states, events):
    head, *lines = text.strip("\n").splitlines()
    names = head.split()
    return {
        (states(state), events(name.replace("_", " "))): None if cell == "-" else states(cell)
        for state, *cells in map(str.split, lines)
        for name, cell in zip(names, cells, strict=True)
    }


EXPECTED = (
    expectations(INSTANCES, InstanceState, InstanceEvent)
    | expectations(INSTANCES_UNREADABLE, InstanceState, InstanceEvent)
    | expectations(INSTANCES_CORRECTED, InstanceState, InstanceEvent)
    | expectations(STUDIES_CORRECTED, StudyState, StudyEvent)
    | expectations(STUDIES_ARRIVING, StudyState, StudyEvent)
    | expectations(STUDIES_REPORTING, StudyState, StudyEvent)
    | expectations(STUDIES_DELIVERING, StudyState, StudyEvent)
    | expectations(DELIVERIES_SENDING, DeliveryState, DeliveryEvent)
    | expectations(DELIVERIES_BETWEEN, DeliveryState, DeliveryEvent)
)
LEGAL = [(state, event, following) for (state, event), following in EXPECTED.items() if following]
ILLEGAL = [pair for pair, following in EXPECTED.items() if following is None]
FOREIGN: list[tuple[Any, Any]] = [
    *product(InstanceState, [*StudyEvent, *DeliveryEvent]),
    *product(StudyState, [*InstanceEvent, *DeliveryEvent]),
    *product(DeliveryState, [*InstanceEvent, *StudyEvent]),
]


def test_expectations_cover_every_pair():
    assert set(EXPECTED) == {
        *product(InstanceState, InstanceEvent),
        *product(StudyState, StudyEvent),
        *product(DeliveryState, DeliveryEvent),
    }


@pytest.mark.parametrize(("state", "event", "following"), LEGAL)
def test_legal_event_leads_on(state, event, following):
    assert advance(state, event) is following


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
def test_illegal_event_is_refused(state, event):
    with pytest.raises(IllegalTransition, match=f"{state.value}.*{event.value}"):
        advance(state, event)


def test_event_of_another_level_is_refused():
    for state, event in FOREIGN:
        with pytest.raises(IllegalTransition):
            advance(state, event)


def test_closed_states_are_those_without_work_under_way():
    assert {StudyState.DELIVERED, StudyState.NOT_ANALYZED, StudyState.FAILED} == CLOSED_STUDY_STATES


def test_every_state_but_the_first_can_be_reached():
    first = {InstanceState.RECEIVED, InstanceState.EXCLUDED, StudyState.OPEN, DeliveryState.PENDING}
    reached = {following for _, _, following in LEGAL}
    never_reached = {*InstanceState, *StudyState, *DeliveryState} - first - reached
    assert not never_reached


def test_unfinished_is_what_goes_on_without_a_person():
    unfinished = {state for state in StudyState if is_unfinished(state)}
    assert unfinished == {StudyState.OPEN, StudyState.REPORTING, StudyState.DELIVERING}
