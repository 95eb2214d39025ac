"""TID 1501 Measurement and Qualitative Evaluation Group, with TID 300 Measurement inside.

This module says what was found: one group for the study, one for each view, one for each reason for which
instances were not analyzed.
"""

from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from dicom_io.derived import instance_reference
from dicom_io.uids import derived_uid
from models.finding import MemberFinding, StudyFinding, TriageCategory
from models.manifest import BundleIdentity
from sr_templates import codes
from sr_templates.content import AnalyzedView, ReportContent, SetAside
from sr_templates.content_items import (
    Relationship,
    code,
    container,
    instance,
    number,
    text,
    uid_reference,
    with_children,
)
from sr_templates.text import counted, view_title
from sr_templates.tid4019 import tid4019_algorithm_identification

CATEGORIES = {
    TriageCategory.LIKELY: codes.LIKELY,
    TriageCategory.SUSPECTED: codes.SUSPECTED,
    TriageCategory.NOT_FLAGGED: codes.NOT_FLAGGED,
    TriageCategory.NOT_ANALYZED: codes.NOT_ANALYZED,
}


def normality_of(category: TriageCategory) -> codes.Code:
    """Return the CID 222 term: Abnormal if flagged, else undetermined. "Normal" would be a rule-out."""
    flagged = category in (TriageCategory.LIKELY, TriageCategory.SUSPECTED)
    return codes.ABNORMAL if flagged else codes.NORMALITY_UNDETERMINED


def tid1501_study(content: ReportContent, finding: StudyFinding) -> Dataset:
    """Return the group of the study: score, threshold, verdict and all views."""
    point = finding.operating_point
    threshold = number(codes.THRESHOLD_VALUE, point.threshold, codes.NO_UNITS, Relationship.CONTAINS)
    return with_children(
        _group("Study", [str(view.source["SOPInstanceUID"].value) for view in content.analyzed]),
        [
            *_finding(finding.category),
            *_finding_sites(content.analyzed),
            *_bundle(
                finding.bundle,
                f"flag: study P(abnormal) >= {point.threshold!r} (operating point {point.name})",
                "study P(abnormal): mean over views",
                f"bundle sha256:{finding.bundle.digest}",
            ),
            _tid300_probability(
                finding.score,
                [code(codes.NORMALITY, normality_of(finding.category), Relationship.HAS_PROPERTIES)],
            ),
            threshold,
            code(codes.TRIAGE_CATEGORY, CATEGORIES[finding.category], Relationship.CONTAINS),
            *(_source_image(view.source) for view in content.analyzed),
        ],
    )


def tid1501_view(view_number: int, view: AnalyzedView, bundle: BundleIdentity) -> Dataset:
    """Return the group of a view: the probability of the ensemble, then that of each member."""
    return with_children(
        _group(view_title(view_number, view), [str(view.source["SOPInstanceUID"].value)]),
        [
            *_finding_sites([view]),
            *_bundle(bundle, "view P(abnormal): mean over members"),
            _tid300_probability(view.finding.probability, []),
            *(_member(member, bundle) for member in view.finding.members),
            _source_image(view.source),
        ],
    )


def tid1501_set_aside(reason: str, instances: Sequence[SetAside]) -> Dataset:
    """Return the group of the instances that were not analyzed for one reason."""
    title = f"Not analyzed: {counted(len(instances), 'instance')}"
    return with_children(
        _group(title, [str(other.source["SOPInstanceUID"].value) for other in instances]),
        [
            code(codes.NORMALITY, codes.NORMALITY_UNDETERMINED, Relationship.CONTAINS),
            code(codes.TRIAGE_CATEGORY, codes.NOT_ANALYZED, Relationship.CONTAINS),
            text(codes.COMMENT, f"Not analyzed, because {reason}.", Relationship.CONTAINS),
            *(_source_image(other.source) for other in instances),
        ],
    )


def _group(title: str, sop_instance_uids: Sequence[str]) -> Dataset:
    """Return rows 1 to 3: the container and its tracking identifiers."""
    tracking_uid = derived_uid("measurement-group", sop_instance_uids, title)
    return with_children(
        container(codes.MEASUREMENT_GROUP, Relationship.CONTAINS, template="1501"),
        [
            text(codes.TRACKING_IDENTIFIER, title, Relationship.HAS_OBS_CONTEXT),
            uid_reference(codes.TRACKING_UNIQUE_IDENTIFIER, tracking_uid, Relationship.HAS_OBS_CONTEXT),
        ],
    )


def _finding(category: TriageCategory) -> list[Dataset]:
    """Return the Finding of a flagged study; of any other there is none to state."""
    if normality_of(category) is not codes.ABNORMAL:
        return []
    return [code(codes.FINDING, codes.ABNORMAL, Relationship.CONTAINS)]


def _finding_sites(views: Iterable[AnalyzedView]) -> list[Dataset]:
    """Return one Finding Site with its Laterality for each part and side that is known."""
    sites = []
    for region, laterality in dict.fromkeys((view.region, view.laterality) for view in views):
        if region is None:
            continue
        site = code(codes.FINDING_SITE, codes.REGIONS[region], Relationship.HAS_CONCEPT_MOD)
        if laterality:
            side = code(codes.LATERALITY, codes.LATERALITIES[laterality], Relationship.HAS_CONCEPT_MOD)
            with_children(site, [side])
        sites.append(site)
    return sites


def _bundle(bundle: BundleIdentity, *parameters: str) -> list[Dataset]:
    untrained = () if bundle.trained else ("UNTRAINED: random weights, results have no meaning",)
    return tid4019_algorithm_identification(
        name=bundle.name,
        version=bundle.version,
        parameters=[*untrained, *parameters],
    )


def _member(member: MemberFinding, bundle: BundleIdentity) -> Dataset:
    algorithm = tid4019_algorithm_identification(name=member.member, version=bundle.version)
    return _tid300_probability(member.probability, algorithm)


def _tid300_probability(probability: float, children: Sequence[Dataset]) -> Dataset:
    """Return row 1 of TID 300 for P(abnormal) in [0, 1], with `children`."""
    measured = number(codes.PROBABILITY, probability, codes.NO_UNITS, Relationship.CONTAINS)
    return with_children(measured, children) if children else measured


def _source_image(source: Dataset) -> Dataset:
    return instance(
        instance_reference(source),
        Relationship.CONTAINS,
        is_image="Rows" in source,
        name=codes.SOURCE_OF_MEASUREMENT,
    )
