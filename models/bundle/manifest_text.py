"""Writes a manifest as TOML, the same manifest always as the same text."""

import json
from collections.abc import Mapping
from datetime import datetime

from models.bundle.manifest import Manifest

_Scalar = str | bool | int | float | datetime


def manifest_text(manifest: Manifest) -> str:
    """Return `manifest` as TOML, from which `parse_manifest` makes an equal manifest."""
    values = manifest.model_dump(exclude_none=True)
    plain = {key: value for key, value in values.items() if not _is_table(value)}
    parts = [_lines(plain)]
    for key, value in values.items():
        if isinstance(value, Mapping):
            parts.append(f"[{key}]\n{_lines(value)}")
        elif _is_table(value):
            parts += [f"[[{key}]]\n{_lines(entry)}" for entry in value]
    return "\n".join(parts)


def _is_table(value: object) -> bool:
    """Say whether TOML writes `value` under headers of its own; an empty tuple has none and vanishes."""
    return isinstance(value, Mapping) or (isinstance(value, tuple) and not any(map(_is_plain, value)))


def _is_plain(value: object) -> bool:
    return isinstance(value, _Scalar)


def _lines(values: Mapping[str, object]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # The fields of a manifest are printable ASCII, for which JSON and TOML escape alike.
            return json.dumps(value)
        case int() | float():
            return repr(value)
        case datetime():
            return value.isoformat()
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            return f"{{ {', '.join(f'{key} = {_value(inner)}' for key, inner in value.items())} }}"
        case _:
            raise TypeError(f"a manifest holds no {type(value).__name__}")
