"""Unique identifiers: what counts as one, and how ours are made.

This module gives the UID types, the check that a received text is a UID, and UIDs that are a function
of what they name.
"""

import json
import re
import uuid
from collections.abc import Sequence
from typing import NewType

from pydicom.uid import UID

SopClassUid = NewType("SopClassUid", str)
TransferSyntaxUid = NewType("TransferSyntaxUid", str)
StudyInstanceUid = NewType("StudyInstanceUid", str)
SeriesInstanceUid = NewType("SeriesInstanceUid", str)
SopInstanceUid = NewType("SopInstanceUid", str)

MAX_UID_LENGTH = 64  # PS3.5 9.1

_UID_FORM = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_NAMESPACE = uuid.UUID("5a6d1c1e-6f0b-5d0f-9c39-2f0c3a9be4d7")  # ours alone; changing it renames every result


def is_uid(text: str) -> bool:
    """Return whether `text` is a UID: at most 64 characters, digits in groups divided by single dots.

    Leading zeros within a group break PS3.5 9.1 and are accepted all the same, because archives hold
    studies with them and such a study must stay together. Since no other character and no empty group
    is accepted, what passes is also safe as a file name.

    >>> is_uid("1.2.840.10008.1.1"), is_uid("1.2.03"), is_uid("../../x"), is_uid("1..2"), is_uid("")
    (True, True, False, False, False)
    """
    return len(text) <= MAX_UID_LENGTH and _UID_FORM.fullmatch(text) is not None


def derived_uid(kind: str, sources: Sequence[str], *facts: str) -> UID:
    """Return the UID of the result that follows from `sources` and `facts`: same input, same UID.

    Parameters
    ----------
    kind : str
        What is named, e.g. ``"secondary-capture"``; two kinds never share a UID.
    sources : Sequence[str]
        UIDs it is made from; their order does not matter.
    *facts : str
        What else makes it a different object (bundle digest, revision, ...); their order matters.

    Returns
    -------
    UID
        ``"2.25."`` and the decimal form of a name-based UUID (PS3.5 B.2), at most 44 characters.
    """
    name = json.dumps([kind, sorted(sources), list(facts)], ensure_ascii=True, separators=(",", ":"))
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, name).int}")
