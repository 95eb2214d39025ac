"""Writes an evaluation as a document of plain values. This module is its JSON form.

Numbers are finite or None; names are those of the values in `models.evaluation.evaluation`. Curves are left
out: they are as long as the data, and the predictions that they are made from can be had beside.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from models.bundle.manifest import BundleIdentity
from models.evaluation.evaluation import VERDICT_THRESHOLD, Evaluation
from models.evaluation.figures import Figure
from models.evaluation.paper_tables import PaperTables

FORMAT = 1


def evaluation_document(evaluation: Evaluation, paper: PaperTables | None = None) -> dict[str, object]:
    """Return what `json.dumps(..., allow_nan=False)` takes.

    A figure is {"value": ..., "interval": [low, high]}, 95 %, each None where it is not defined; measured on
    images that calibrated the bundle it has "calibrated_on_these_images": "all" or "some" as well. Abnormal
    is the positive class everywhere but in "paper_tables", which is there where `paper` is given.
    """
    head = {"format": FORMAT, "positive_class": "abnormal", "verdict_threshold": VERDICT_THRESHOLD}
    calibrated_on = evaluation.calibrated_on
    mark = {"calibrated_on_these_images": calibrated_on.overlap.value} if calibrated_on.flatters else {}
    document = head | _entries(evaluation, mark)
    if paper is not None:
        document["paper_tables"] = {"positive_class": "normal", **_entries(paper, {})}
    return document


def _entries(value: object, mark: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of a dataclass by name, less the curves; `mark` stands in every figure."""
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no fields")
    named = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: _plain(each, mark) for name, each in named.items() if name != "curve"}


def _plain(value: object, mark: Mapping[str, str]) -> object:
    """Return the value as None, bool, int, finite float, str, list or dict."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case tuple() | list():
            return [_plain(each, mark) for each in value]
        case _:
            return _object(value, mark)


def _object(value: object, mark: Mapping[str, str]) -> dict[str, object]:
    match value:
        case BundleIdentity():
            stated = ("label", "name", "version", "digest", "trained", "intended_use")
            return {name: getattr(value, name) for name in stated} | {"members": list(value.members)}
        case Figure():
            interval = value.interval
            ends = None if interval is None else [interval.low, interval.high]
            return {"value": value.value, "interval": ends, **mark}
        case Mapping():
            return {str(name): _plain(each, mark) for name, each in value.items()}
        case _:
            return _entries(value, mark)
