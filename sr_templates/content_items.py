"""The nodes of a content tree.

This module builds content items, one function per value type (PS3.3 C.17.3.2.1). Children are related to
their parent by `Relationship`.
"""

from collections.abc import Iterable
from enum import StrEnum

from pydicom.dataset import Dataset

from dicom_io.derived import code_item
from sr_templates.codes import Code


class Relationship(StrEnum):
    """How an item relates to its parent: (0040,A010) *Relationship Type* (PS3.3 C.17.3.2.4)."""

    CONTAINS = "CONTAINS"
    HAS_ACQ_CONTEXT = "HAS ACQ CONTEXT"
    HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
    HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
    HAS_PROPERTIES = "HAS PROPERTIES"


def container(name: Code, relationship: Relationship | None = None, *, template: str = "") -> Dataset:
    """Return a CONTAINER; the root of a document has no relationship.

    `template` is the number of the template in PS3.16 that it follows, where it is the root of one.
    """
    item = _item("CONTAINER", name, relationship)
    item.ContinuityOfContent = "SEPARATE"
    if template:
        identification = Dataset()
        identification.MappingResource = "DCMR"
        identification.TemplateIdentifier = template
        item.ContentTemplateSequence = [identification]
    return item


def code(name: Code, value: Code, relationship: Relationship) -> Dataset:
    """Return a CODE."""
    item = _item("CODE", name, relationship)
    item.ConceptCodeSequence = [_code_item(value)]
    return item


def text(name: Code, value: str, relationship: Relationship) -> Dataset:
    """Return a TEXT; what ASCII cannot say is escaped, so that every character set can carry it."""
    item = _item("TEXT", name, relationship)
    item.TextValue = value.encode("ascii", "backslashreplace").decode("ascii")
    return item


def number(name: Code, value: float, unit: Code, relationship: Relationship) -> Dataset:
    """Return a NUM for -10 < `value` < 10 or a whole number; all its bits are in (0040,A161).

    (0040,A30A) *Numeric Value* takes 16 characters (PS3.5 6.2: DS), so it holds at most 14 decimals.
    """
    item = _item("NUM", name, relationship)
    measured = Dataset()
    measured.NumericValue = f"{value:.14f}".rstrip("0").rstrip(".")
    measured.FloatingPointValue = float(value)
    measured.MeasurementUnitsCodeSequence = [_code_item(unit)]
    item.MeasuredValueSequence = [measured]
    return item


def uid_reference(name: Code, value: str, relationship: Relationship) -> Dataset:
    """Return a UIDREF."""
    item = _item("UIDREF", name, relationship)
    item.UID = value
    return item


def instance(reference: Dataset, relationship: Relationship, *, is_image: bool, name: Code | None) -> Dataset:
    """Return an IMAGE, or for an instance without pixels a COMPOSITE, that refers to an instance.

    `reference` is the item of (0008,1199) *Referenced SOP Sequence*.
    """
    item = _item("IMAGE" if is_image else "COMPOSITE", name, relationship)
    item.ReferencedSOPSequence = [reference]
    return item


def with_children(item: Dataset, children: Iterable[Dataset]) -> Dataset:
    """Return `item` with `children` after those that it has."""
    item.ContentSequence = [*item.get("ContentSequence", []), *children]
    return item


def _item(value_type: str, name: Code | None, relationship: Relationship | None) -> Dataset:
    item = Dataset()
    if relationship is not None:
        item.RelationshipType = relationship
    item.ValueType = value_type
    if name is not None:
        item.ConceptNameCodeSequence = [_code_item(name)]
    return item


def _code_item(concept: Code) -> Dataset:
    return code_item(concept.value, concept.scheme, concept.meaning)
