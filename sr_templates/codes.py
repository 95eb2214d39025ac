"""The coded concepts of the Structured Report.

This module is the one table of codes: value, coding scheme designator and meaning (PS3.16 Annex D for DCM,
CID as noted).
"""

from collections.abc import Mapping
from types import MappingProxyType

from pydicom.sr.coding import Code

from dicom_io.selection.laterality import Laterality
from dicom_io.selection.regions import Region
from models.reference.drift import InputWarning

# Document and its parts: TID 1500, TID 1501, TID 1600
IMAGING_MEASUREMENT_REPORT = Code("126000", "DCM", "Imaging Measurement Report")  # CID 7021
LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
ENGLISH = Code("en-US", "RFC5646", "English (United States)")
PROCEDURE_REPORTED = Code("121058", "DCM", "Procedure reported")
RADIOGRAPHY = Code("43468-8", "LN", "XR unspecified body region")  # CID 100
IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
MEASUREMENT_GROUP = Code("125007", "DCM", "Measurement Group")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")

# Observer: TID 1002, TID 1004
OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
DEVICE = Code("121007", "DCM", "Device")  # CID 270
DEVICE_OBSERVER_UID = Code("121012", "DCM", "Device Observer UID")
DEVICE_OBSERVER_NAME = Code("121013", "DCM", "Device Observer Name")
DEVICE_OBSERVER_MANUFACTURER = Code("121014", "DCM", "Device Observer Manufacturer")
DEVICE_OBSERVER_MODEL_NAME = Code("121015", "DCM", "Device Observer Model Name")
DEVICE_OBSERVER_SERIAL_NUMBER = Code("121016", "DCM", "Device Observer Serial Number")

# Algorithm: TID 4019
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_MANUFACTURER = Code("122405", "DCM", "Algorithm Manufacturer")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
ALGORITHM_FAMILY = Code("111000", "DCM", "Algorithm Family")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")  # CID 7162

# What is said: TID 300, TID 310, TID 1501
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UNIQUE_IDENTIFIER = Code("112040", "DCM", "Tracking Unique Identifier")
FINDING = Code("121071", "DCM", "Finding")
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
LATERALITY = Code("272741003", "SCT", "Laterality")
PROBABILITY = Code("122157", "DCM", "Probability")
NO_UNITS = Code("1", "UCUM", "no units")  # CID 7181
SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")
SUMMARY = Code("121111", "DCM", "Summary")
COMMENT = Code("121106", "DCM", "Comment")
FINDING_CONTEXT = Code("408729009", "SCT", "Finding context")
PROBABLY_PRESENT = Code("410592001", "SCT", "Probably present")
PRESENCE_SUSPECTED = Code("415684004", "SCT", "Suspected")

# Images: TID 1601, TID 1602, TID 1603
SOURCE = Code("260753009", "SCT", "Source")
MODALITY = Code("121139", "DCM", "Modality")
PIXEL_DATA_ROWS = Code("110910", "DCM", "Pixel Data Rows")
PIXEL_DATA_COLUMNS = Code("110911", "DCM", "Pixel Data Columns")
PIXELS = Code("{pixels}", "UCUM", "Pixels")
IMAGE_LATERALITY = Code("111027", "DCM", "Image Laterality")
PATIENT_ORIENTATION_ROW = Code("111044", "DCM", "Patient Orientation Row")
PATIENT_ORIENTATION_COLUMN = Code("111043", "DCM", "Patient Orientation Column")
HORIZONTAL_PIXEL_SPACING = Code("111026", "DCM", "Horizontal Pixel Spacing")
VERTICAL_PIXEL_SPACING = Code("111066", "DCM", "Vertical Pixel Spacing")
MILLIMETER = Code("mm", "UCUM", "mm")

MODALITIES: Mapping[str, Code] = MappingProxyType(
    {
        "CR": Code("CR", "DCM", "Computed Radiography"),
        "DX": Code("DX", "DCM", "Digital Radiography"),
    }
)
"""(0008,0060) *Modality* -> CID 29, for what is analyzed."""

REGIONS: Mapping[Region, Code] = MappingProxyType(
    {
        Region.ELBOW: Code("16953009", "SCT", "Elbow joint"),
        Region.FINGER: Code("7569003", "SCT", "Finger"),
        Region.FOREARM: Code("14975008", "SCT", "Forearm"),
        Region.HAND: Code("85562004", "SCT", "Hand"),
        Region.HUMERUS: Code("85050009", "SCT", "Humerus"),
        Region.SHOULDER: Code("16982005", "SCT", "Shoulder"),
        Region.WRIST: Code("74670003", "SCT", "Wrist joint"),
    }
)
"""CID 4031."""

LATERALITIES: Mapping[Laterality, Code] = MappingProxyType(
    {
        Laterality.LEFT: Code("7771000", "SCT", "Left"),
        Laterality.RIGHT: Code("24028007", "SCT", "Right"),
        Laterality.BOTH: Code("51440002", "SCT", "Bilateral"),
    }
)
"""CID 244, for the sides that are known."""

# Our own, registered in (0008,0110) Coding Scheme Identification Sequence
ULNA_SCHEME = "99ULNA"
LOOKED_FOR = Code("TARGET", ULNA_SCHEME, "Looked for, and nothing else")
TRIAGE_CATEGORY = Code("TRIAGE", ULNA_SCHEME, "Triage category")
LIKELY = Code("LIKELY", ULNA_SCHEME, "Flagged, likely")
SUSPECTED = Code("SUSPECTED", ULNA_SCHEME, "Flagged, suspected")
NOT_FLAGGED = Code("NOFLAG", ULNA_SCHEME, "Not flagged, not a diagnosis")
NOT_ANALYZED = Code("NOTANALYZED", ULNA_SCHEME, "Not analyzed")
# (122411, DCM, Threshold Value) is that of a cardiac device.
THRESHOLD = Code("THRESHOLD", ULNA_SCHEME, "Threshold of the operating point")
MEMBER_PROBABILITY = Code("MEMBER", ULNA_SCHEME, "Probability by one network of the ensemble")
INPUT_WARNING = Code("INPUT", ULNA_SCHEME, "Input differs from training data")

INPUT_WARNINGS: Mapping[InputWarning, Code] = MappingProxyType(
    {
        InputWarning.INVERTED: Code("INVERTED", ULNA_SCHEME, "Looks inverted"),
        InputWarning.TONES: Code("TONES", ULNA_SCHEME, "Unusual gray tones"),
        InputWarning.CONTENT: Code("CONTENT", ULNA_SCHEME, "Unlike a radiograph of the training data"),
        InputWarning.BODY_PART: Code("BODYPART", ULNA_SCHEME, "Looks like another body part"),
    }
)
"""In what way a view differs from the training data."""
