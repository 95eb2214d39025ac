"""This module says what is wrong with a configuration: key, value, what is allowed, what was meant."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

ENVIRONMENT_PREFIX = "ULNA_"

_ALIKE = 0.55  # difflib's ratio; "quiet" is that like "quiet_seconds"


def mistake(error: Any, root: type[BaseModel]) -> str:
    """Say one of pydantic's errors about a configuration of the model `root`."""
    key = ".".join(str(part) for part in error["loc"]) or "configuration"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; {_meant(error['loc'], root)}"
    if error["type"] == "missing":
        return f"{key}: missing; it has no default"
    message = error["msg"].removeprefix("Value error, ")
    value = error["input"]
    # The address of a database may hold its password.
    is_shown = key != "storage.database_url" and not isinstance(value, dict | BaseModel)
    shown = f" = {value!r}" if is_shown else ""
    return f"{key}{shown}: {message[:1].lower()}{message[1:]}"


def unknown_variable(name: str, root: type[BaseModel]) -> str:
    """Say that an environment variable overrides no key, and which ones are spelled like it."""
    said = f"environment variable {name}: unknown; a single key is {ENVIRONMENT_PREFIX}<SECTION>__<KEY>"
    meant: dict[str, list[str]] = {}
    for section, field in root.model_fields.items():
        if get_args(field.annotation):  # a list of sections has no single keys
            continue
        for key in _keys(root, [section]):
            variable = f"{ENVIRONMENT_PREFIX}{section}__{key}".upper()
            for spelling in (key, f"{section}_{key}"):
                meant.setdefault(spelling, []).append(variable)
    nearest = nearest_to(name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", "_"), meant)
    return f"{said}; did you mean {' or '.join(meant[nearest])}?" if nearest else said


def _meant(place: Sequence[int | str], root: type[BaseModel]) -> str:
    *above, name = place
    nearest = nearest_to(str(name), _keys(root, above))
    if not nearest:
        return "remove it or correct its spelling"
    return f"did you mean {'.'.join(map(str, (*above, nearest)))}?"


def _keys(model: type[BaseModel], place: Iterable[int | str]) -> list[str]:
    """Return the keys that exist at a place; numbers, which are places in lists, change nothing."""
    for part in place:
        if isinstance(part, str):
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a section, or that of the items of a list of sections."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def nearest_to(name: str, known: Iterable[str]) -> str:
    """Return the known name that is spelled most like one that is not; empty where none is."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=_ALIKE)), "")
