"""Tiny DICOM instances for tests: valid by default, changed by keyword."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)

TEST_ROOT = "1.2.826.0.1.3680043.8.498.77"

MODALITY_OF_CLASS: dict[str, str] = {
    ComputedRadiographyImageStorage: "CR",
    DigitalXRayImageStorageForPresentation: "DX",
}

REGION_KEYWORDS = {"BodyPartExamined", "AnatomicRegionSequence"}


def uid(*numbers: int) -> str:
    """Return a UID of the test root: `uid(1, 2)` ends in `.1.2`."""
    return ".".join([TEST_ROOT, *map(str, numbers)])


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """Return the item of a code sequence."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def ramp(rows: int, columns: int, bits_stored: int) -> NDArray[np.uint16]:
    """Return a (rows, columns) uint16 ramp from 0 to the largest stored value."""
    largest = (1 << bits_stored) - 1
    return np.linspace(0, largest, rows * columns).round().astype(np.uint16).reshape(rows, columns)


def make_instance(
    *,
    sop_class_uid: str = DigitalXRayImageStorageForPresentation,
    transfer_syntax_uid: str = ExplicitVRLittleEndian,
    study: int = 1,
    instance: int = 1,
    rows: int = 256,
    columns: int = 192,
    bits_stored: int = 12,
    photometric: str = "MONOCHROME2",
    pixels: NDArray[np.generic] | None = None,
    **elements: object,
) -> Dataset:
    """Return a CR or DX instance of a right wrist, with file meta and pixel data.

    A DX also has the coded region, unless BodyPartExamined or the code itself is overridden.

    Parameters
    ----------
    study, instance : int
        Decide the UIDs: same numbers, same UIDs. One series per study unless overridden.
    pixels : NDArray, optional
        (rows, columns) uint8, uint16 or int16 stored values; a ramp otherwise. Rows, Columns,
        BitsAllocated and PixelRepresentation follow from it.
    **elements
        By keyword, written last: a value replaces or adds an element, None removes it.
        `transfer_syntax_uid` only names an uncompressed syntax: to compress, call
        `Dataset.compress(..., generate_instance_uid=False)` on the result.
    """
    ds = Dataset()
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = uid(study, 1, instance)
    ds.StudyInstanceUID = uid(study)
    ds.SeriesInstanceUID = uid(study, 1)
    _add_patient_and_study(ds, study)
    _add_series_and_equipment(ds, sop_class_uid, instance)
    stored = ramp(rows, columns, bits_stored) if pixels is None else pixels
    _add_pixels(ds, stored, bits_stored, ">" if transfer_syntax_uid == ExplicitVRBigEndian else "<")
    ds.PhotometricInterpretation = photometric
    if sop_class_uid == DigitalXRayImageStorageForPresentation and not REGION_KEYWORDS & elements.keys():
        ds.AnatomicRegionSequence = [code_item("74670003", "SCT", "Wrist joint")]
    for keyword, value in elements.items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = UID(ds.get("SOPClassUID", sop_class_uid))
    ds.file_meta.MediaStorageSOPInstanceUID = UID(ds.get("SOPInstanceUID", uid(study, 1, instance)))
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    ds.file_meta.ImplementationClassUID = UID(uid(0))
    return ds


def encode(ds: Dataset) -> bytes:
    """Return `ds` as the bytes of a Part 10 file."""
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_instance(ds: Dataset, path: Path) -> Path:
    """Write `ds` as a Part 10 file and return `path`."""
    path.write_bytes(encode(ds))
    return path


def _add_patient_and_study(ds: Dataset, study: int) -> None:
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "Testcase^Wrist"
    ds.PatientID = f"TEST-{study}"
    ds.PatientBirthDate = "19700101"
    ds.PatientSex = "O"
    ds.StudyID = str(study)
    ds.StudyDate = "20240229"
    ds.StudyTime = "081500"
    ds.AccessionNumber = f"A{study}"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "XR wrist right"


def _add_series_and_equipment(ds: Dataset, sop_class_uid: str, instance: int) -> None:
    ds.Modality = MODALITY_OF_CLASS.get(sop_class_uid, "OT")
    ds.SeriesNumber = 1
    ds.SeriesDescription = "Wrist PA"
    ds.InstanceNumber = instance
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.BodyPartExamined = "WRIST"
    ds.ImageLaterality = "R"
    ds.ViewPosition = "PA"
    ds.PatientOrientation = ["L", "F"]
    ds.Manufacturer = "Test Radiography"
    ds.ImagerPixelSpacing = [0.15, 0.15]
    if sop_class_uid == DigitalXRayImageStorageForPresentation:
        ds.PresentationIntentType = "FOR PRESENTATION"
        ds.PixelIntensityRelationship = "LOG"
        ds.PixelIntensityRelationshipSign = 1
        ds.RescaleIntercept = 0
        ds.RescaleSlope = 1
        ds.RescaleType = "US"
        ds.PresentationLUTShape = "IDENTITY"
        ds.AcquisitionContextSequence = []
        ds.AnatomicRegionSequence = []
        ds.DetectorType = ""
        ds.PositionerType = ""


def _add_pixels(ds: Dataset, pixels: NDArray[np.generic], bits_stored: int, byte_order: str) -> None:
    ds.SamplesPerPixel = 1
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated = 8 * pixels.dtype.itemsize
    ds.BitsStored = min(bits_stored, ds.BitsAllocated)
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.astype(f"{byte_order}{pixels.dtype.kind}{pixels.dtype.itemsize}").tobytes()
    ds.WindowCenter = 1 << ds.BitsStored - 1
    ds.WindowWidth = 1 << ds.BitsStored
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
