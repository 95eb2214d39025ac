"""The sentences of a report.

This module says in plain words what the coded content says, the most important first. It never says that
something is normal, and no number contradicts the words beside it.
"""

from collections.abc import Iterable, Sequence

from dicom_io.objects.result_facts import NOT_FOR_DIAGNOSIS
from dicom_io.selection.age import age_clause
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.parts import SIDES
from dicom_io.selection.projection import Projection
from models.claims import NOT_LOOKED_FOR, UNSPECIFIED, claim, digits_of, in_words, named
from models.study_finding import StudyFinding, TriageCategory
from sr_templates.content import AnalyzedView, ReportContent, SetAside
from sr_templates.reason import clause

_RESEARCH = (
    "Automated triage by a research model, unreviewed: it orders the worklist and replaces no reading. "
    "What it looks for can be there where it is not flagged, and absent where it is."
)


def limitations(content: ReportContent) -> str:
    """Return what the report is about, and what it is not."""
    target = content.bundle.target
    return f"Looked for: {target.text}. Not looked for: {target.not_looked_for}. {_RESEARCH}"


def summary(content: ReportContent) -> str:
    """Return the whole message in a few sentences; the first alone tells a radiologist what matters."""
    if content.finding is None:
        sentences = [
            f"{_sender(content)}: NOT ANALYZED, because {not_analyzed(content)}.",
            "This report says nothing about the images.",
        ]
    else:
        sentences = [_headline(content, content.finding), *_cautions(content, content.finding)]
    if clause := content.facts.revision_clause:
        sentences.insert(1, f"{clause[:1].upper()}{clause[1:]}.")
    if content.category in (TriageCategory.LIKELY, TriageCategory.SUSPECTED):
        sentences.append(f"{NOT_LOOKED_FOR[:1].upper()}{NOT_LOOKED_FOR[1:]}.")
    sentences.append(f"Research model {content.bundle.label}; {NOT_FOR_DIAGNOSIS}.")
    if content.finding is not None and not content.bundle.trained:
        sentences.append("An UNTRAINED model's result has no meaning.")
    return " ".join(sentences)


def age_caution(content: ReportContent) -> str:
    """Return the caution about the patient's age, one sentence for all views; empty if there is none."""
    clause = age_clause([(view.shown.age_caution, view.shown.minimum_age_years) for view in content.analyzed])
    return f"CAUTION: {clause}." if clause else ""


def view_title(number: int, view: AnalyzedView) -> str:
    """Return the name of a view in the report: "View 2: left wrist, lateral"."""
    return f"View {number}: {shown_by(view)}"


def shown_by(view: AnalyzedView) -> str:
    """Return what a view shows: "left wrist, lateral"."""
    shown = view.shown
    projection = "" if shown.projection is Projection.UNKNOWN else f", {shown.projection}"
    return f"{named(shown.part.name)}{projection}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 view", "3 views"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def reasons(set_aside: Iterable[SetAside]) -> dict[str, list[SetAside]]:
    """Return the instances that were not analyzed by their reason, a clause, in order of appearance.

    What ASCII cannot say is escaped, so that every character set can carry it.
    """
    by_reason: dict[str, list[SetAside]] = {}
    for other in set_aside:
        words = clause(other.reason).encode("ascii", "backslashreplace").decode("ascii")
        by_reason.setdefault(words, []).append(other)
    return by_reason


def _headline(content: ReportContent, finding: StudyFinding) -> str:
    target, highest, point = finding.bundle.target, finding.highest, finding.operating_point
    words = claim(finding.category, target)
    subject = _subject([highest.part] if finding.flagged else _part_names(finding))
    if finding.flagged:
        beginning, end = f"{_sender(content)}: {words.upper()}", ""
    else:
        beginning = f"{words[:1].upper()}{words[1:]} by {_sender(content)}"
        end = f"; {NOT_LOOKED_FOR}; not a diagnosis"
    digits = digits_of(finding)
    folded = finding.bundle.fold.words(len(highest.views))
    origin = f"{named(highest.part)}, {folded}" if len(finding.parts) > 1 else folded
    return (
        f"{beginning} in {subject}, {_views(content)}, {target.quantity} {in_words(finding.score, digits)} "
        f"({origin}; flag at {in_words(point.threshold, digits)}, operating point {point.name}){end}."
    )


def not_analyzed(content: ReportContent) -> str:
    """Return why instances were not analyzed, as a clause."""
    return "; ".join(
        f"{reason} ({counted(len(instances), 'instance')})"
        for reason, instances in reasons(content.set_aside).items()
    )


def _sender(content: ReportContent) -> str:
    return "ulna" if content.bundle.trained else "ulna with an UNTRAINED model"


def _views(content: ReportContent) -> str:
    """Return how many views there are, and of how many if some could not be analyzed."""
    done = len(content.analyzed)
    failed = sum(other.failed for other in content.set_aside)
    return f"{done} of {counted(done + failed, 'view')}" if failed else counted(done, "view")


def _cautions(content: ReportContent, finding: StudyFinding) -> list[str]:
    cautions = [*_parts_apart(finding), *_standing_out(content, finding)]
    if age := age_caution(content):
        cautions.append(age)
    for number, view in enumerate(content.analyzed, start=1):
        if (warning := view.finding.warning) is not None:
            cautions.append(
                f"CAUTION: view {number} {warning.clause}: it differs from the training data, "
                "treat the result with caution."
            )
        if view.shown.laterality_conflict:
            side = view.shown.laterality
            stated = "no side" if side is Laterality.UNKNOWN else SIDES[side].strip()
            cautions.append(
                f"The header of view {number} contradicts itself about the side "
                f"({view.shown.laterality_conflict}); {stated} is stated."
            )
    for reason, instances in reasons(content.set_aside).items():
        cautions.append(f"Not analyzed: {counted(len(instances), 'instance')}, because {reason}.")
    return cautions


def _parts_apart(finding: StudyFinding) -> list[str]:
    """Return what each part's views say, where the study shows several: the headline is the highest's."""
    if len(finding.parts) == 1:
        return []
    digits, target = digits_of(finding), finding.bundle.target
    said = "; ".join(
        f"{named(part.part)} {in_words(part.score, digits)} ({claim(part.category, target)})"
        for part in finding.parts
    )
    return [f"{target.quantity} of each part: {said}."]


def _standing_out(content: ReportContent, finding: StudyFinding) -> list[str]:
    """Return the views that reach the operating point though their part does not."""
    digits, quantity = digits_of(finding), finding.bundle.target.quantity
    return [
        f"View {number} alone reaches the operating point, {quantity} "
        f"{in_words(view.finding.probability, digits)}; its part does not."
        for number, view in enumerate(content.analyzed, start=1)
        if finding.stands_out(view.finding)
    ]


def _subject(parts: Sequence[str]) -> str:
    if "" not in parts:
        return f"{' and '.join(parts)} radiographs"
    return f"radiographs of {' and '.join('an ' + UNSPECIFIED if not p else 'the ' + p for p in parts)}"


def _part_names(finding: StudyFinding) -> list[str]:
    return [part.part for part in finding.parts]
