"""TID 1600 Image Library, with TID 1602 and TID 1603 Image Library Entry Descriptors.

This module lists the images that were analyzed, so that a receiver knows them without fetching them.
"""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from dicom_io.derived import instance_reference
from sr_templates import codes
from sr_templates.codes import Code
from sr_templates.content import AnalyzedView
from sr_templates.content_items import Relationship, code, container, instance, number, text, with_children

_ACQUISITION = Relationship.HAS_ACQ_CONTEXT


def tid1600_image_library(views: Sequence[AnalyzedView]) -> Dataset:
    """Return the library with one group of all views."""
    group = with_children(
        container(codes.IMAGE_LIBRARY_GROUP, Relationship.CONTAINS), [_entry(view) for view in views]
    )
    return with_children(container(codes.IMAGE_LIBRARY, Relationship.CONTAINS, template="1600"), [group])


def _entry(view: AnalyzedView) -> Dataset:
    """Return TID 1601: the image and what its header tells of it."""
    image = instance(instance_reference(view.source), Relationship.CONTAINS, is_image=True, name=None)
    return with_children(image, [*_tid1602_descriptors(view), *_tid1603_descriptors(view.source)])


def _tid1602_descriptors(view: AnalyzedView) -> list[Dataset]:
    """Return modality, size and laterality, as far as they are known."""
    source = view.source
    descriptors = []
    if modality := codes.MODALITIES.get(source.get("Modality", "")):
        descriptors.append(code(codes.MODALITY, modality, _ACQUISITION))
    for keyword, name in (("Rows", codes.PIXEL_DATA_ROWS), ("Columns", codes.PIXEL_DATA_COLUMNS)):
        if keyword in source:
            descriptors.append(number(name, source[keyword].value, codes.PIXELS, _ACQUISITION))
    if view.laterality:
        descriptors.append(code(codes.IMAGE_LATERALITY, codes.LATERALITIES[view.laterality], _ACQUISITION))
    return descriptors


def _tid1603_descriptors(source: Dataset) -> list[Dataset]:
    """Return orientation and spacing on the detector of a projection radiograph, as far as known."""
    descriptors = []
    if "PatientOrientation" in source:
        row, column = source.PatientOrientation
        descriptors += [
            text(codes.PATIENT_ORIENTATION_ROW, row, _ACQUISITION),
            text(codes.PATIENT_ORIENTATION_COLUMN, column, _ACQUISITION),
        ]
    if "ImagerPixelSpacing" in source:
        between_rows, between_columns = source.ImagerPixelSpacing
        descriptors += [
            _spacing(codes.HORIZONTAL_PIXEL_SPACING, between_columns),
            _spacing(codes.VERTICAL_PIXEL_SPACING, between_rows),
        ]
    return descriptors


def _spacing(name: Code, millimeters: float) -> Dataset:
    return number(name, float(millimeters), codes.MILLIMETER, _ACQUISITION)
