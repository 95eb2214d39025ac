"""The header of an instance as values.

This module reads what ulna needs to know of an instance before it looks at a pixel: where it belongs,
what it shows, whether it can be analyzed. Absent and unusable values are empty, so that later code can
rely on every field.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dicom_io.reading.part10 import Part10Header, PixelDataExtent, opened, read_part10_header
from dicom_io.reading.text import FALLBACK_CHARACTER_SET, codecs_of
from dicom_io.reading.transfer_syntaxes import NATIVE_TRANSFER_SYNTAXES
from dicom_io.reading.values import CodedTerm, Values, tag_of
from dicom_io.uids import SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceHeader:
    """What is known of an instance without its pixels.

    Fields carry the keyword of their element. UIDs are checked; everything else is as received: text is
    decoded and stripped, ``""`` where absent; code strings are in capitals; numbers are 0 where absent or
    unreadable, except `number_of_frames` and `samples_per_pixel`, which are then 1.

    `procedure_texts` are the descriptions and code meanings of the requested and performed procedure.
    `pixel_data_problem` is empty, or says in plain words what is missing from the pixel data.
    """

    sop_class_uid: SopClassUid
    sop_instance_uid: SopInstanceUid
    study_instance_uid: StudyInstanceUid
    series_instance_uid: SeriesInstanceUid
    transfer_syntax_uid: TransferSyntaxUid

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_age: str = ""
    accession_number: str = ""
    study_date: str = ""
    study_description: str = ""
    requested_procedure_priority: str = ""

    series_date: str = ""
    acquisition_date: str = ""
    content_date: str = ""
    series_description: str = ""
    protocol_name: str = ""
    acquisition_device_processing_description: str = ""
    procedure_texts: tuple[str, ...] = ()

    body_part_examined: str = ""
    anatomic_regions: tuple[CodedTerm, ...] = ()
    anatomic_region_modifiers: tuple[CodedTerm, ...] = ()
    image_laterality: str = ""
    laterality: str = ""
    view_position: str = ""
    views: tuple[CodedTerm, ...] = ()

    image_type: tuple[str, ...] = ()
    presentation_intent_type: str = ""
    manufacturer: str = ""
    manufacturer_model_name: str = ""
    quality_control_subject: str = ""
    quality_control_image: str = ""

    rows: int = 0
    columns: int = 0
    number_of_frames: int = 1
    samples_per_pixel: int = 1
    photometric_interpretation: str = ""
    has_pixel_data: bool = False
    pixel_data_problem: str = ""


def read_header(
    source: Path | bytes | BinaryIO, *, fallback_character_set: str = FALLBACK_CHARACTER_SET
) -> InstanceHeader:
    """Read the header of a Part 10 file; the pixel data stays where it is.

    Parameters
    ----------
    source : Path, bytes or BinaryIO
        A file, its content, or a seekable stream, which is left open.
    fallback_character_set : str
        A defined term of Specific Character Set, for text that is neither in the declared one nor UTF-8.

    Raises
    ------
    NotDicom
        No preamble, or bytes that cannot be a data set.
    TruncatedDataSet
        The file ends within the header. Pixel data that is cut short is not an error here: see
        `InstanceHeader.pixel_data_problem`.
    MissingUid, InvalidUid
        TransferSyntaxUID, SOPClassUID, SOPInstanceUID, StudyInstanceUID or SeriesInstanceUID.
    OSError
        `source` cannot be opened or read.
    """
    (fallback_codec,) = codecs_of(fallback_character_set.encode())
    with opened(source) as stream:
        part10 = read_part10_header(stream, wanted=_WANTED, wanted_sequences=_WANTED_SEQUENCES)
    return _header(part10, fallback_codec)


def _header(part10: Part10Header, fallback_codec: str) -> InstanceHeader:
    values = Values(
        part10.data_set,
        little_endian=part10.little_endian,
        fallback=fallback_codec,
    )
    extent = part10.pixel_data
    return InstanceHeader(
        sop_class_uid=SopClassUid(values.uid("SOPClassUID")),
        sop_instance_uid=SopInstanceUid(values.uid("SOPInstanceUID")),
        study_instance_uid=StudyInstanceUid(values.uid("StudyInstanceUID")),
        series_instance_uid=SeriesInstanceUid(values.uid("SeriesInstanceUID")),
        transfer_syntax_uid=part10.transfer_syntax_uid,
        patient_id=values.text("PatientID"),
        issuer_of_patient_id=values.text("IssuerOfPatientID"),
        patient_name=values.text("PatientName"),
        patient_birth_date=values.text("PatientBirthDate"),
        patient_age=values.code_string("PatientAge"),
        accession_number=values.text("AccessionNumber"),
        study_date=values.text("StudyDate"),
        study_description=values.text("StudyDescription"),
        requested_procedure_priority=values.code_string("RequestedProcedurePriority"),
        series_date=values.text("SeriesDate"),
        acquisition_date=values.text("AcquisitionDate"),
        content_date=values.text("ContentDate"),
        series_description=values.text("SeriesDescription"),
        protocol_name=values.text("ProtocolName"),
        acquisition_device_processing_description=values.text("AcquisitionDeviceProcessingDescription"),
        procedure_texts=_procedure_texts(values),
        body_part_examined=values.code_string("BodyPartExamined"),
        anatomic_regions=values.coded_terms("AnatomicRegionSequence"),
        anatomic_region_modifiers=values.coded_terms(
            "AnatomicRegionSequence", "AnatomicRegionModifierSequence"
        ),
        image_laterality=values.code_string("ImageLaterality"),
        laterality=values.code_string("Laterality"),
        view_position=values.code_string("ViewPosition"),
        views=values.coded_terms("ViewCodeSequence"),
        image_type=values.code_strings("ImageType"),
        presentation_intent_type=values.code_string("PresentationIntentType"),
        manufacturer=values.text("Manufacturer"),
        manufacturer_model_name=values.text("ManufacturerModelName"),
        quality_control_subject=values.code_string("QualityControlSubject"),
        quality_control_image=values.code_string("QualityControlImage"),
        rows=values.number("Rows"),
        columns=values.number("Columns"),
        number_of_frames=values.number("NumberOfFrames") or 1,
        samples_per_pixel=values.number("SamplesPerPixel") or 1,
        photometric_interpretation=values.code_string("PhotometricInterpretation"),
        has_pixel_data=extent is not None and extent.declared != 0,
        pixel_data_problem="" if extent is None else _pixel_data_problem(extent, values, part10),
    )


def _procedure_texts(values: Values) -> tuple[str, ...]:
    terms = [term for keyword in _PROCEDURE_CODES for term in values.coded_terms(keyword)]
    requests = values.items("RequestAttributesSequence")
    texts = [
        *(term.meaning for term in terms),
        *(request.text(keyword) for request in requests for keyword in _PROCEDURE_TEXTS),
        *(values.text(keyword) for keyword in _PROCEDURE_TEXTS),
    ]
    return tuple(dict.fromkeys(text for text in texts if text))


def _pixel_data_problem(extent: PixelDataExtent, values: Values, part10: Part10Header) -> str:
    if extent.declared is None and extent.complete:
        return ""
    if extent.declared is None:
        return f"PixelData is truncated: {extent.present} bytes present, its sequence delimiter is not"
    expected = max(extent.declared, _native_bytes(values, part10))
    if extent.present >= expected:
        return ""
    return f"PixelData is truncated: {extent.present} bytes present, {expected} expected"


def _native_bytes(values: Values, part10: Part10Header) -> int:
    """Return how many bytes the image takes up uncompressed; 0 where chroma subsampling may make it fewer."""
    if part10.transfer_syntax_uid not in NATIVE_TRANSFER_SYNTAXES or values.number("SamplesPerPixel") > 1:
        return 0
    pixels = values.number("Rows") * values.number("Columns") * (values.number("NumberOfFrames") or 1)
    return (pixels * values.number("BitsAllocated") + 7) // 8


_PROCEDURE_CODES = (
    "RequestedProcedureCodeSequence",
    "PerformedProtocolCodeSequence",
    "ProcedureCodeSequence",
)
_PROCEDURE_TEXTS = (
    "RequestedProcedureDescription",
    "ScheduledProcedureStepDescription",
    "PerformedProcedureStepDescription",
)

# fmt: off
_SEQUENCES = (
    "AnatomicRegionSequence", "AnatomicRegionModifierSequence",
    "ViewCodeSequence", "RequestAttributesSequence", *_PROCEDURE_CODES,
)
_ELEMENTS = (
    "SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientAge",
    "AccessionNumber", "StudyDate", "StudyDescription",
    "SeriesDate", "AcquisitionDate", "ContentDate", "RequestedProcedurePriority",
    "SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription",
    "BodyPartExamined", "ImageLaterality", "Laterality", "ViewPosition",
    "ImageType", "PresentationIntentType", "Manufacturer", "ManufacturerModelName",
    "QualityControlSubject", "QualityControlImage",
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation",
    "CodingSchemeDesignator", "CodeValue", "CodeMeaning", *_PROCEDURE_TEXTS,
)
# fmt: on
_WANTED_SEQUENCES = frozenset(map(tag_of, _SEQUENCES))
_WANTED = frozenset(map(tag_of, _ELEMENTS))
