"""The side of the body that an instance shows.

This module reads the side from the elements made for it, from codes, and from words; it never guesses. A
side that sources contradict is unknown.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from dicom_io.selection.statements import (
    Level,
    Source,
    Statement,
    coded_statements,
    series_texts,
    study_texts,
)
from dicom_io.selection.vocabulary import Mention, tokens_of
from dicom_io.selection.words import NOTHING, Axis, Words, shipped_words

if TYPE_CHECKING:  # it loads pydicom, which nobody needs for the words of a finding
    from dicom_io.reading.instance import InstanceHeader


class Laterality(StrEnum):
    """Side, with the values of (0020,0062) *Image Laterality*; empty where it is unpaired or not said."""

    LEFT = "L"
    RIGHT = "R"
    BOTH = "B"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateralityMatch:
    """What an instance says about its side.

    `against` are the keywords of sources that contradict those that decided, or each other; the side is
    then unknown unless one of them is much nearer to the image.
    """

    laterality: Laterality
    decided_by: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()


def laterality_match(header: "InstanceHeader", words: Words | None = None) -> LateralityMatch:
    """Return the side that an instance shows, and why.

    The first level that tells decides: the elements and codes made for it (ImageLaterality, Laterality,
    AnatomicRegionModifierSequence); the words of the series and of BodyPartExamined; those of the study and
    its procedure. Sources of one level that contradict each other leave the side unknown, and so does a full
    word of the series ("LEFT") against a code; abbreviations and the words of the study, which may be about
    another series, give way to what is nearer to the image. Every contradiction is told.
    """
    words = words or shipped_words()
    said = [*_coded(header, words.laterality), *_worded(header, words)]
    statements = tuple(one.statement for one in said)
    named = [one for one in said if one.statement.understood]
    levels = [[one for one in named if one.statement.level is level] for level in Level]
    deciding = next((level for level in levels if level), [])
    side = _agreed({one.side for one in deciding})
    against = [one for one in named if one.side and side and _contradict(one.side, side)]
    outspoken = [one for one in against if _speaks_up_against_codes(one, deciding)]
    if side is Laterality.UNKNOWN:
        against = deciding
    return LateralityMatch(
        laterality=Laterality.UNKNOWN if outspoken else side,
        decided_by=() if outspoken or not side else _keywords(deciding),
        against=_keywords(against),
        statements=statements,
    )


class _Grade(IntEnum):
    """How plainly a text says a side."""

    LETTER = 1
    ABBREVIATION = 2
    WORD = 3


@dataclass(frozen=True, slots=True)
class _Said:
    statement: Statement
    side: Laterality
    grade: _Grade


_SINGLE = frozenset({Laterality.LEFT, Laterality.RIGHT})
_ELEMENT_VALUES = {
    "L": Laterality.LEFT, "LEFT": Laterality.LEFT, "LT": Laterality.LEFT,
    "R": Laterality.RIGHT, "RIGHT": Laterality.RIGHT, "RT": Laterality.RIGHT,
    "B": Laterality.BOTH, "BOTH": Laterality.BOTH, "BILATERAL": Laterality.BOTH,
}  # fmt: skip
_ROMAN_NUMERALS = frozenset({"i", "v"})
_SHORTEST_NAME = 3


def _agreed(sides: set[Laterality]) -> Laterality:
    """Return the side of sources of one level; unknown if they are not of one mind."""
    return sides.pop() if len(sides) == 1 else Laterality.UNKNOWN


def _contradict(one: Laterality, other: Laterality) -> bool:
    """Return whether one side denies the other: both hands of a study do not deny an image of the left."""
    return one is not other and one is not Laterality.BOTH


def _speaks_up_against_codes(one: _Said, deciding: Sequence[_Said]) -> bool:
    return (
        deciding[0].statement.level is Level.CODED
        and one.statement.level is Level.SERIES
        and one.grade is _Grade.WORD
    )


def _keywords(said: Iterable[_Said]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.statement.keyword for one in said))


def _coded(header: "InstanceHeader", axis: Axis) -> Iterator[_Said]:
    """Yield what elements and codes say; the side of the series says nothing beyond that of the image."""
    for keyword, value in (
        ("ImageLaterality", header.image_laterality),
        ("Laterality", header.laterality),
    ):
        if value:
            side = _ELEMENT_VALUES.get(value, Laterality.UNKNOWN)
            narrower = keyword == "Laterality" and side is Laterality.BOTH
            is_known = narrower and _ELEMENT_VALUES.get(header.image_laterality) in _SINGLE
            yield _one(Source(keyword=keyword, text=value, level=Level.CODED), "" if is_known else side)
    codes = tuple(coded_statements("AnatomicRegionModifierSequence", header.anatomic_region_modifiers, axis))
    if codes:
        labels = frozenset().union(*(code.understood for code in codes)) - {NOTHING}
        source = Source(
            keyword=codes[0].keyword, text=" / ".join(code.text for code in codes), level=Level.CODED
        )
        yield _one(source, _combined({Laterality(label) for label in labels}))


def _worded(header: "InstanceHeader", words: Words) -> Iterator[_Said]:
    texts = [*series_texts(header)]
    if header.body_part_examined:
        texts.append(Source(keyword="BodyPartExamined", text=header.body_part_examined, level=Level.SERIES))
    for source in (*texts, *study_texts(header)):
        sides = _sides_in(source.text, words)
        grade = max(sides, default=_Grade.LETTER)
        yield _one(source, _side_of(sides), grade)


def _one(source: Source, side: Laterality | str, grade: _Grade = _Grade.WORD) -> _Said:
    known = Laterality(side)
    statement = Statement(
        keyword=source.keyword,
        text=source.text,
        level=source.level,
        understood=frozenset({known.value} if known else ()),
    )
    return _Said(statement, known, grade)


def _side_of(sides: dict[_Grade, set[Laterality]]) -> Laterality:
    """Return the side of one text: words go before abbreviations, these before letters."""
    if not sides:
        return Laterality.UNKNOWN
    highest = max(sides)
    if highest is _Grade.LETTER:
        return _agreed(sides[highest])
    side = _combined(sides[highest])
    shorter = sides.get(_Grade.ABBREVIATION, set()) - {side}
    return Laterality.UNKNOWN if side in _SINGLE and shorter else side


def _combined(sides: set[Laterality]) -> Laterality:
    """Return the side that words or codes name together: left and right are both."""
    if not sides:
        return Laterality.UNKNOWN
    return sides.pop() if len(sides) == 1 else Laterality.BOTH


def _sides_in(text: str, words: Words) -> dict[_Grade, set[Laterality]]:
    """Return the sides that a text names, by how plainly it names them."""
    parts = words.region.words.mentions(text)
    named = [part for part in parts if part.label != NOTHING]
    languages = frozenset().union(*(part.languages for part in named))
    sides: dict[_Grade, set[Laterality]] = {}
    for mention in words.laterality.words.mentions(text):
        if mention.label == NOTHING or _is_inside(mention, parts):
            continue
        grade = _grade(mention, languages)
        if grade is None or (grade is _Grade.LETTER and not _is_marker(mention, text, named, words)):
            continue
        sides.setdefault(grade, set()).add(Laterality(mention.label))
    return sides


def _is_inside(mention: Mention, parts: Iterable[Mention]) -> bool:
    """Return whether a side is but a word of a longer name: the L of L-spine."""
    return mention.kind != "words" and any(
        part.start <= mention.start and mention.end <= part.end for part in parts
    )


def _grade(mention: Mention, languages: frozenset[str]) -> _Grade | None:
    """Return how plain a word is; None for one that means a side only in another language."""
    if mention.kind == "words":
        return _Grade.WORD
    if mention.kind == "abbreviations":
        return _Grade.ABBREVIATION
    if mention.languages.isdisjoint(languages | {"any"}):
        return None
    return _Grade.ABBREVIATION if mention.kind == "bound" else _Grade.LETTER


def _is_marker(mention: Mention, text: str, parts: Sequence[Mention], words: Words) -> bool:
    """Return whether a letter stands where a side is written: at an end of the text or beside the part."""
    tokens = tokens_of(text)
    letter = tokens[mention.start]
    before = [part for part in parts if part.end == mention.start]
    behind = [part for part in parts if part.start == mention.end]
    is_conjunction = "any" not in mention.languages and before and behind  # punho e cotovelo
    is_numeral = letter.text in _ROMAN_NUMERALS and any(part.label == "FINGER" for part in before + behind)
    if letter.glued or is_conjunction or is_numeral or _is_initial(mention, text, words):
        return False
    return bool(before or behind) or mention.start == 0 or mention.end == len(tokens)


def _is_initial(mention: Mention, text: str, words: Words) -> bool:
    """Return whether a letter is that of a name: with a full stop, and an unknown word behind it."""
    tokens = tokens_of(text)
    if not tokens[mention.start].dotted or mention.end == len(tokens):
        return False
    name = tokens[mention.end]
    is_known = any(
        found.start == mention.end
        for axis in (words.region, words.laterality, words.projection)
        for found in axis.words.mentions(text)
    )
    return not (name.number or is_known) and len(name.text) >= _SHORTEST_NAME
