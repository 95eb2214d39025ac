"""The items that refer to instances."""

import pytest

from dicom_io.objects.inheritance import sanitized_source
from sr_templates import codes
from sr_templates.references import instance_item
from tests.dicom_io.nasty_sources import source_bytes
from tests.sr_templates.builders import source

PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"


def test_what_has_rows_is_an_image():
    item = instance_item(codes.SOURCE, source())
    assert (item.ValueType, item.referenced_sop_instance_uid) == ("IMAGE", source().SOPInstanceUID)


def test_what_has_no_rows_is_another_composite_object():
    item = instance_item(codes.SOURCE, source(SOPClassUID=PRESENTATION_STATE, Rows=None, Columns=None))
    assert (item.ValueType, item.referenced_sop_class_uid) == ("COMPOSITE", PRESENTATION_STATE)


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID"])
def test_a_uid_with_leading_zeros_is_named_as_it_is(keyword):
    header, _ = sanitized_source(source_bytes({keyword: b"1.2.03.4"}))
    (reference,) = instance_item(codes.SOURCE, header).ReferencedSOPSequence
    assert reference[f"Referenced{keyword}"].value == "1.2.03.4"
