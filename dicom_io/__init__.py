"""Speak DICOM: headers, pixels, associations, and the objects we send back."""
