"""This module decides what the page of a prediction shows: whose numbers, and what they say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.pipeline.file_study import AnalyzedFile, FileStudy
from daemon.predictor.study import PredictedStudy
from daemon.study_json import file_study_values
from daemon.web.listing import UnknownFilter
from daemon.web.stated import StatedBundle
from daemon.web.wording import UNTRAINED
from models.bundle.manifest import BundleIdentity
from models.claims import NOT_LOOKED_FOR, headline, in_words, named
from models.finding import ViewFinding
from models.networks.ensembles import possible_ensembles
from models.panels import Panel, panels_of
from models.rendering.words import score_sentence
from models.study_finding import StudyFinding, TriageCategory

_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A choice of members that the page offers; `query` asks for it, `is_chosen` where it is shown now."""

    title: str
    members: tuple[str, ...]
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whose numbers are shown, in the bundle's order; all members where the address names none.

    `by_paper` also asks for what the paper's own rule says of them.
    """

    members: tuple[str, ...]
    is_whole: bool
    by_paper: bool

    @property
    def query(self) -> str:
        """The query string of the address that makes this choice."""
        return query_of(() if self.is_whole else self.members, self.by_paper)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFile:
    """A view with what was found in it; `number` counts files from 1, in the order in which they came."""

    number: int
    file: AnalyzedFile
    finding: ViewFinding
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the page shows of a prediction.

    Attributes
    ----------
    category
        None where some of the members are chosen: the operating points are not stated for them.
    score
        P(abnormal) of the study; None where no file was analyzed.
    headline, sentences
        What was found, as a headline and in sentences.
    set_aside
        Files that were not analyzed, by number, and why.
    """

    choice: Choice
    bundle: StatedBundle
    category: TriageCategory | None
    score: float | None
    headline: str
    sentences: tuple[str, ...]
    age_caution: str
    views: tuple[ShownFile, ...]
    set_aside: tuple[AnalyzedFile, ...]
    engine: str

    @property
    def target(self) -> str:
        """What was looked for."""
        return self.bundle.identity.target.text

    @property
    def model_label(self) -> str:
        """Which bundle says so."""
        return self.bundle.identity.label


def query_of(members: Sequence[str], by_paper: bool) -> str:
    """Return a query string: "?members=a,b&rule=paper", or an empty one."""
    pairs = [f"members={','.join(members)}"] if members else []
    pairs += ["rule=paper"] if by_paper else []
    return f"?{'&'.join(pairs)}" if pairs else ""


def choice_of(query: Mapping[str, str], bundle: BundleIdentity, *, by_paper: bool) -> Choice:
    """Read out of a query string whose numbers are asked for.

    Raises
    ------
    UnknownFilter
        There is no such member.
    """
    asked = query.get("members", "").split(",") if query.get("members") else list(bundle.members)
    if not set(asked) <= set(bundle.members):
        raise UnknownFilter(f"members must be some of: {', '.join(bundle.members)}")
    members = tuple(member for member in bundle.members if member in asked)
    return Choice(members=members, is_whole=members == bundle.members, by_paper=by_paper)


def offers(bundle: StatedBundle, choice: Choice) -> tuple[Offer, ...]:
    """Return what can be chosen: all members, the paper's ensembles that they can make, each member alone.

    Ensembles of the same members are one offer.
    """
    members = bundle.identity.members
    everybody = [f"all {len(members)} members"] if len(members) > 1 else []
    titles: dict[frozenset[str], list[str]] = {frozenset(members): everybody}
    for name, some in possible_ensembles(bundle.architectures).items():
        titles.setdefault(frozenset(some), []).append(f"the paper's {name}")
    for member in members:
        titles.setdefault(frozenset({member}), []).append(member)
    return tuple(
        _offer(", ".join(said), tuple(each for each in members if each in some), choice, members)
        for some, said in titles.items()
    )


def _offer(title: str, some: tuple[str, ...], choice: Choice, members: tuple[str, ...]) -> Offer:
    query = query_of(() if some == members else some, choice.by_paper) or "?"
    return Offer(title=title, members=some, query=query, is_chosen=some == choice.members)


def prediction(predicted: PredictedStudy, choice: Choice, bundle: StatedBundle) -> Prediction:
    """Arrange what the chosen members say of a study; no network runs."""
    study = predicted.judged(choice.members)
    finding, shown = study.finding, []
    for number, (file, whole) in enumerate(zip(study.files, predicted.files, strict=True), start=1):
        found = study.finding_of(file)
        if found is not None and whole.view is not None:
            panels = panels_of(
                whole.view.reading.members,
                threshold=bundle.operating_point.threshold,
                chosen=choice.members,
                calibrations=bundle.calibrations if choice.by_paper else None,
            )
            shown.append(ShownFile(number=number, file=file, finding=found, panels=panels))
    return Prediction(
        choice=choice,
        bundle=bundle,
        category=_category(study, choice),
        score=None if finding is None else finding.score,
        headline=_headline(study, choice),
        sentences=_sentences(study, choice),
        age_caution=study.age_caution,
        views=tuple(shown),
        set_aside=tuple(file for file in study.files if file.view is None),
        engine=study.judged.study.engine if study.judged is not None else "",
    )


def prediction_values(predicted: PredictedStudy, choice: Choice) -> dict[str, Any]:
    """Return a prediction as JSON has it: the form of every study of files, and whose numbers these are.

    Where some of the members are chosen there is no category: the operating points are not stated for them.
    """
    study = predicted.judged(choice.members)
    values = file_study_values(study) | {"members": list(choice.members)}
    return values if choice.is_whole else values | {"category": None}


def _category(study: FileStudy, choice: Choice) -> TriageCategory | None:
    if study.finding is None:
        return TriageCategory.NOT_ANALYZED
    return study.finding.category if choice.is_whole else None


def _headline(study: FileStudy, choice: Choice) -> str:
    finding = study.finding
    if finding is None:
        return "Not analyzed"
    if not choice.is_whole:
        return f"{' and '.join(choice.members)} alone"
    return headline(finding.category, finding.bundle.target)


def _sentences(study: FileStudy, choice: Choice) -> tuple[str, ...]:
    if study.judged is None:
        return ("The files are of two patients, so nothing is said of them together.",)
    if study.finding is None:
        return ("None of the files was analyzed; the reasons are below.",)
    finding = study.finding
    looked_for = f"Looked for: {finding.bundle.target.text}; {NOT_LOOKED_FOR}. This is not a diagnosis."
    random = (
        () if finding.bundle.trained else (f"{UNTRAINED}: the weights are random, the numbers mean nothing.",)
    )
    told = (score_sentence(finding),) if choice.is_whole else tuple(_of_some(finding))
    return (*random, *told, looked_for)


def _of_some(finding: StudyFinding) -> list[str]:
    quantity, highest = finding.bundle.target.quantity, finding.highest
    part = f"{named(highest.part)}, " if len(finding.parts) > 1 else ""
    folded = finding.bundle.fold.words(len(highest.views))
    return [
        f"Study: {quantity} {in_words(finding.score, _DIGITS)} ({part}{folded}).",
        "The operating points are stated for all members of the bundle together. They do not hold for this "
        "choice, so nothing is flagged by it.",
    ]
