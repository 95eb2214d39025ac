"""What is said of a problem beside its code: a few JSON values, out of which words are made at the end.

Numbers, UIDs, keywords and names of ours; nothing that could name a patient.
"""

import json
import os
from collections.abc import Mapping
from types import MappingProxyType

Detail = str | int | float
Details = Mapping[str, Detail]

NO_DETAILS: Details = MappingProxyType({})


def details_text(details: Details) -> str:
    """Return details as the store keeps them: a JSON object; the same details give the same text."""
    return json.dumps(dict(details), sort_keys=True)


def details_of(text: str) -> Details:
    """Return the details that `details_text` wrote."""
    return MappingProxyType(json.loads(text))


def in_words(details: Details) -> dict[str, Detail]:
    """Return details with words for those that are truth values, and the system's own for its `errno`."""
    shown = {
        name: ("signed" if value else "unsigned") if isinstance(value, bool) else value
        for name, value in details.items()
    }
    return shown | ({"error": os.strerror(int(details["errno"]))} if "errno" in details else {})
