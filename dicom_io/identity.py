"""How ulna names itself in DICOM objects.

This module holds the values that our outputs carry and by which they are recognized when they come back.
"""

from dicom_io.uids import derived_uid

ULNA_MANUFACTURER = "ulna"
"""(0008,0070) *Manufacturer* of every object that we make."""

ULNA_MODEL_NAME = "ulna"
"""First word of (0008,1090) *Manufacturer's Model Name* of every object that we make."""

ULNA_IMAGE_TYPE = ("DERIVED", "SECONDARY", "OTHER", "GRADCAM")
"""(0008,0008) *Image Type* of our overlays; the fourth value is ours (PS3.3 C.7.6.1.1.2 leaves it free)."""

ULNA_IMPLEMENTATION_CLASS_UID = derived_uid("implementation", ())
"""(0002,0012) *Implementation Class UID* of our files and associations (PS3.7 D.3.3.2)."""

ULNA_IMPLEMENTATION_VERSION_NAME = "ULNA"
"""(0002,0013) *Implementation Version Name*; the release is in (0018,1020) *Software Versions*."""
