"""The text of data elements.

This module turns the bytes of a text value into a string, whatever they are: the declared character set
where it fits, else UTF-8, else the one that a site falls back to; never an exception or a warning.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from pydicom.charset import CODES_TO_ENCODINGS, python_encoding

_ESCAPE = re.compile(rb"\x1b(?:\$[()][A-Z]|\$[A-Z]|[(),\-./][A-Z])")
_RESET = re.compile(rb"[\\^=\r\n\f\t]")  # PS3.5 6.1.2.5.3: delimiters and controls return to the first set
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_KEEPS_ESCAPES = frozenset({"iso2022_jp", "iso2022_jp_2", "iso_ir_58"})  # Python reads these escapes itself
_ESCAPE_FREE = frozenset({"UTF8", "GB18030", "GBK"})  # PS3.3 C.12.1.1.2: no code extensions with these

# In these any bytes are text, but hardly ever text whose bytes would be sound UTF-8 as well. Thai and
# half-width katakana are not among them: their letters lie where UTF-8 has its second bytes.
_SINGLE_BYTE = frozenset(
    {"iso8859", "latin_1", "iso8859_2", "iso8859_3", "iso8859_4"}
    | {"iso_ir_126", "iso_ir_127", "iso_ir_138", "iso_ir_144", "iso_ir_148"}
)

_LONGEST_CHARACTER = 4  # bytes, in UTF-8 and GB 18030

FALLBACK_CHARACTER_SET = "ISO_IR 100"
"""Of text that is neither in its declared character set nor UTF-8, unless a site says otherwise."""


def codecs_of(specific_character_set: bytes) -> tuple[str, ...]:
    """Return the Python codecs of a (0008,0005) *Specific Character Set* value; empty if none is declared.

    Common misspellings (``ISO-IR 100``, ``ISO_IR_192``, ``UTF-8``) are understood, others are passed over.
    An empty first value among several stands for the default repertoire (PS3.3 C.12.1.1.2).
    """
    terms = [term.strip(" \0") for term in specific_character_set.decode("ascii", "replace").split("\\")]
    if not any(terms):
        return ()
    return tuple(codec for term in terms if (codec := _codec(term)))


def decode_text(value: bytes, codecs: Sequence[str], *, fallback: str = "latin_1") -> str:
    """Return a text value without padding and control characters.

    Text that contradicts its declared character set gets a second try: as UTF-8, then in `fallback`, so that
    its words are not given up.

    Parameters
    ----------
    value : bytes
        The value as encoded; of several values all are kept, with their backslashes.
    codecs : Sequence[str]
        From `codecs_of`. Without any, UTF-8 is tried and `fallback` taken.
    fallback : str
        A Python codec.
    """
    text = _escaped(value, codecs)
    if text is None:
        text = _first_that_fits(value, _tries(value, codecs))
    return _CONTROL.sub("", value.decode(fallback, "replace") if text is None else text).strip()


def fits_character_set(value: bytes, codecs: Sequence[str]) -> bool:
    """Return whether a text value is sound in its declared character set; if none is declared it is."""
    if not codecs:
        return True
    text = _escaped(value, codecs)
    return "\N{REPLACEMENT CHARACTER}" not in (value.decode(codecs[0], "replace") if text is None else text)


def _codec(term: str) -> str | None:
    if term in python_encoding:
        return python_encoding[term]
    plain = re.sub(r"[\s_-]+", " ", term.upper())
    if plain in {"UTF 8", "UTF8"}:
        return "UTF8"
    if plain in {"ISO 8859 1", "LATIN1", "LATIN 1"}:
        return "latin_1"
    return python_encoding.get(plain.replace("ISO IR", "ISO_IR"))


def _tries(value: bytes, codecs: Sequence[str]) -> Sequence[str]:
    """Return the codecs to try before the fallback."""
    if not codecs:
        return ("utf-8",)
    if value.isascii() or codecs[0] not in _SINGLE_BYTE:
        return (codecs[0], "utf-8")
    return ("utf-8", codecs[0])


def _escaped(value: bytes, codecs: Sequence[str]) -> str | None:
    """Decode a value that switches its character set; None if it does not."""
    if not codecs or b"\x1b" not in value or codecs[0] in _ESCAPE_FREE:
        return None
    return "".join(_decode_run(run, codecs[0]) for run in _runs(value))


def _first_that_fits(value: bytes, codecs: Sequence[str]) -> str | None:
    """Decode with the first codec that fits; one that does but for a last character cut in two is next."""
    for cut in range(_LONGEST_CHARACTER):
        kept = value[: len(value) - cut]
        if cut and kept.isascii():
            break
        for codec in codecs:
            try:
                return kept.decode(codec) + "\N{REPLACEMENT CHARACTER}" * bool(cut)
            except UnicodeDecodeError:
                continue
    return None


def _runs(value: bytes) -> list[bytes]:
    """Split where an escape sequence starts; all runs but perhaps the first begin with one."""
    starts = [0, *(match.start() for match in _ESCAPE.finditer(value)), len(value)]
    return [value[start:end] for start, end in pairwise(starts) if end > start]


def _decode_run(run: bytes, first_codec: str) -> str:
    """Decode a run by the escape sequence that it begins with (PS3.5 6.1.2.5)."""
    escape = _ESCAPE.match(run)
    if escape is None:
        return run.decode(first_codec, "replace")
    codec = CODES_TO_ENCODINGS.get(escape.group(), first_codec)
    if codec in _KEEPS_ESCAPES:
        return run.decode(codec, "replace")
    body = run[escape.end() :]
    reset = _RESET.search(body)
    cut = reset.start() if reset else len(body)
    return body[:cut].decode(codec, "replace") + body[cut:].decode(first_codec, "replace")
