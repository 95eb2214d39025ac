"""How ulna names itself in DICOM objects.

This module holds the values that our outputs carry and by which they are recognized when they come back.
"""

ULNA_MANUFACTURER = "ulna"
"""(0008,0070) *Manufacturer* of every object that we make."""

ULNA_MODEL_NAME = "ulna"
"""First word of (0008,1090) *Manufacturer's Model Name* of every object that we make."""

ULNA_IMAGE_TYPE = ("DERIVED", "SECONDARY", "OTHER", "GRADCAM")
"""(0008,0008) *Image Type* of our overlays; the fourth value is ours (PS3.3 C.7.6.1.1.2 leaves it free)."""
