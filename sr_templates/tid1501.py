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
from models.bundle.manifest import BundleIdentity, Target
from models.claims import digits_of, in_digits, named
from models.finding import MemberFinding
from models.reference.drift import InputWarning
from models.study_finding import PartFinding, StudyFinding, TriageCategory
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
CERTAINTIES = {
    TriageCategory.LIKELY: codes.PROBABLY_PRESENT,
    TriageCategory.SUSPECTED: codes.PRESENCE_SUSPECTED,
}
"""What a flag says of its finding; of what is not flagged nothing is said to be absent."""


def tid1501_study(content: ReportContent, finding: StudyFinding) -> ContainerContentItem:
    """Return the group of the study: what is suspected and how surely, score, threshold and all views."""
    point, highest = finding.operating_point, finding.highest
    digits = digits_of(finding)
    quantity = finding.bundle.target.quantity
    deciding = [view for view in content.analyzed if view.finding.part == highest.part]
    return _group(
        "Study",
        [view.source for view in content.analyzed],
        [
            *_finding(finding.category, finding.bundle.target),
            *_finding_sites(deciding if finding.flagged else content.analyzed),
            *_bundle(
                finding.bundle,
                f"flag: study {quantity} >= {point.threshold!r} (operating point {point.name})",
                f"study {quantity}: of the highest part; of a part: {finding.bundle.fold} of its views",
                f"bundle sha256:{finding.bundle.digest}",
            ),
            _tid300_measurement(codes.PROBABILITY, in_digits(finding.score, digits)),
            _tid300_measurement(codes.THRESHOLD, in_digits(point.threshold, digits)),
            _triage(finding.category),
        ],
    )


def tid1501_parts(content: ReportContent, finding: StudyFinding) -> list[ContainerContentItem]:
    """Return a group for each part of a study that shows several; of a single one the study's says all."""
    return [_part(content, finding, part) for part in finding.parts] if len(finding.parts) > 1 else []


def tid1501_view(number: int, content: ReportContent, finding: StudyFinding) -> ContainerContentItem:
    """Return the group of a view, counted from 1: the ensemble's probability, then that of each member."""
    view, bundle, digits = content.analyzed[number - 1], finding.bundle, digits_of(finding)
    return _group(
        view_title(number, view),
        [view.source],
        [
            *_finding_sites([view]),
            _looked_for(bundle.target),
            *_bundle(bundle, f"view {bundle.target.quantity}: mean over members by their votes"),
            _tid300_measurement(codes.PROBABILITY, in_digits(view.finding.probability, digits)),
            *(_member(member, bundle, digits) for member in view.finding.members),
            *_input_warning(view.finding.warning),
        ],
    )


def tid1501_set_aside(reason: str, instances: Sequence[SetAside]) -> ContainerContentItem:
    """Return the group of the instances that were not analyzed for one reason."""
    return _group(
        f"Not analyzed: {counted(len(instances), 'instance')}",
        [other.source for other in instances],
        [
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


def _part(content: ReportContent, finding: StudyFinding, part: PartFinding) -> ContainerContentItem:
    views = [view for view in content.analyzed if view.finding.part == part.part]
    return _group(
        f"Part: {named(part.part)}",
        [view.source for view in views],
        [
            *_finding(part.category, finding.bundle.target),
            *_finding_sites(views),
            *_bundle(finding.bundle),
            _tid300_measurement(codes.PROBABILITY, in_digits(part.score, digits_of(finding))),
            _triage(part.category),
        ],
    )


def _finding(category: TriageCategory, target: Target) -> list[ContentItem]:
    """Return what was looked for; where it is flagged, as a Finding with how surely it is there."""
    certainty = CERTAINTIES.get(category)
    if certainty is None:
        return [_looked_for(target)]
    found = CodeContentItem(codes.FINDING, _code(target), Relationship.CONTAINS)
    found.ContentSequence = ContentSequence(
        [CodeContentItem(codes.FINDING_CONTEXT, certainty, Relationship.HAS_CONCEPT_MOD)]
    )
    return [found, _looked_for(target)]


def _looked_for(target: Target) -> CodeContentItem:
    return CodeContentItem(codes.LOOKED_FOR, _code(target), Relationship.CONTAINS)


def _code(target: Target) -> Code:
    return Code(target.code.value, target.code.scheme, target.code.meaning)


def _finding_sites(views: Iterable[AnalyzedView]) -> list[ContentItem]:
    """Return one Finding Site with its Laterality for each part and side that is known."""
    modifier = Relationship.HAS_CONCEPT_MOD
    sites: list[ContentItem] = []
    for region, laterality in dict.fromkeys((view.shown.region, view.shown.laterality) for view in views):
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


def _member(member: MemberFinding, bundle: BundleIdentity, digits: int) -> NumContentItem:
    algorithm = tid4019_algorithm_identification(name=member.member, version=bundle.version)
    return _tid300_measurement(codes.MEMBER_PROBABILITY, in_digits(member.probability, digits), algorithm)


def _tid300_measurement(name: Code, value: float, children: Sequence[ContentItem] = ()) -> NumContentItem:
    """Return row 1 of TID 300 for a number in [0, 1], with `children`."""
    measured = NumContentItem(name, value, codes.NO_UNITS, relationship_type=Relationship.CONTAINS)
    if children:
        measured.ContentSequence = ContentSequence(children)
    return measured


def _triage(category: TriageCategory) -> CodeContentItem:
    return CodeContentItem(codes.TRIAGE_CATEGORY, CATEGORIES[category], Relationship.CONTAINS)
