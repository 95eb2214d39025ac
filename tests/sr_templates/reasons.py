"""A reason of every code."""

from dicom_io.defects import Defect
from dicom_io.selection.exclusion import Exclusion
from sr_templates.reason import CLAUSES, Reason, Withheld
from tests.details import sample


def every_reason() -> list[Reason]:
    """Return a reason of each code, with the details that its words need."""
    codes = [*Exclusion, *Withheld, *Defect]
    return [Reason.because(code, **sample(CLAUSES[code])) for code in codes]
