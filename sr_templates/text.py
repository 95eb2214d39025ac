"""The sentences of a report.

This module says in plain words what the coded content says, the most important first. It never says that
something is normal, and no number contradicts the words beside it.
"""

from collections.abc import Iterable

from dicom_io.age import age_clause
from dicom_io.derived import NOT_FOR_DIAGNOSIS
from dicom_io.laterality import Laterality
from dicom_io.projection import Projection
from models.finding import StudyFinding, TriageCategory
from sr_templates.content import AnalyzedView, ReportContent, SetAside

_SIDES = {
    Laterality.LEFT: "left ",
    Laterality.RIGHT: "right ",
    Laterality.BOTH: "bilateral ",
    Laterality.UNKNOWN: "",
}
_UNSPECIFIED = "unspecified body part"

_CLAIMS = {
    TriageCategory.LIKELY: "LIKELY ABNORMALITY",
    TriageCategory.SUSPECTED: "SUSPECTED ABNORMALITY",
    TriageCategory.NOT_FLAGGED: "no abnormality flagged",
}

LIMITATIONS = (
    "Automated triage by a research model, unreviewed: it orders the worklist and replaces no reading. "
    "Abnormal studies can remain unflagged and normal studies can be flagged."
)


def summary(content: ReportContent) -> str:
    """Return the whole message in a few sentences; the first alone tells a radiologist what matters."""
    if content.finding is None:
        sentences = [_not_analyzed(content), "This report says nothing about the images."]
    else:
        sentences = [_headline(content, content.finding), *_cautions(content)]
    if clause := content.facts.revision_clause:
        sentences.insert(1, f"{clause[:1].upper()}{clause[1:]}.")
    sentences.append(f"Research model {content.bundle.label}; {NOT_FOR_DIAGNOSIS}.")
    if content.finding is not None and not content.bundle.trained:
        sentences.append("An UNTRAINED model's result has no meaning.")
    return " ".join(sentences)


def probability_text(probability: float, threshold: float) -> tuple[str, str]:
    """Return both numbers with as many decimals, at least two, as keep them on their sides.

    >>> probability_text(0.87, 0.5), probability_text(0.4996, 0.5)
    (('0.87', '0.50'), ('0.4996', '0.5000'))
    """
    for decimals in range(2, 17):
        shown, limit = f"{probability:.{decimals}f}", f"{threshold:.{decimals}f}"
        if (float(shown) >= float(limit)) == (probability >= threshold):
            return shown, limit
    return repr(probability), repr(threshold)


def age_caution(content: ReportContent) -> str:
    """Return the caution about the patient's age, one sentence for all views; empty if there is none."""
    clause = age_clause([(view.age_caution, view.minimum_age_years) for view in content.analyzed])
    return f"CAUTION: {clause}." if clause else ""


def view_title(number: int, view: AnalyzedView) -> str:
    """Return the name of a view in the report: "View 2: left wrist, lateral"."""
    projection = "" if view.projection is Projection.UNKNOWN else f", {view.projection}"
    return f"View {number}: {_part(view)}{projection}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 view", "3 views"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def reasons(set_aside: Iterable[SetAside]) -> dict[str, list[SetAside]]:
    """Return the instances that were not analyzed by their reason, a clause, in order of appearance.

    A sentence of its own ("This is a localizer.") becomes a clause that can follow "because". What ASCII
    cannot say is escaped, so that every character set can carry it.
    """
    by_reason: dict[str, list[SetAside]] = {}
    for other in set_aside:
        clause = other.reason.encode("ascii", "backslashreplace").decode("ascii").rstrip(".")
        clause = "this" + clause[4:] if clause.startswith("This ") else clause
        by_reason.setdefault(clause, []).append(other)
    return by_reason


def _headline(content: ReportContent, finding: StudyFinding) -> str:
    score, threshold = probability_text(finding.score, finding.operating_point.threshold)
    disclaimer = "" if finding.flagged else "; not a diagnosis"
    return (
        f"{_sender(content)}: {_CLAIMS[finding.category]} in {_subject(content.analyzed)}, "
        f"{_views(content)}, P(abnormal) {score} "
        f"(flag at {threshold}, operating point {finding.operating_point.name}){disclaimer}."
    )


def _not_analyzed(content: ReportContent) -> str:
    listed = "; ".join(
        f"{reason} ({counted(len(instances), 'instance')})"
        for reason, instances in reasons(content.set_aside).items()
    )
    return f"{_sender(content)}: NOT ANALYZED, because {listed}."


def _sender(content: ReportContent) -> str:
    return "ulna" if content.bundle.trained else "ulna with an UNTRAINED model"


def _views(content: ReportContent) -> str:
    """Return how many views there are, and of how many if some could not be analyzed."""
    done = len(content.analyzed)
    failed = sum(other.failed for other in content.set_aside)
    return f"{done} of {counted(done + failed, 'view')}" if failed else counted(done, "view")


def _cautions(content: ReportContent) -> list[str]:
    cautions = [caution] if (caution := age_caution(content)) else []
    if len(parts := _parts(content.analyzed)) > 1:
        cautions.append(f"The views show {' and '.join(parts)}; P(abnormal) is one mean over all of them.")
    for number, view in enumerate(content.analyzed, start=1):
        if (warning := view.finding.warning) is not None:
            cautions.append(
                f"CAUTION: view {number} {warning.clause}: it differs from the training data, "
                "treat the result with caution."
            )
        if view.laterality_conflict:
            stated = "no side" if view.laterality is Laterality.UNKNOWN else _SIDES[view.laterality].strip()
            cautions.append(
                f"The header of view {number} contradicts itself about the side "
                f"({view.laterality_conflict}); {stated} is stated."
            )
    for reason, instances in reasons(content.set_aside).items():
        cautions.append(f"Not analyzed: {counted(len(instances), 'instance')}, because {reason}.")
    return cautions


def _subject(views: tuple[AnalyzedView, ...]) -> str:
    parts = _parts(views)
    if _UNSPECIFIED not in parts:
        return f"{' and '.join(parts)} radiographs"
    return f"radiographs of {' and '.join(('an ' if p == _UNSPECIFIED else 'the ') + p for p in parts)}"


def _parts(views: tuple[AnalyzedView, ...]) -> list[str]:
    return list(dict.fromkeys(_part(view) for view in views))


def _part(view: AnalyzedView) -> str:
    return _UNSPECIFIED if view.region is None else f"{_SIDES[view.laterality]}{view.region.lower()}"
