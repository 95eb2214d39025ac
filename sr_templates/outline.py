"""This module shows a content tree as indented text, for people without an SR viewer."""

from collections.abc import Iterator

from pydicom.dataset import Dataset


def outline(document: Dataset) -> str:
    """Give the content tree of a Structured Report, a line for each content item (PS3.3 C.17.3)."""
    return "\n".join(_lines(document, 0)) + "\n"


def _lines(item: Dataset, depth: int) -> Iterator[str]:
    name = _meaning(item, "ConceptNameCodeSequence")
    value = _value(item)
    yield "  " * depth + ": ".join(part for part in (name, value) if part)
    for child in item.get("ContentSequence", ()):
        yield from _lines(child, depth + 1)


def _value(item: Dataset) -> str:
    match item.ValueType:
        case "CODE":
            return _meaning(item, "ConceptCodeSequence")
        case "NUM":
            measured = item.MeasuredValueSequence[0]
            unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
            return f"{measured.NumericValue}" + ("" if unit == "1" else f" {unit}")
        case "IMAGE":
            return f"image {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID}"
        case "CONTAINER":
            return ""
        case "TEXT":
            return str(item.TextValue)
        case "UIDREF":
            return str(item.UID)
        case "PNAME":
            return str(item.PersonName)
        case "DATE" | "TIME" | "DATETIME" as kind:
            return str(item[{"DATE": "Date", "TIME": "Time", "DATETIME": "DateTime"}[kind]].value)
        case other:
            return f"({other})"


def _meaning(item: Dataset, keyword: str) -> str:
    codes = item.get(keyword, ())
    return str(codes[0].CodeMeaning) if codes else ""
