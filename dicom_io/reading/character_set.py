"""The character set of a source, as our results may declare it.

This module turns a (0008,0005) *Specific Character Set* as received into defined terms (PS3.3 C.12.1.1.2)
under which the source's text keeps its meaning without a byte of it being changed.
"""

import re
from dataclasses import dataclass

from pydicom.charset import python_encoding

_UTF_8 = "ISO_IR 192"
_WITHOUT_EXTENSIONS = frozenset({_UTF_8, "GB18030", "GBK"})  # these stand alone
_DEFAULT_REPERTOIRE = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})

_CONTROLS = re.compile(rb"[\x00-\x1a\x1c-\x1f\x7f]")
_CONTROLS_AND_ESCAPE = re.compile(rb"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterSet:
    """What results declare.

    `terms` are defined terms, none for the default repertoire. `is_replaced` says that the source's own
    were not understood: its text has to be written anew, as UTF-8. `problems` tell what was altered.
    """

    terms: tuple[str, ...]
    is_replaced: bool = False
    problems: tuple[str, ...] = ()

    def without_controls(self, value: bytes) -> bytes:
        """Drop control characters, but not the escape sequences of code extensions (PS3.5 6.1.2.5)."""
        controls = _CONTROLS if len(self.terms) > 1 or self._switches() else _CONTROLS_AND_ESCAPE
        return controls.sub(b"", value)

    def _switches(self) -> bool:
        return any(term.startswith("ISO 2022") for term in self.terms)


def declared_character_set(specific_character_set: bytes) -> CharacterSet:
    r"""Return the character set to declare for text that came with `specific_character_set`.

    Misspelled terms are put right. An empty first value stays empty: spelled out as ``ISO 2022 IR 6``, which
    means the same, some archives show the names as escape codes. With no declaration at all none is made:
    what the text means then is up to the archive, for the source as for the result.

    >>> declared_character_set(rb"\ISO 2022 IR 87").terms
    ('', 'ISO 2022 IR 87')
    >>> declared_character_set(b"ISO_IR_100").problems
    ('SpecificCharacterSet is misspelled and was put right',)
    """
    received = [term.strip(" \0") for term in specific_character_set.decode("ascii", "replace").split("\\")]
    if _DEFAULT_REPERTOIRE.issuperset(received):
        return CharacterSet(terms=())
    terms = [defined for term in received if (defined := _defined_term(term)) is not None]
    if len(terms) < len(received):
        problem = "SpecificCharacterSet is no defined term; text was rewritten as ISO_IR 192"
        return CharacterSet(terms=(_UTF_8,), is_replaced=True, problems=(problem,))
    misspelled = any(term != defined for term, defined in zip(received, terms, strict=True) if term)
    return CharacterSet(
        terms=_well_combined(terms),
        problems=("SpecificCharacterSet is misspelled and was put right",) if misspelled else (),
    )


def _well_combined(terms: list[str]) -> tuple[str, ...]:
    """Make terms fit to stand together: those of code extensions when there are several."""
    if len(terms) == 2 and terms[0] in _DEFAULT_REPERTOIRE and terms[1] in _WITHOUT_EXTENSIONS:
        return (terms[1],)  # ASCII, said twice
    if len(terms) == 1 or terms[0] in _WITHOUT_EXTENSIONS:
        return (terms[0],)
    extensions = (term for term in terms if term not in _WITHOUT_EXTENSIONS)
    return tuple(dict.fromkeys(term.replace("ISO_IR", "ISO 2022 IR") for term in extensions))


def _defined_term(term: str) -> str | None:
    return term if term in python_encoding else _TERMS_BY_LETTERS.get(_letters(term))


def _letters(term: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", term.upper())


_TERMS_BY_LETTERS = {_letters(term): term for term in python_encoding} | {
    "UTF8": _UTF_8,
    "ISO88591": "ISO_IR 100",
    "LATIN1": "ISO_IR 100",
}
