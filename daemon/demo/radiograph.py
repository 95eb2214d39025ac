"""A sample radiograph as a modality would send it.

This module turns a displayed image into stored values and a valid CR or DX instance around them.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from daemon.demo.catalog import SampleStudy, SampleView
from dicom_io.uids import derived_uid

_CLASSES = {
    ("CR", False): uid.ComputedRadiographyImageStorage,
    ("DX", False): uid.DigitalXRayImageStorageForPresentation,
    ("DX", True): uid.DigitalXRayImageStorageForProcessing,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What one instance is of: a view of a study, in which place of it, when, and whether raw.

    `accession_number` and `study_instance_uid` name the study; the UIDs of series and instance follow
    from it. A raw instance is what the detector gave, FOR PROCESSING.
    """

    study: SampleStudy
    view: SampleView
    study_instance_uid: str
    accession_number: str
    number: int
    taken_at: datetime
    raw: bool = False


def radiograph(exposure: Exposure) -> Dataset:
    """Return the instance, with file meta, in the transfer syntax of its study.

    Shown with its window it is the sample as shipped, value for value.
    """
    ds = Dataset()
    _add_file_meta(ds, exposure)
    _add_patient_and_study(ds, exposure)
    _add_series_and_equipment(ds, exposure)
    _add_image(ds, exposure)
    if exposure.study.modality == "DX":
        _add_dx(ds, exposure)
    _add_pixels(ds, exposure)
    transfer_syntax_uid = getattr(uid, exposure.study.transfer_syntax)
    if transfer_syntax_uid.is_compressed:
        ds.compress(transfer_syntax_uid, generate_instance_uid=False)
    return ds


def _add_file_meta(ds: Dataset, exposure: Exposure) -> None:
    transfer_syntax_uid: uid.UID = getattr(uid, exposure.study.transfer_syntax)
    # SOP Common
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = _CLASSES[exposure.study.modality, exposure.raw]
    ds.SOPInstanceUID = derived_uid("demo-instance", [exposure.study_instance_uid], str(exposure.number))
    ds.TimezoneOffsetFromUTC = exposure.taken_at.strftime("%z")
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = (
        uid.ExplicitVRLittleEndian if transfer_syntax_uid.is_compressed else transfer_syntax_uid
    )


def _add_patient_and_study(ds: Dataset, exposure: Exposure) -> None:
    study, patient = exposure.study, exposure.study.patient
    # Patient
    ds.PatientName = patient.name
    ds.PatientID = patient.id
    ds.IssuerOfPatientID = "ULNADEMO"
    ds.PatientBirthDate = patient.birth_date
    ds.PatientSex = patient.sex
    # General Study
    ds.StudyInstanceUID = exposure.study_instance_uid
    ds.StudyID = patient.id[-3:]
    ds.StudyDate, ds.StudyTime = _date_and_time(exposure.taken_at)
    ds.AccessionNumber = exposure.accession_number
    ds.ReferringPhysicianName = "DEMO^REFERRER"
    ds.StudyDescription = study.description
    ds.RequestedProcedurePriority = study.priority


def _add_series_and_equipment(ds: Dataset, exposure: Exposure) -> None:
    study, view = exposure.study, exposure.view
    # General Series, CR Series
    ds.Modality = study.modality
    ds.SeriesInstanceUID = derived_uid("demo-series", [exposure.study_instance_uid], str(exposure.number))
    ds.SeriesNumber = exposure.number
    ds.SeriesDate, ds.SeriesTime = _date_and_time(exposure.taken_at)
    ds.SeriesDescription = f"{view.series_description} raw" if exposure.raw else view.series_description
    ds.ProtocolName = study.description
    ds.BodyPartExamined = study.region.value
    ds.ViewPosition = view.view_position
    # PS3.3 C.7.3.1: Laterality is required, if only empty, where no ImageLaterality says the side
    keyword = "ImageLaterality" if study.laterality else "Laterality"
    setattr(ds, keyword, study.laterality.value)
    # General Equipment
    ds.Manufacturer = "Demo Radiography"
    ds.ManufacturerModelName = f"Sample {study.modality}"
    ds.InstitutionName = "Demo Hospital"
    ds.StationName = f"DEMO{study.modality}1"


def _add_image(ds: Dataset, exposure: Exposure) -> None:
    view = exposure.view
    jpeg = view.jpeg()
    # General Image
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.InstanceNumber = 1
    ds.PatientOrientation = list(view.patient_orientation)
    ds.AcquisitionDate, ds.AcquisitionTime = _date_and_time(exposure.taken_at)
    ds.ContentDate, ds.ContentTime = _date_and_time(exposure.taken_at)
    ds.ImageComments = f"FracAtlas {view.source}, CC BY 4.0, changed; header invented"
    ds.BurnedInAnnotation = "NO"
    # PS3.3 C.7.6.1.1.5: pixels that were once compressed with loss stay marked
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio = f"{view.pixels().size / len(jpeg):.1f}"
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    # CR Image, DX Detector
    ds.ImagerPixelSpacing = [f"{view.spacing_mm:.3f}"] * 2
    ds.KVP = "55"


def _add_dx(ds: Dataset, exposure: Exposure) -> None:
    study = exposure.study
    # DX Series
    ds.PresentationIntentType = "FOR PROCESSING" if exposure.raw else "FOR PRESENTATION"
    # DX Anatomy Imaged
    ds.AnatomicRegionSequence = Sequence([_code(*study.anatomic_region)])
    # DX Image
    bright_is_dense = _photometric_interpretation(exposure) == "MONOCHROME2"
    ds.PixelIntensityRelationship = "LIN" if exposure.raw else "LOG"
    ds.PixelIntensityRelationshipSign = -1 if bright_is_dense else 1
    ds.RescaleIntercept = "0"
    ds.RescaleSlope = "1"
    ds.RescaleType = "US"
    ds.PresentationLUTShape = "IDENTITY" if bright_is_dense else "INVERSE"
    # DX Detector, DX Positioning, Acquisition Context
    ds.DetectorType = "DIRECT"
    ds.PositionerType = "NONE"
    ds.AcquisitionContextSequence = Sequence()


def _add_pixels(ds: Dataset, exposure: Exposure) -> None:
    bits = exposure.study.bits_stored
    photometric_interpretation = _photometric_interpretation(exposure)
    stored, darkest = stored_values(exposure.view.pixels(), bits, photometric_interpretation)
    # Image Pixel
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = photometric_interpretation
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated = 16
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 0
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    # VOI LUT
    if not exposure.raw:
        span = 255 * _step(bits)
        ds.WindowCenter = f"{darkest + span / 2 + 0.5:.1f}"
        ds.WindowWidth = str(span + 1)


def stored_values(
    displayed: NDArray[np.uint8], bits_stored: int, photometric_interpretation: str
) -> tuple[NDArray[np.uint16], int]:
    """Return stored values that display as given, and the least value that the window spans.

    Parameters
    ----------
    displayed : NDArray[np.uint8]
        (rows, columns), 255 = white.
    bits_stored : int
        The values fill three quarters of this range, as those of a detector do, and lie in its middle.
    photometric_interpretation : str
        MONOCHROME1 stores them upside down (PS3.3 C.7.6.3.1.2).

    Returns
    -------
    tuple[NDArray[np.uint16], int]
        (rows, columns) uint16; and the lower end of a window (PS3.3 C.11.2.1.2.1) that is 255 steps wide.
    """
    largest, step = (1 << bits_stored) - 1, _step(bits_stored)
    offset = (largest - 255 * step) // 2
    values = displayed.astype(np.uint16) * step + offset
    if photometric_interpretation == "MONOCHROME1":
        return largest - values, largest - offset - 255 * step
    return values, offset


def _step(bits_stored: int) -> int:
    """Return how many stored values lie between two neighboring gray values of the sample."""
    return (1 << bits_stored) * 3 // 4 // 255


def _photometric_interpretation(exposure: Exposure) -> str:
    # A raw instance counts exposure, so that dense parts have low values.
    return "MONOCHROME1" if exposure.raw else exposure.study.photometric_interpretation


def _date_and_time(moment: datetime) -> tuple[str, str]:
    """Return a moment as DA and TM (PS3.5 6.2)."""
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "SCT"
    item.CodeMeaning = meaning
    return item
