"""TID 1500 Measurement Report: the content tree of the document.

This module puts the parts of the report in the order in which a person reads them. The order of the rows
is not significant in TID 1500, so the plain words stand before the numbers and the library comes last.
"""

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    TextContentItem,
)
from highdicom.sr import RelationshipTypeValues as Relationship
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_io.objects.inheritance import put
from models.study_finding import StudyFinding
from sr_templates import codes
from sr_templates.content import ReportContent
from sr_templates.text import limitations, reasons, summary
from sr_templates.tid1001 import tid1001_observation_context
from sr_templates.tid1501 import (
    CATEGORIES,
    tid1501_parts,
    tid1501_set_aside,
    tid1501_study,
    tid1501_view,
)
from sr_templates.tid1600 import tid1600_image_library


def tid1500_measurement_report(content: ReportContent) -> ContainerContentItem:
    """Return the root container.

    Rows 2 (language, TID 1204), 3 (observation context), 4 (procedure reported), 12 to 14 (qualitative
    evaluations), 6 and 9 (measurement groups), 5 (image library).
    """
    root = ContainerContentItem(
        codes.IMAGING_MEASUREMENT_REPORT, is_content_continuous=False, template_id="1500"
    )
    root.ContentSequence = ContentSequence(
        [
            CodeContentItem(codes.LANGUAGE, codes.ENGLISH, Relationship.HAS_CONCEPT_MOD),
            *tid1001_observation_context(content.facts),
            _procedure_reported(content.sources[0]),
            _section(codes.QUALITATIVE_EVALUATIONS, _qualitative_evaluations(content)),
            _section(codes.IMAGING_MEASUREMENTS, _measurement_groups(content)),
            *([tid1600_image_library(content.analyzed)] if content.analyzed else []),
        ]
    )
    return root


def _procedure_reported(source: Dataset) -> CodeContentItem:
    """Return row 4: the imaging procedure (IHE AIR 6.5.3), in the words of the order where they are known."""
    item = CodeContentItem(codes.PROCEDURE_REPORTED, codes.RADIOGRAPHY, Relationship.HAS_CONCEPT_MOD)
    if "ProcedureCodeSequence" in source:
        put(item, "ConceptCodeSequence", [source.ProcedureCodeSequence[0]])
    return item


def _section(name: Code, items: list[ContentItem]) -> ContainerContentItem:
    section = ContainerContentItem(name, is_content_continuous=False, relationship_type=Relationship.CONTAINS)
    section.ContentSequence = ContentSequence(items)
    return section


def _qualitative_evaluations(content: ReportContent) -> list[ContentItem]:
    """Return rows 12 to 14: the message in words, in codes, and what it is not."""
    contains = Relationship.CONTAINS
    return [
        TextContentItem(codes.SUMMARY, summary(content), contains),
        CodeContentItem(codes.TRIAGE_CATEGORY, CATEGORIES[content.category], contains),
        TextContentItem(codes.COMMENT, limitations(content), contains),
    ]


def _measurement_groups(content: ReportContent) -> list[ContentItem]:
    found = [] if content.finding is None else _found(content, content.finding)
    others = [
        tid1501_set_aside(reason, instances) for reason, instances in reasons(content.set_aside).items()
    ]
    return [*found, *others]


def _found(content: ReportContent, finding: StudyFinding) -> list[ContentItem]:
    return [
        tid1501_study(content, finding),
        *tid1501_parts(content, finding),
        *(tid1501_view(number, content, finding) for number in range(1, len(content.analyzed) + 1)),
    ]
