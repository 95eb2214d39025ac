"""The picture that readers see.

This module wraps a rendered page (the view beside its overlay) into a Secondary Capture Image (PS3.3 A.8).
"""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dicom_io.identity import ULNA_IMAGE_TYPE, ULNA_MANUFACTURER, ULNA_MODEL_NAME
from dicom_io.objects.common import Place, code_item, derived_dataset, instance_reference
from dicom_io.objects.inheritance import put
from dicom_io.objects.result_facts import NOT_FOR_DIAGNOSIS, ResultFacts
from dicom_io.selection.laterality import Laterality

SERIES_NUMBER = 9901

_UNTRAINED = " by an UNTRAINED model, which means nothing"


def secondary_capture(
    page: NDArray[np.uint8],
    *,
    source: Dataset,
    patient_source: Dataset,
    facts: ResultFacts,
    view_number: int,
    laterality: Laterality = Laterality.UNKNOWN,
) -> Dataset:
    """Return the Secondary Capture of one analyzed view, complete with file meta.

    All captures of a revision are one series. Same arguments, same bytes.

    Parameters
    ----------
    page : NDArray
        (rows, cols, 3) uint8, red, green, blue as displayed. It must not show who the patient is: the
        object says so unless the source has burned-in annotation.
    source : Dataset
        The view's header, from `dicom_io.objects.inheritance.sanitized_source`.
    patient_source : Dataset
        The header of the instance of the study that says who the patient is, from the same.
    facts : ResultFacts
        What the study's results have in common.
    view_number : int
        From 1, in the order of the report.
    laterality : Laterality
        The side that the view shows.

    Raises
    ------
    ValueError
        `page` has another shape or type.
    """
    if page.dtype != np.uint8 or page.ndim != 3 or page.shape[2] != 3:
        raise ValueError(f"page must be (rows, cols, 3) uint8, not {page.shape} {page.dtype}")
    study_instance_uid = str(source["StudyInstanceUID"].value)
    place = Place(
        sop_class_uid=SecondaryCaptureImageStorage,
        sop_instance_uid=facts.uid("secondary-capture", str(source["SOPInstanceUID"].value)),
        series_instance_uid=facts.uid("secondary-capture-series", study_instance_uid),
        modality="OT",
        series_number=SERIES_NUMBER,
        instance_number=view_number,
    )
    ds = derived_dataset(patient_source, facts, place)
    _add_equipment(ds, facts)
    _add_general_image(ds, source, facts)
    _add_laterality(ds, source, laterality)
    _add_references(ds, source)
    _add_pixels(ds, page)
    return ds


def _add_equipment(ds: Dataset, facts: ResultFacts) -> None:
    # SC Equipment (PS3.3 C.8.6.1), SC Image (PS3.3 C.8.6.2)
    ds.ConversionType = "WSD"
    ds.SecondaryCaptureDeviceManufacturer = ULNA_MANUFACTURER
    ds.SecondaryCaptureDeviceManufacturerModelName = ULNA_MODEL_NAME
    ds.SecondaryCaptureDeviceSoftwareVersions = facts.software_version
    ds.DateOfSecondaryCapture = ds.ContentDate
    ds.TimeOfSecondaryCapture = ds.ContentTime


def _add_general_image(ds: Dataset, source: Dataset, facts: ResultFacts) -> None:
    # General Image (PS3.3 C.7.6.1)
    ds.ImageType = list(ULNA_IMAGE_TYPE)
    # The page holds the view twice: no direction of the patient holds for all of it.
    ds.PatientOrientation = None
    untrained = "" if facts.trained else _UNTRAINED
    revision = f"; {facts.revision_clause}" if facts.revision_clause else ""
    ds.ImageComments = (
        f"ulna: {facts.claim}{untrained}; looked for {facts.target}, nothing else; "
        f"{NOT_FOR_DIAGNOSIS}{revision}"
    )
    ds.DerivationDescription = (
        f"Source beside its class activation map, by {facts.model_label}, resampled, 8 bit"
    )
    ds.RecognizableVisualFeatures = "NO"
    for keyword in ("BurnedInAnnotation", "LossyImageCompression"):
        if keyword in source:
            ds[keyword] = source.get_item(keyword)


def _add_laterality(ds: Dataset, source: Dataset, laterality: Laterality) -> None:
    if "BodyPartExamined" in source:
        ds["BodyPartExamined"] = source.get_item("BodyPartExamined")
    if laterality is not Laterality.UNKNOWN:
        ds.ImageLaterality = laterality.value
    else:
        ds.Laterality = None  # Type 2C for paired structures, where no image laterality is given


def _add_references(ds: Dataset, source: Dataset) -> None:
    # General Reference (PS3.3 C.12.4)
    reference = instance_reference(source)
    reference.PurposeOfReferenceCodeSequence = [
        code_item("121322", "DCM", "Source image for image processing operation")
    ]
    reference.SpatialLocationsPreserved = "NO"
    ds.SourceImageSequence = [reference]
    # Common Instance Reference (PS3.3 C.12.2)
    series = Dataset()
    put(series, "SeriesInstanceUID", str(source["SeriesInstanceUID"].value))
    series.ReferencedInstanceSequence = [instance_reference(source)]
    ds.ReferencedSeriesSequence = [series]


def _add_pixels(ds: Dataset, page: NDArray[np.uint8]) -> None:
    # Image Pixel (PS3.3 C.7.6.3)
    ds.Rows, ds.Columns, ds.SamplesPerPixel = page.shape
    ds.PhotometricInterpretation = "RGB"
    ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelRepresentation = 0
    value = page.tobytes()
    ds.PixelData = value + b"\0" * (len(value) % 2)
    ds["PixelData"].VR = "OB"
