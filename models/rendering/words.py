"""Says what stands beside the picture on a view's page: what was found, how surely, and what it is about.

All of it is printable ASCII, and nothing in it tells who the patient is.
"""

from dataclasses import dataclass

from models.bundle.manifest import SPECIFIC
from models.claims import NOT_LOOKED_FOR, claim, digits_of, headline, in_words, named
from models.finding import ViewFinding
from models.rendering.text_lines import RGB, Row, Text
from models.study_finding import StudyFinding, TriageCategory

COLORS: dict[TriageCategory, RGB] = {
    TriageCategory.LIKELY: (255, 122, 92),
    TriageCategory.SUSPECTED: (255, 184, 76),
    # Neutral on purpose: green would read as "normal", which ulna never says.
    TriageCategory.NOT_FLAGGED: (168, 190, 214),
    TriageCategory.NOT_ANALYZED: (168, 172, 180),
}
"""Of the headline and the stripe above it."""

PRIMARY: RGB = (222, 226, 232)
SECONDARY: RGB = (150, 157, 168)
WARNING: RGB = (255, 196, 84)
_LONGEST_TEXT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What stands beside the picture, in printable ASCII; anything else raises ValueError.

    Attributes
    ----------
    product
        Name and version of the product.
    view
        What the view shows, for example "Wrist, left, lateral - view 2 of 3". No identifier.
    study
        The finding of the study that the view belongs to.
    revision
        Which report the page's replaces, as a clause; empty where it is the first.
    caution
        What speaks against the result beside the pixels, as a sentence; empty if nothing.
    """

    product: str
    view: str
    study: StudyFinding
    revision: str = ""
    caution: str = ""

    def __post_init__(self) -> None:
        for text in (self.product, self.view, self.revision, self.caution):
            if len(text) > _LONGEST_TEXT or not (text.isascii() and text.isprintable()):
                raise ValueError(f"a caption must be at most {_LONGEST_TEXT} printable ASCII characters")


def banner_rows() -> list[Row]:
    """Return what stands above all else where the weights are random."""
    sentence = "UNTRAINED: the weights are random, the numbers and the map mean nothing."
    return [Row(left=Text(content=sentence, size=18, color=PRIMARY))]


def header_rows(finding: ViewFinding, caption: Caption) -> list[Row]:
    """Return what is said of the study, then of the view's part, then what to be careful about."""
    study, target = caption.study, caption.study.bundle.target
    where = f", {named(study.highest.part)}" if len(study.parts) > 1 and study.flagged else ""
    return [
        Row(
            left=Text(
                content=headline(study.category, target) + where, size=28, color=COLORS[study.category]
            ),
            right=Text(content=caption.view, size=18, color=PRIMARY),
        ),
        Row(left=Text(content=score_sentence(study), size=16, color=PRIMARY)),
        *_part_rows(finding, study),
        Row(left=Text(content=f"Looked for: {target.text}; {NOT_LOOKED_FOR}.", size=15, color=SECONDARY)),
        *_revision_rows(caption),
        *_caution_rows(finding, caption),
    ]


def score_sentence(study: StudyFinding) -> str:
    """Return how the study's score was made, and how it stands to the operating point."""
    point, highest, digits = study.operating_point, study.highest, digits_of(study)
    part = f"{named(highest.part)}, " if len(study.parts) > 1 else ""
    folded = study.bundle.fold.words(len(highest.views))
    reaches = "reaches" if study.flagged else "is below"
    return (
        f"Study: {study.bundle.target.quantity} {in_words(study.score, digits)} ({part}{folded}) {reaches} "
        f'the operating point "{point.name}", {in_words(point.threshold, digits)}.'
    )


def _part_rows(finding: ViewFinding, study: StudyFinding) -> list[Row]:
    """Return what the view's own part says, where the study has others; and that the view stands out."""
    rows, digits = [], digits_of(study)
    part = study.part_of(finding)
    if len(study.parts) > 1:
        sentence = (
            f"This part, {named(part.part)}: {study.bundle.target.quantity} {in_words(part.score, digits)} "
            f"({study.bundle.fold.words(len(part.views))}), {claim(part.category, study.bundle.target)}."
        )
        rows.append(Row(left=Text(content=sentence, size=16, color=PRIMARY)))
    out = [number for number, view in enumerate(study.views, start=1) if study.stands_out(view)]
    if out:
        views = "View" if len(out) == 1 else "Views"
        sentence = f"{views} {', '.join(map(str, out))} alone would reach the operating point."
        if study.stands_out(finding):
            sentence = "This view alone reaches the operating point; together with the others it does not."
        rows.append(Row(left=Text(content=sentence, size=16, color=WARNING)))
    return rows


def _revision_rows(caption: Caption) -> list[Row]:
    """Return what tells the page from the one that it replaces, which an archive keeps beside it."""
    if not caption.revision:
        return []
    sentence = f"{caption.revision[:1].upper()}{caption.revision[1:]}."
    return [Row(left=Text(content=sentence, size=16, color=WARNING))]


def _caution_rows(finding: ViewFinding, caption: Caption) -> list[Row]:
    sentences = filter(None, (caption.caution, _input_caution(finding, caption.study)))
    return [Row(left=Text(content=sentence, size=16, color=WARNING)) for sentence in sentences]


def _input_caution(finding: ViewFinding, study: StudyFinding) -> str:
    """Return the caution about an unusual view; on pages of other views, how many of the study are."""
    if finding.warning is not None:
        return f"CAUTION: {finding.warning.sentence}"
    if warned := sum(view.warning is not None for view in study.views):
        views = f"{warned} of {len(study.views)} views"
        return f"CAUTION: {views} of this study unlike the training data, treat its score with caution."
    return ""


def legend_row(study: StudyFinding) -> Row:
    """Return what the colors of the overlay and its lines mean."""
    point, quantity = study.operating_point, study.bundle.target.quantity
    dashed = "" if point.name == SPECIFIC else f'dashed from "{point.name}", '
    sentence = (
        f"{quantity} of each place by itself, by the networks' votes; "
        f'outlines: {dashed}solid from "{SPECIFIC}".'
    )
    return Row(left=Text(content=sentence, size=14, color=SECONDARY))


def footer_rows(finding: ViewFinding, caption: Caption) -> list[Row]:
    """Return what the members say of the view, and who says it."""
    digits = digits_of(caption.study)
    votes = sum(member.vote for member in finding.members)
    members = ", ".join(
        f"{member.member} {in_words(member.probability, digits)} (vote {member.vote / votes:.0%})"
        for member in finding.members
    )
    reaches = finding.probability >= caption.study.operating_point.threshold
    numbers = (
        f"This view: {caption.study.bundle.target.quantity} {in_words(finding.probability, digits)} "
        f"({'reaches' if reaches else 'is below'} the operating point), the mean by votes of: {members}."
    )
    origin = f"{caption.product} | model {caption.study.bundle.label}"
    return [
        Row(left=Text(content=numbers, size=15, color=PRIMARY)),
        Row(
            left=Text(content=origin, size=14, color=SECONDARY),
            right=Text(content="NOT FOR DIAGNOSTIC USE", size=15, color=WARNING),
        ),
    ]
