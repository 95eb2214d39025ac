"""What the words and codes of headers mean: the shipped table, and what a site adds to it.

This module reads vocabulary.toml and files of the same form into what the search needs, and finds every
mistake in a file at once.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from dicom_io.errors import VocabularyInvalid
from dicom_io.selection.vocabulary import Term, Vocabulary, folded_words

NOTHING = "nothing"
"""The label of phrases that mean none of the others, although they hold one of their words."""

_AXES = ("region", "laterality", "projection", "exclusion")
_CODES = ("sct", "srt")
_VALUES = ("bpe", "positions")
_KINDS = ("words", "weak", "abbreviations", "bound", "letters")
_SHORTEST_STEM = 2  # letters before a *: one would match half of all words

# PS3.16 8.1: SRT and its older designators share the codes (T-..., R-..., G-...) that SCT replaced. No code
# of one is a code of the other, so that one under the wrong name is understood.
_SCHEMES = frozenset({"SCT", "SRT", "SNM3", "99SDM"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One thing that headers tell: its words, and labels by code and by value of a defined term."""

    words: Vocabulary
    codes: Mapping[str, str]
    values: Mapping[str, str]

    def label_of_code(self, scheme: str, value: str) -> str | None:
        """Return what a code means; None if the table does not hold it."""
        return self.codes.get(value) if scheme in _SCHEMES else None

    def label_of_value(self, value: str) -> str | None:
        """Return what a defined term means, whatever stands between its letters."""
        return self.values.get(re.sub(r"[^A-Z]", "", value))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """All that is known of the words and codes of headers."""

    region: Axis
    laterality: Axis
    projection: Axis
    exclusion: Axis


@cache
def shipped_words() -> Words:
    """Return the words of the table that comes with this package."""
    return _words(_shipped_table(), {})


@cache
def words_with(path: Path | None) -> Words:
    """Return the shipped words together with those of a site's own file, which overrule them.

    Raises
    ------
    VocabularyInvalid
        With every mistake in the file.
    """
    if path is None:
        return shipped_words()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VocabularyInvalid([f"{path} cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VocabularyInvalid([f"{path} is not TOML: {error}"]) from error
    if mistakes := list(_mistakes(table)):
        raise VocabularyInvalid(mistakes)
    return _words(_shipped_table(), table)


def _shipped_table() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("dicom_io.selection").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    )


def _words(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> Words:
    axes = {name: _axis(shipped.get(name, {}), own.get(name, {})) for name in _AXES}
    return Words(**axes)


def _axis(*tables: Mapping[str, Any]) -> Axis:
    return Axis(
        words=Vocabulary(term for table in tables for term in _terms(table)),
        codes={
            code: label
            for table in tables
            for label, section in table.items()
            for scheme in _CODES
            for code in section.get(scheme, ())
        },
        values={
            value: label
            for table in tables
            for label, section in table.items()
            for key in _VALUES
            for value in section.get(key, ())
        },
    )


def _terms(table: Mapping[str, Any]) -> Iterator[Term]:
    for label, section in table.items():
        for kind in _KINDS:
            for language, patterns in section.get(kind, {}).items():
                for pattern in patterns:
                    yield Term(pattern=pattern, label=label, language=language, kind=kind)


def _mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a table, each with its dotted key and what is allowed."""
    shipped = _shipped_table()
    for axis, labels in table.items():
        if axis not in _AXES:
            yield f"{axis}: unknown; allowed are {', '.join(_AXES)}"
        elif not isinstance(labels, dict):
            yield f"{axis}: must be a table of labels"
        else:
            yield from _mistakes_of_labels(axis, labels, allowed=list(shipped[axis]))


def _mistakes_of_labels(axis: str, labels: Mapping[str, Any], *, allowed: list[str]) -> Iterator[str]:
    for label, section in labels.items():
        if label not in allowed:
            yield f"{axis}.{label}: unknown; allowed are {', '.join(allowed)}"
        elif not isinstance(section, dict):
            yield f"{axis}.{label}: must be a table"
        else:
            for key, content in section.items():
                yield from _mistakes_of_key(f"{axis}.{label}.{key}", key, content)
    yield from _double_meanings(axis, labels)


def _mistakes_of_key(name: str, key: str, content: object) -> Iterator[str]:
    if key in _CODES or key in _VALUES:
        yield from _mistakes_of_list(name, content, pattern=r"[A-Z]+" if key in _VALUES else r"\S+")
    elif key not in _KINDS:
        yield f"{name}: unknown; allowed are {', '.join((*_CODES, *_VALUES, *_KINDS))}"
    elif not isinstance(content, dict):
        yield f"{name}: must be a table of languages"
    else:
        for language, patterns in content.items():
            yield from _mistakes_of_list(f"{name}.{language}", patterns)
            yield from _mistakes_of_terms(f"{name}.{language}", patterns)


def _mistakes_of_list(name: str, content: object, *, pattern: str = ".+") -> Iterator[str]:
    if not isinstance(content, list):
        yield f"{name}: must be a list of texts"
        return
    for value in content:
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            yield f"{name}: {value!r} must be a text of the form {pattern}"


def _mistakes_of_terms(name: str, patterns: object) -> Iterator[str]:
    texts = (
        [pattern for pattern in patterns if isinstance(pattern, str)] if isinstance(patterns, list) else []
    )
    for pattern in texts:
        words = folded_words(pattern)
        if not words:
            yield f"{name}: {pattern!r} holds neither letter nor digit"
        elif re.search(r"\w\*\w", pattern):
            yield f"{name}: {pattern!r} holds a * within a word; it may stand at its start or end"
        elif any("*" in word and len(word.strip("*")) < _SHORTEST_STEM for word in words):
            yield f"{name}: {pattern!r} needs at least {_SHORTEST_STEM} letters beside its *"


def _double_meanings(axis: str, labels: Mapping[str, Any]) -> Iterator[str]:
    """Yield the terms that one file gives two meanings; nothing is said of a file of the wrong form."""
    meanings: dict[tuple[str, ...], Term] = {}
    try:
        terms = list(_terms(labels))
        spelled = [folded_words(term.pattern) for term in terms]
    except (AttributeError, TypeError):
        return
    for words, term in zip(spelled, terms, strict=True):
        first = meanings.setdefault(words, term)
        if (first.label, first.kind) != (term.label, term.kind):
            both = f"{first.label}.{first.kind} and {term.label}.{term.kind}"
            yield f"{axis}: {term.pattern!r} is both {both}"
