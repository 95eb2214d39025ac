"""The text of data elements.

This module turns the bytes of a text value into a string, whatever they are: the declared character set
where it fits, replacement characters where it does not, never an exception or a warning.
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


def codecs_of(specific_character_set: bytes) -> tuple[str, ...]:
    """Return the Python codecs of a (0008,0005) *Specific Character Set* value; empty if none is declared.

    Common misspellings (``ISO-IR 100``, ``ISO_IR_192``, ``UTF-8``) are understood, others are passed over.
    An empty first value among several stands for the default repertoire (PS3.3 C.12.1.1.2).
    """
    terms = [term.strip(" \0") for term in specific_character_set.decode("ascii", "replace").split("\\")]
    if not any(terms):
        return ()
    return tuple(codec for term in terms if (codec := _codec(term)))


def decode_text(value: bytes, codecs: Sequence[str]) -> str:
    """Return a text value without padding and control characters.

    Parameters
    ----------
    value : bytes
        The value as encoded; of several values all are kept, with their backslashes.
    codecs : Sequence[str]
        From `codecs_of`. Without any, UTF-8 is tried and Latin-1 taken, which undeclared text mostly is.
    """
    if not codecs:
        text = _undeclared(value)
    elif b"\x1b" in value and codecs[0] not in _ESCAPE_FREE:
        text = "".join(_decode_run(run, codecs[0]) for run in _runs(value))
    else:
        text = value.decode(codecs[0], "replace")
    return _CONTROL.sub("", text).strip()


def _codec(term: str) -> str | None:
    if term in python_encoding:
        return python_encoding[term]
    plain = re.sub(r"[\s_-]+", " ", term.upper())
    if plain in {"UTF 8", "UTF8"}:
        return "UTF8"
    if plain in {"ISO 8859 1", "LATIN1", "LATIN 1"}:
        return "latin_1"
    return python_encoding.get(plain.replace("ISO IR", "ISO_IR"))


def _undeclared(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


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
