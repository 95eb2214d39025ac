"""Headers made of values, for tests of what is decided on a header."""

from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from dicom_io.reading.instance import InstanceHeader


def header(**values: object) -> InstanceHeader:
    """Return the header of a grayscale image that names nothing but what is given."""
    image = {
        "sop_class_uid": ComputedRadiographyImageStorage,
        "sop_instance_uid": "1.3",
        "study_instance_uid": "1.1",
        "series_instance_uid": "1.2",
        "transfer_syntax_uid": ExplicitVRLittleEndian,
        "rows": 256,
        "columns": 192,
        "photometric_interpretation": "MONOCHROME2",
        "has_pixel_data": True,
    }
    return InstanceHeader(**{**image, **values})  # type: ignore[arg-type]
