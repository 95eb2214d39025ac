"""Make the DICOM objects that are sent back: `secondary_capture`, and what all kinds share.

`inheritance` makes the header of a source fit to be inherited, `common` builds the part of an object that
does not depend on its kind. The Structured Report is made in `sr_templates`.
"""
