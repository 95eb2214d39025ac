"""This module shows a content tree as indented text, for people without an SR viewer."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from pydicom.dataset import Dataset


def outline(document: Dataset) -> str:
    """Return the content tree of a Structured Report, a line for each content item (PS3.3 C.17.3)."""
    return "\n".join(_lines(document, 0)) + "\n"


def _lines(item: Dataset, depth: int) -> Iterator[str]:
    name = _meaning(item, "ConceptNameCodeSequence")
    value = _value(item)
    yield "  " * depth + ": ".join(part for part in (name, value) if part)
    for child in item.get("ContentSequence", ()):
        yield from _lines(child, depth + 1)


def _value(item: Dataset) -> str:
    show = _VALUES.get(item.ValueType)
    return f"({item.ValueType})" if show is None else show(item)


def _number(item: Dataset) -> str:
    measured = item.MeasuredValueSequence[0]
    unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
    return str(measured.NumericValue) + ("" if unit == "1" else f" {unit}")


def _meaning(item: Dataset, keyword: str) -> str:
    codes = item.get(keyword, ())
    return str(codes[0].CodeMeaning) if codes else ""


# PS3.3 Table C.17.3.2.1: what ulna's own reports hold
_VALUES: Mapping[str, Callable[[Dataset], str]] = MappingProxyType(
    {
        "CODE": lambda item: _meaning(item, "ConceptCodeSequence"),
        "COMPOSITE": lambda item: f"object {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID}",
        "CONTAINER": lambda item: "",
        "IMAGE": lambda item: f"image {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID}",
        "NUM": _number,
        "TEXT": lambda item: str(item.TextValue),
        "UIDREF": lambda item: str(item.UID),
    }
)
