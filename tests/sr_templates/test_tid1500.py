"""The parts of the content tree that depend on the source's header."""

from highdicom.sr.templates import ImageLibraryEntryDescriptors
from pydicom.dataset import Dataset

from dicom_io.objects.common import to_bytes
from dicom_io.objects.inheritance import sanitized_source
from sr_templates.report import structured_report
from sr_templates.tid1500 import tid1500_measurement_report
from sr_templates.tid1600 import tid1600_image_library
from tests.factories import code_item, encode, make_instance
from tests.sr_templates.builders import analyzed, report_content, source


def procedure_reported(**elements) -> str:
    root = tid1500_measurement_report(report_content([analyzed(source(**elements))]))
    (item,) = (i for i in root.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == "121058")
    return str(item.ConceptCodeSequence[0].CodeValue)


def test_the_procedure_is_that_of_the_order():
    code = code_item("36643-5", "LN", "XR wrist")
    assert procedure_reported(ProcedureCodeSequence=[code]) == "36643-5"


def test_without_an_order_the_procedure_is_a_radiograph():
    assert procedure_reported() == "43468-8"


def test_the_order_keeps_its_character_set():
    meaning = "кисть".encode("iso8859_5")
    instance = make_instance(
        rows=8,
        columns=8,
        SpecificCharacterSet="ISO_IR 144",
        ProcedureCodeSequence=[code_item("36643-5", "LN", "кисть")],
    )
    header, _ = sanitized_source(encode(instance))
    data = to_bytes(structured_report(report_content([analyzed(header)])))
    assert data.count(meaning) == 2  # in the study and in the content tree


def said(item: Dataset) -> tuple[str, object]:
    """Return the concept name and the value of a content item."""
    value = item.get("TextValue")
    if "MeasuredValueSequence" in item:
        value = float(item.MeasuredValueSequence[0].NumericValue)
    if "ConceptCodeSequence" in item:
        value = item.ConceptCodeSequence[0].CodeValue
    return item.ConceptNameCodeSequence[0].CodeValue, value


def test_an_image_is_described_as_highdicom_does():
    spacing = [0.1, 0.2]
    library = tid1600_image_library([analyzed(source(ImagerPixelSpacing=spacing))])
    (image,) = library.ContentSequence[0].ContentSequence
    theirs = ImageLibraryEntryDescriptors(make_instance(rows=8, columns=8, ImagerPixelSpacing=spacing))
    laterality = ("111027", "7771000")
    assert {said(item) for item in image.ContentSequence} - {laterality} == {said(item) for item in theirs}


def test_what_a_header_does_not_say_is_left_out():
    bare = source(PatientOrientation=None, ImagerPixelSpacing=None, Modality="OT", Rows=None, Columns=None)
    library = tid1600_image_library([analyzed(bare)])
    (image,) = library.ContentSequence[0].ContentSequence
    assert [said(item) for item in image.ContentSequence] == [("111027", "7771000")]
