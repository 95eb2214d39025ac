"""TID 1501 Measurement and Qualitative Evaluation Group, with TID 300 Measurement inside.

This module says what was found: one group for the study, one for each view, one for each reason for which
instances were not analyzed.
"""

from collections.abc import Iterable, Sequence

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    NumContentItem,
    TextContentItem,
    UIDRefContentItem,
)
from highdicom.sr import RelationshipTypeValues as Relationship
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_io.uids import derived_uid
from models.drift import InputWarning
from models.finding import MemberFinding, StudyFinding, TriageCategory
from models.manifest import BundleIdentity
from sr_templates import codes
from sr_templates.content import AnalyzedView, ReportContent, SetAside
from sr_templates.references import instance_item
from sr_templates.text import counted, view_title
from sr_templates.tid4019 import tid4019_algorithm_identification

CATEGORIES = {
    TriageCategory.LIKELY: codes.LIKELY,
    TriageCategory.SUSPECTED: codes.SUSPECTED,
    TriageCategory.NOT_FLAGGED: codes.NOT_FLAGGED,
    TriageCategory.NOT_ANALYZED: codes.NOT_ANALYZED,
}


def normality_of(category: TriageCategory) -> Code:
    """Return the CID 222 term: Abnormal if flagged, else undetermined. "Normal" would be a rule-out."""
    flagged = category in (TriageCategory.LIKELY, TriageCategory.SUSPECTED)
    return codes.ABNORMAL if flagged else codes.NORMALITY_UNDETERMINED


def tid1501_study(content: ReportContent, finding: StudyFinding) -> ContainerContentItem:
    """Return the group of the study: score, threshold, verdict and all views."""
    point = finding.operating_point
    normality = normality_of(finding.category)
    return _group(
        "Study",
        [view.source for view in content.analyzed],
        [
            *_finding(normality),
            *_finding_sites(content.analyzed),
            *_bundle(
                finding.bundle,
                f"flag: study P(abnormal) >= {point.threshold!r} (operating point {point.name})",
                "study P(abnormal): mean over views",
                f"bundle sha256:{finding.bundle.digest}",
            ),
            _tid300_measurement(
                codes.PROBABILITY,
                finding.score,
                [CodeContentItem(codes.NORMALITY, normality, Relationship.HAS_PROPERTIES)],
            ),
            _tid300_measurement(codes.THRESHOLD_VALUE, point.threshold),
            _triage(finding.category),
        ],
    )


def tid1501_view(view_number: int, view: AnalyzedView, bundle: BundleIdentity) -> ContainerContentItem:
    """Return the group of a view: the probability of the ensemble, then that of each member."""
    return _group(
        view_title(view_number, view),
        [view.source],
        [
            *_finding_sites([view]),
            *_bundle(bundle, "view P(abnormal): mean over members by their votes"),
            _tid300_measurement(codes.PROBABILITY, view.finding.probability),
            *(_member(member, bundle) for member in view.finding.members),
            *_input_warning(view.finding.warning),
        ],
    )


def tid1501_set_aside(reason: str, instances: Sequence[SetAside]) -> ContainerContentItem:
    """Return the group of the instances that were not analyzed for one reason."""
    return _group(
        f"Not analyzed: {counted(len(instances), 'instance')}",
        [other.source for other in instances],
        [
            CodeContentItem(codes.NORMALITY, codes.NORMALITY_UNDETERMINED, Relationship.CONTAINS),
            _triage(TriageCategory.NOT_ANALYZED),
            TextContentItem(codes.COMMENT, f"Not analyzed, because {reason}.", Relationship.CONTAINS),
        ],
    )


def _group(title: str, sources: Sequence[Dataset], items: Iterable[ContentItem]) -> ContainerContentItem:
    """Return rows 1 to 3 (container, tracking identifiers), then `items` and what they are measured on."""
    tracking_uid = derived_uid("measurement-group", [str(s["SOPInstanceUID"].value) for s in sources], title)
    group = ContainerContentItem(
        codes.MEASUREMENT_GROUP,
        is_content_continuous=False,
        template_id="1501",
        relationship_type=Relationship.CONTAINS,
    )
    context = Relationship.HAS_OBS_CONTEXT
    group.ContentSequence = ContentSequence(
        [
            TextContentItem(codes.TRACKING_IDENTIFIER, title, context),
            UIDRefContentItem(codes.TRACKING_UNIQUE_IDENTIFIER, tracking_uid, context),
            *items,
            *(instance_item(codes.SOURCE_OF_MEASUREMENT, source) for source in sources),
        ]
    )
    return group


def _finding(normality: Code) -> list[ContentItem]:
    """Return the Finding of a flagged study; of any other there is none to state."""
    if normality is not codes.ABNORMAL:
        return []
    return [CodeContentItem(codes.FINDING, normality, Relationship.CONTAINS)]


def _finding_sites(views: Iterable[AnalyzedView]) -> list[ContentItem]:
    """Return one Finding Site with its Laterality for each part and side that is known."""
    modifier = Relationship.HAS_CONCEPT_MOD
    sites: list[ContentItem] = []
    for region, laterality in dict.fromkeys((view.region, view.laterality) for view in views):
        if region is None:
            continue
        site = CodeContentItem(codes.FINDING_SITE, codes.REGIONS[region], modifier)
        if laterality:
            side = CodeContentItem(codes.LATERALITY, codes.LATERALITIES[laterality], modifier)
            site.ContentSequence = ContentSequence([side])
        sites.append(site)
    return sites


def _bundle(bundle: BundleIdentity, *parameters: str) -> list[ContentItem]:
    untrained = () if bundle.trained else ("UNTRAINED: random weights, results have no meaning",)
    return tid4019_algorithm_identification(
        name=bundle.name,
        version=bundle.version,
        parameters=[*untrained, *parameters],
    )


def _input_warning(warning: InputWarning | None) -> list[ContentItem]:
    """Return what is unusual about a view: as a qualitative evaluation, and in words."""
    if warning is None:
        return []
    return [
        CodeContentItem(codes.INPUT_WARNING, codes.INPUT_WARNINGS[warning], Relationship.CONTAINS),
        TextContentItem(codes.COMMENT, warning.sentence, Relationship.CONTAINS),
    ]


def _member(member: MemberFinding, bundle: BundleIdentity) -> NumContentItem:
    algorithm = tid4019_algorithm_identification(name=member.member, version=bundle.version)
    return _tid300_measurement(codes.PROBABILITY, member.probability, algorithm)


def _tid300_measurement(name: Code, value: float, children: Sequence[ContentItem] = ()) -> NumContentItem:
    """Return row 1 of TID 300 for a number in [0, 1], with `children`."""
    measured = NumContentItem(name, value, codes.NO_UNITS, relationship_type=Relationship.CONTAINS)
    if children:
        measured.ContentSequence = ContentSequence(children)
    return measured


def _triage(category: TriageCategory) -> CodeContentItem:
    return CodeContentItem(codes.TRIAGE_CATEGORY, CATEGORIES[category], Relationship.CONTAINS)
