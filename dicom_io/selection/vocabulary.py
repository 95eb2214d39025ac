"""Words that name a thing, in many languages.

This module finds the terms of a table in a free text. Words are whole, the longest term counts, so that a
forearm (avant-bras) is no arm (bras) and a wrist (手首) no hand (手). Nothing here knows what terms mean.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_TEXT_LENGTH = 1024  # PS3.5 6.2: the longest text that is read here (ST); a hostile one may be longer

# Accents of all scripts, the points of Hebrew, the vowel signs and the stretching stroke of Arabic
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0640\u064b-\u065f\u0670]")
_SPELLED_OUT = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "đ": "d", "ð": "d", "œ": "oe", "\u0131": "i"})
_ELISION = re.compile(r"\b[a-z]['\u2019](?=[a-z])")  # l'épaule: the letter is an article
_CYRILLIC_APOSTROPHE = re.compile("(?<=[\u0430-\u045f])['\u2019\u02bc`](?=[\u0430-\u045f])")  # зап'ястя
_ARABIC_ARTICLE = re.compile("^(?:[\u0648\u0628\u0643]?\u0627\u0644|\u0644\u0644)(?=..)")

# Thai, kana, Han and Hangul put words together without spaces
_JOINED = "\u0e01-\u0e4e\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_TOKEN = re.compile(rf"(?P<joined>[{_JOINED}]+)|(?P<number>[0-9]+)|[^\W\d_{_JOINED}]+")


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, with single spaces for all that is no letter or digit.

    >>> fold("Avant-Bras_D"), fold("MUÑECA  (izq.)"), fold("dłoń"), fold("l'épaule")
    ('avant bras d', 'muneca izq', 'dlon', 'epaule')
    """
    plain = _plain(text)
    return " ".join(plain[token.start : token.end] for token in _tokens(plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word, a number, or one character of a script without spaces.

    `start` and `end` are places in the folded text. `glued` tells that a letter stands directly before or
    behind a number (L2), `dotted` that a full stop follows (L. Miller).
    """

    text: str
    start: int
    end: int
    number: bool = False
    glued: bool = False
    dotted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One entry of a vocabulary.

    Parameters
    ----------
    pattern : str
        A word or phrase; ``*`` at the start or end of a word stands for any further letters.
    label : str
        What it names.
    language : str
        Where it comes from; empty if it belongs to none.
    kind : str
        Any name by which the owner of the vocabulary tells terms apart.
    """

    pattern: str
    label: str
    language: str = ""
    kind: str = "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Terms found in a text from token `start` to before token `end`; several if spelled alike."""

    terms: tuple[Term, ...]
    start: int
    end: int

    @property
    def label(self) -> str:
        """What is named."""
        return self.terms[0].label

    @property
    def kind(self) -> str:
        """The kind of the terms."""
        return self.terms[0].kind

    @property
    def languages(self) -> frozenset[str]:
        """The languages in which the words mean this."""
        return frozenset(term.language for term in self.terms)


class Vocabulary:
    """Terms, ordered for search.

    Parameters
    ----------
    terms : Iterable[Term]
        Of two that are spelled alike but differ in label or kind the later counts, so that a site's own
        terms overrule those that are shipped.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        by_spelling: dict[tuple[str, ...], list[Term]] = {}
        for term in terms:
            spelled = by_spelling.setdefault(folded_words(term.pattern), [])
            if spelled and (spelled[0].label, spelled[0].kind) != (term.label, term.kind):
                spelled.clear()
            spelled.append(term)
        self._candidates: dict[str, list[tuple[tuple[str, ...], tuple[Term, ...]]]] = {}
        for words, spelled in by_spelling.items():
            if words:
                self._candidates.setdefault(_key(words[0]), []).append((words, tuple(spelled)))
        self.mentions = lru_cache(maxsize=4096)(self._search)  # descriptions repeat all day long

    def _search(self, text: str) -> tuple[Mention, ...]:
        """Return what the first 1024 characters of `text` name, from the left; no token counts twice."""
        tokens = tokens_of(text)
        found: list[Mention] = []
        place = 0
        while place < len(tokens):
            mention = self._mention_at(tokens, place)
            if mention is not None:
                found.append(mention)
            place = place + 1 if mention is None else mention.end
        return tuple(found)

    def _mention_at(self, tokens: Sequence[Token], place: int) -> Mention | None:
        """Return the longest term that starts at a token, with all of its label that cover as many words."""
        text = tokens[place].text
        fitting = [
            (words, terms)
            for key in dict.fromkeys((text[:2], text[:1], "*"))
            for words, terms in self._candidates.get(key, ())
            if _fits(words, tokens, place)
        ]
        if not fitting:
            return None
        size, chosen = max(
            (((len(words), sum(map(len, words))), terms[0]) for words, terms in fitting),
            key=lambda sized: sized[0],
        )
        alike = tuple(
            term
            for words, terms in fitting
            for term in terms
            if len(words) == size[0] and (term.label, term.kind) == (chosen.label, chosen.kind)
        )
        return Mention(terms=alike, start=place, end=place + size[0])


@lru_cache(maxsize=4096)
def tokens_of(text: str) -> tuple[Token, ...]:
    """Return the tokens of the first 1024 characters of a text."""
    return tuple(_tokens(_plain(text[:MAX_TEXT_LENGTH]), split_joined=True))


def folded_words(pattern: str) -> tuple[str, ...]:
    """Return the words of a term as they are compared: folded, each with its ``*``.

    >>> folded_words("Avant-Bras*"), folded_words("手首")
    (('avant', 'bras*'), ('手', '首'))
    """
    plain = _plain(pattern)
    return tuple(
        ("*" if plain[token.start - 1 : token.start] == "*" else "")
        + token.text
        + ("*" if plain[token.end : token.end + 1] == "*" else "")
        for token in _tokens(plain, split_joined=True)
    )


def _plain(text: str) -> str:
    """Return a text in lower case without accents; punctuation stays."""
    decomposed = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    composed = unicodedata.normalize("NFC", decomposed).translate(_SPELLED_OUT)
    return _CYRILLIC_APOSTROPHE.sub("", _ELISION.sub("", composed))


def _tokens(plain: str, *, split_joined: bool = False) -> Iterable[Token]:
    for match in _TOKEN.finditer(plain):
        start, end = match.span()
        if match.lastgroup == "joined" and split_joined:
            for place in range(start, end):
                yield Token(text=plain[place], start=place, end=place + 1)
            continue
        yield Token(
            text=_ARABIC_ARTICLE.sub("", match.group()),
            start=start,
            end=end,
            number=match.lastgroup == "number",
            glued=plain[start - 1 : start].isdigit() or plain[end : end + 1].isdigit(),
            dotted=plain[end : end + 1] == ".",
        )


def _key(word: str) -> str:
    """Return under which letters a term is filed: the first two of its first word, if these are given."""
    if word.startswith("*"):
        return "*"
    return word[:1] if word[1:2] == "*" else word[:2]


def _fits(words: Sequence[str], tokens: Sequence[Token], place: int) -> bool:
    return place + len(words) <= len(tokens) and all(
        _is(word, token.text) for word, token in zip(words, tokens[place:], strict=False)
    )


def _is(word: str, text: str) -> bool:
    stem = word.strip("*")
    if word.startswith("*"):
        return stem in text if word.endswith("*") else text.endswith(stem)
    return text.startswith(stem) if word.endswith("*") else text == word
