"""Words that name a thing, in many languages.

This module finds which things a free text names. Its terms come from tables; the longest term wins, so
that a forearm (avant-bras) is not an arm (bras) and a wrist (手首) is not a hand (手).
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources

MAX_TEXT_LENGTH = 1024  # PS3.5 6.2: the longest text that is read here (ST); a hostile one may be longer

_LETTERS = "a-z\u0430-\u044f"  # after folding: the scripts, Latin and Cyrillic, that divide words by spaces
_ACCENTS = re.compile("[\u0300-\u036f]")
_SEPARATORS = re.compile(r"[\W_]+")
_SPELLED_OUT = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "đ": "d", "ð": "d", "œ": "oe"})


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, with single spaces for all that is no letter or digit.

    >>> fold("Avant-Bras_D"), fold("MUÑECA  (izq.)"), fold("dłoń")
    ('avant bras d', 'muneca izq', 'dlon')
    """
    decomposed = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    composed = unicodedata.normalize("NFC", decomposed).translate(_SPELLED_OUT)
    return _SEPARATORS.sub(" ", composed).strip()


class Vocabulary:
    """Terms of several labels, compiled for search.

    Parameters
    ----------
    terms_of : Mapping[str, Iterable[str]]
        Terms of each label. A term stands for a whole word or phrase; ``*`` at the start or end of a word
        stands for any further letters (``elbow*``). Terms in scripts without spaces match anywhere.
    """

    def __init__(self, terms_of: Mapping[str, Iterable[str]]) -> None:
        label_of = {_fold_term(term): label for label, terms in terms_of.items() for term in terms}
        words = sorted((term for term in label_of if _divides_words(term)), key=len, reverse=True)
        infixes = sorted((term for term in label_of if not _divides_words(term)), key=len, reverse=True)
        self._labels = [label_of[term] for term in (*words, *infixes)]
        self._pattern = re.compile(
            f"(?<![{_LETTERS}])(?:{_alternatives(words)})(?![{_LETTERS}])|(?:{_alternatives(infixes)})"
        )
        self._remembered = lru_cache(maxsize=4096)(self._search)  # descriptions repeat all day long

    def labels_in(self, text: str) -> frozenset[str]:
        """Return the labels that the first 1024 characters of `text` name; the longest term counts."""
        return self._remembered(text[:MAX_TEXT_LENGTH])

    def _search(self, text: str) -> frozenset[str]:
        matches = self._pattern.finditer(fold(text))
        return frozenset(self._labels[match.lastindex - 1] for match in matches if match.lastindex)


@cache
def shipped_vocabulary(file_name: str) -> Vocabulary:
    """Return the vocabulary of a table that is shipped with this package: label -> language -> terms."""
    table = json.loads(resources.files("dicom_io").joinpath(file_name).read_text(encoding="utf-8"))
    return Vocabulary(
        {
            label: [term for terms in languages.values() for term in terms]
            for label, languages in table.items()
        }
    )


def _fold_term(term: str) -> str:
    return " ".join("*".join(fold(part) for part in word.split("*")) for word in term.split())


def _divides_words(term: str) -> bool:
    return re.search(f"[{_LETTERS}]", term) is not None


def _alternatives(terms: Iterable[str]) -> str:
    """Return one capturing group per term; a pattern that never matches if there is none."""
    return "|".join(f"({_term_pattern(term)})" for term in terms) or "(?!)"


def _term_pattern(term: str) -> str:
    return re.escape(term).replace(re.escape("*"), f"[{_LETTERS}]*")
