"""What all objects that ulna makes have in common.

This module builds the part of a result that does not depend on its kind: the patient and study of the
source, the series, our equipment and the algorithm, and clocks that stand where the caller put them. The
same input gives the same bytes.
"""

from collections.abc import MutableSequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from io import BytesIO

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_io.identity import (
    ULNA_IMPLEMENTATION_CLASS_UID,
    ULNA_IMPLEMENTATION_VERSION_NAME,
    ULNA_MANUFACTURER,
    ULNA_MODEL_NAME,
)
from dicom_io.objects.inheritance import put
from dicom_io.objects.result_facts import NOT_FOR_DIAGNOSIS, ResultFacts

# PS3.3 C.7.1.1 Patient, C.7.2.1 General Study, and of C.12.1 SOP Common what gives them their meaning
_INHERITED = (
    "SpecificCharacterSet",
    "TimezoneOffsetFromUTC",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName",
    "StudyID",
    "StudyDescription",
    "ProcedureCodeSequence",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The identity of a result and its place in the study."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    modality: str
    series_number: int
    instance_number: int


def derived_dataset(source: Dataset, facts: ResultFacts, place: Place) -> Dataset:
    """Return the beginning of a result: file meta and the modules that every kind shares.

    Parameters
    ----------
    source : Dataset
        From `dicom_io.objects.inheritance.sanitized_source`: the instance whose patient and study are
        inherited, the same for all results of a study.

    Returns
    -------
    Dataset
        Patient, General Study, General Series, General Equipment with what Enhanced General Equipment
        asks for, and SOP Common (PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.5.1, C.7.5.2, C.12.1).
    """
    ds = Dataset()
    ds.file_meta = _file_meta(place)
    # Patient, General Study
    for keyword in _INHERITED:
        if keyword in source:
            ds[keyword] = source.get_item(keyword)
    # General Series
    ds.Modality = place.modality
    ds.SeriesInstanceUID = place.series_instance_uid
    ds.SeriesNumber = place.series_number
    ds.SeriesDescription = facts.series_description
    ds.InstanceNumber = place.instance_number
    # General Equipment, Enhanced General Equipment
    ds.Manufacturer = ULNA_MANUFACTURER
    ds.ManufacturerModelName = ULNA_MODEL_NAME
    ds.DeviceSerialNumber = facts.bundle_digest
    ds.SoftwareVersions = facts.software_version
    # SOP Common
    ds.SOPClassUID = place.sop_class_uid
    ds.SOPInstanceUID = place.sop_instance_uid
    ds.ContributingEquipmentSequence = [_algorithm(facts)]
    _set_clocks(ds, facts.analyzed_at)
    return ds


def to_bytes(ds: Dataset) -> bytes:
    """Return a result as a Part 10 file; equal data sets give equal bytes."""
    terms = ds.get("SpecificCharacterSet")
    codecs = convert_encodings(terms) if terms else default_encoding
    _declare_as_read(ds, codecs)
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """Return the item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def instance_reference(ds: Dataset) -> Dataset:
    """Return the item that refers to an instance (PS3.3 10.8, SOP Instance Reference Macro)."""
    item = Dataset()
    put(item, "ReferencedSOPClassUID", str(ds["SOPClassUID"].value))
    put(item, "ReferencedSOPInstanceUID", str(ds["SOPInstanceUID"].value))
    return item


def _declare_as_read(ds: Dataset, codecs: str | MutableSequence[str]) -> None:
    """Let inherited text be written as it is: decoded and encoded again, it can lose bytes."""
    ds.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=codecs)
    for element in map(ds.get_item, ds.keys()):
        if isinstance(element, DataElement) and element.VR == "SQ":
            for item in element.value:
                _declare_as_read(item, default_encoding)  # all that pydicom knows of the set of an item


def _file_meta(place: Place) -> FileMetaDataset:
    file_meta = FileMetaDataset()
    file_meta.MediaStorageSOPClassUID = UID(place.sop_class_uid)
    file_meta.MediaStorageSOPInstanceUID = UID(place.sop_instance_uid)
    file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file_meta.ImplementationClassUID = ULNA_IMPLEMENTATION_CLASS_UID
    file_meta.ImplementationVersionName = ULNA_IMPLEMENTATION_VERSION_NAME
    return file_meta


def _algorithm(facts: ResultFacts) -> Dataset:
    """Return the bundle as contributing equipment, as IHE AIR 6.5.3 asks."""
    item = Dataset()
    # IHE's own purpose "Processing Algorithm" has only a draft code; this is its standard parent.
    item.PurposeOfReferenceCodeSequence = [code_item("109102", "DCM", "Processing Equipment")]
    item.Manufacturer = ULNA_MANUFACTURER
    item.ManufacturerModelName = facts.model_name + ("" if facts.trained else " UNTRAINED")
    item.SoftwareVersions = facts.model_version
    item.DeviceSerialNumber = facts.bundle_digest
    item.DeviceUID = facts.device_uid
    item.ContributionDateTime = facts.analyzed_at.strftime("%Y%m%d%H%M%S.%f%z")
    item.ContributionDescription = f"Probability of {facts.target} and class activation; {NOT_FOR_DIAGNOSIS}"
    return item


def _set_clocks(ds: Dataset, analyzed_at: datetime) -> None:
    """Set all dates and times of the object to one moment (PS3.3 C.12.1.1.8: in its declared zone)."""
    local = analyzed_at
    if "TimezoneOffsetFromUTC" in ds:
        local = analyzed_at.astimezone(_zone(ds.TimezoneOffsetFromUTC))
    for name in ("InstanceCreation", "Series", "Content"):
        setattr(ds, f"{name}Date", local.strftime("%Y%m%d"))
        setattr(ds, f"{name}Time", local.strftime("%H%M%S.%f"))


def _zone(offset: str) -> timezone:
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
