"""TID 1600 Image Library, with TID 1602 and TID 1603 Image Library Entry Descriptors.

This module lists the images that were analyzed, so that a receiver knows them without fetching them.
"""

from collections.abc import Sequence

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    NumContentItem,
    TextContentItem,
)
from highdicom.sr import RelationshipTypeValues as Relationship
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from sr_templates import codes
from sr_templates.content import AnalyzedView
from sr_templates.references import instance_item

_ACQUISITION = Relationship.HAS_ACQ_CONTEXT


def tid1600_image_library(views: Sequence[AnalyzedView]) -> ContainerContentItem:
    """Return the library with one group of all views."""
    group = ContainerContentItem(
        codes.IMAGE_LIBRARY_GROUP, is_content_continuous=False, relationship_type=Relationship.CONTAINS
    )
    group.ContentSequence = ContentSequence([_entry(view) for view in views])
    for entry in group.ContentSequence:
        del entry.ConceptNameCodeSequence  # TID 1601 names none, and highdicom takes no item without
    library = ContainerContentItem(
        codes.IMAGE_LIBRARY,
        is_content_continuous=False,
        template_id="1600",
        relationship_type=Relationship.CONTAINS,
    )
    library.ContentSequence = ContentSequence([group])
    return library


def _entry(view: AnalyzedView) -> ContentItem:
    """Return TID 1601: the image and what its header tells of it."""
    image = instance_item(codes.SOURCE, view.source)
    image.ContentSequence = ContentSequence([*_tid1602_descriptors(view), *_tid1603_descriptors(view.source)])
    return image


def _tid1602_descriptors(view: AnalyzedView) -> list[ContentItem]:
    """Return modality, size and laterality, as far as they are known."""
    source = view.source
    descriptors: list[ContentItem] = []
    if modality := codes.MODALITIES.get(source.get("Modality", "")):
        descriptors.append(CodeContentItem(codes.MODALITY, modality, _ACQUISITION))
    for keyword, name in (("Rows", codes.PIXEL_DATA_ROWS), ("Columns", codes.PIXEL_DATA_COLUMNS)):
        if keyword in source:
            descriptors.append(_number(name, source[keyword].value, codes.PIXELS))
    if view.shown.laterality:
        side = codes.LATERALITIES[view.shown.laterality]
        descriptors.append(CodeContentItem(codes.IMAGE_LATERALITY, side, _ACQUISITION))
    return descriptors


def _tid1603_descriptors(source: Dataset) -> list[ContentItem]:
    """Return orientation and spacing on the detector of a projection radiograph, as far as known."""
    descriptors: list[ContentItem] = []
    if "PatientOrientation" in source:
        row, column = source.PatientOrientation
        descriptors += [
            TextContentItem(codes.PATIENT_ORIENTATION_ROW, row, _ACQUISITION),
            TextContentItem(codes.PATIENT_ORIENTATION_COLUMN, column, _ACQUISITION),
        ]
    if "ImagerPixelSpacing" in source:
        between_rows, between_columns = source.ImagerPixelSpacing
        descriptors += [
            _number(codes.HORIZONTAL_PIXEL_SPACING, float(between_columns), codes.MILLIMETER),
            _number(codes.VERTICAL_PIXEL_SPACING, float(between_rows), codes.MILLIMETER),
        ]
    return descriptors


def _number(name: Code, value: float, unit: Code) -> NumContentItem:
    return NumContentItem(name, value, unit, relationship_type=_ACQUISITION)
