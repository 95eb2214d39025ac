"""TID 1500 Measurement Report: the content tree of the document.

This module puts the parts of the report in the order in which a person reads them. The order of the rows
is not significant in TID 1500, so the plain words stand before the numbers and the library comes last.
"""

from pydicom.dataset import Dataset

from sr_templates import codes
from sr_templates.content import ReportContent
from sr_templates.content_items import Relationship, code, container, text, with_children
from sr_templates.text import LIMITATIONS, reasons, summary
from sr_templates.tid1001 import tid1001_observation_context
from sr_templates.tid1501 import (
    CATEGORIES,
    normality_of,
    tid1501_set_aside,
    tid1501_study,
    tid1501_view,
)
from sr_templates.tid1600 import tid1600_image_library


def tid1500_measurement_report(content: ReportContent) -> Dataset:
    """Return the root container.

    Rows 2 (language, TID 1204), 3 (observation context), 4 (procedure reported), 12 to 14 (qualitative
    evaluations), 6 and 9 (measurement groups), 5 (image library).
    """
    return with_children(
        container(codes.IMAGING_MEASUREMENT_REPORT, template="1500"),
        [
            code(codes.LANGUAGE, codes.ENGLISH, Relationship.HAS_CONCEPT_MOD),
            *tid1001_observation_context(content.facts),
            _procedure_reported(content.sources[0]),
            _qualitative_evaluations(content),
            with_children(
                container(codes.IMAGING_MEASUREMENTS, Relationship.CONTAINS), _measurement_groups(content)
            ),
            *([tid1600_image_library(content.analyzed)] if content.analyzed else []),
        ],
    )


def _procedure_reported(source: Dataset) -> Dataset:
    """Return row 4: the imaging procedure (IHE AIR 6.5.3), in the words of the order where they are known."""
    item = code(codes.PROCEDURE_REPORTED, codes.RADIOGRAPHY, Relationship.HAS_CONCEPT_MOD)
    if "ProcedureCodeSequence" in source:
        item.ConceptCodeSequence = [source.ProcedureCodeSequence[0]]
    return item


def _qualitative_evaluations(content: ReportContent) -> Dataset:
    """Return rows 12 to 14: the message in words, in codes, and what it is not."""
    return with_children(
        container(codes.QUALITATIVE_EVALUATIONS, Relationship.CONTAINS),
        [
            text(codes.SUMMARY, summary(content), Relationship.CONTAINS),
            code(codes.TRIAGE_CATEGORY, CATEGORIES[content.category], Relationship.CONTAINS),
            code(codes.NORMALITY, normality_of(content.category), Relationship.CONTAINS),
            text(codes.COMMENT, LIMITATIONS, Relationship.CONTAINS),
        ],
    )


def _measurement_groups(content: ReportContent) -> list[Dataset]:
    study = [] if content.finding is None else [tid1501_study(content, content.finding)]
    views = [
        tid1501_view(number, view, content.bundle) for number, view in enumerate(content.analyzed, start=1)
    ]
    others = [
        tid1501_set_aside(reason, instances) for reason, instances in reasons(content.set_aside).items()
    ]
    return [*study, *views, *others]
