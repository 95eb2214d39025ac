"""This module renders the pages for people: the worklist, one study, and what is said when there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from daemon.couriers.remark import remark_words
from daemon.store.database import Store
from daemon.store.listing import worklist
from daemon.store.selection import Period
from daemon.store.shown import Standing
from daemon.store.values import InstanceRecord
from daemon.store.worklist import recent_rejections, study_detail
from daemon.study.lifecycle import StudyState, is_unfinished
from daemon.web import judging, wording
from daemon.web.address import requested_study
from daemon.web.attention import Attention
from daemon.web.detail import study_view
from daemon.web.listing import (
    MOST_PAGES,
    PAGE_SIZE,
    can_be_tried_again,
    is_current,
    is_paper_asked,
    number_of,
    query_of,
    selection_of,
    turn_around,
    untrained_labels,
    waits_for_confirmation,
)
from daemon.web.reports import Reports
from daemon.web.stated import StatedBundle
from daemon.web.why import Explanations
from dicom_io.selection.explanation import Explanation
from sr_templates.reason import clause

_TEMPLATES = Path(__file__).parent / "templates"
_REJECTIONS_SHOWN = 20
_EXPLAINED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a study's page shows beside the store: the files of the spool, and what the bundle states."""

    reports: Reports
    explanations: Explanations
    bundle: StatedBundle | None


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages, rendered from the store as it is now."""

    store: Store
    templates: Environment
    attention: Attention
    clock: Callable[[], datetime]
    beside: Beside

    def worklist(self, request: Request) -> Response:
        """Answer ``/``: the studies in the order they should be read."""
        now = self.clock()
        selection = selection_of(request.query_params, period=Period.DAY)
        page = number_of(request.query_params, "page", default=1, least=1, most=MOST_PAGES)
        offset = (page - 1) * PAGE_SIZE
        return self._page(
            "worklist.html",
            now=now,
            selection=selection,
            worklist=worklist(self.store, selection, now=now, limit=PAGE_SIZE, offset=offset),
            page=page,
            offset=offset,
            rejections=recent_rejections(self.store, limit=_REJECTIONS_SHOWN),
            stages=self.attention.health.stages(now),
            needs=self.attention.needs(now),
        )

    def study(self, request: Request) -> Response:
        """Answer ``/studies/{study_instance_uid}``: what was found, where, and what became of it."""
        detail = study_detail(self.store, requested_study(request))
        by_paper = is_paper_asked(request.query_params)
        shown = study_view(detail, self.beside.bundle, by_paper=by_paper)
        return self._page(
            "study.html",
            now=self.clock(),
            entry=detail.entry,
            shown=shown,
            by_paper=by_paper,
            set_aside=list(zip_longest(shown.set_aside, self._explained(shown.set_aside))),
            report=self.beside.reports.text(detail.results),
            events=detail.events,
            untrained=untrained_labels([detail.entry]),
        )

    def message(self, title: str, text: str, *, status: int) -> Response:
        """Answer with a page that only says something."""
        return message_page(self.templates, self.clock, title, text, status=status)

    def _explained(self, records: Sequence[InstanceRecord]) -> list[Explanation | None]:
        """Return why the first of these were set aside; nobody reads the reasons of a thousand slices."""
        return [self.beside.explanations.of(record) for record in records[:_EXPLAINED]]

    def _page(self, template: str, *, status: int = 200, **values: object) -> Response:
        return HTMLResponse(self.templates.get_template(template).render(values), status)


def message_page(
    templates: Environment, clock: Callable[[], datetime], title: str, text: str, *, status: int
) -> Response:
    """Return a page that only says something."""
    page = templates.get_template("message.html").render(now=clock(), title=title, text=text)
    return HTMLResponse(page, status)


def page_templates(product: str, *, has_predictor: bool = False, has_worklist: bool = True) -> Environment:
    """Return the templates of the pages; every value is escaped, and a name that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "product": product,
        "has_predictor": has_predictor,
        "has_worklist": has_worklist,
        "Standing": Standing,
        "Period": Period,
        "StudyState": StudyState,
        "SIDES": wording.SIDES,
        "STUDY_STATES": wording.STUDY_STATES,
        "DELIVERY_STATES": wording.DELIVERY_STATES,
        "INSTANCE_STATES": wording.INSTANCE_STATES,
        "RESULT_KINDS": wording.RESULT_KINDS,
        "UNTRAINED": wording.UNTRAINED,
        "query_of": query_of,
    }
    environment.filters |= {
        "person_name": wording.person_name,
        "dicom_date": wording.date,
        "duration": wording.duration,
        "local_time": wording.local_time,
        "probability": wording.probability,
        "part": wording.part,
        "quantity": wording.quantity,
        "rank": wording.priority,
        "reason": wording.reason,
        "clause": clause,
        "remark": remark_words,
        "rate": judging.rate,
        "threshold": judging.threshold,
        "judged": judging.judged,
        "paper_rule": judging.paper_rule,
        "said": judging.said,
        "turn_around": turn_around,
        "is_current": is_current,
        "can_be_tried_again": can_be_tried_again,
        "waits_for_confirmation": waits_for_confirmation,
        "is_unfinished": is_unfinished,
    }
    return environment
