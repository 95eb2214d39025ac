"""This module says where an instance begins its way, in the daemon and where files are read without it."""

from daemon.study.lifecycle import InstanceState
from dicom_io.selection.eligibility import Eligibility
from dicom_io.selection.exclusion import Exclusion
from sr_templates.reason import Reason

# A view that should have been analyzed and cannot be; all other exclusions are none of ulna's business.
_DEFECTS = frozenset({Exclusion.NO_PIXEL_DATA, Exclusion.TRUNCATED_PIXEL_DATA, Exclusion.TRANSFER_SYNTAX})


def beginning(eligibility: Eligibility) -> tuple[InstanceState, Reason | None]:
    """Return an instance's first state, and why it is not to be analyzed; None where it is."""
    exclusion = eligibility.exclusion
    if exclusion is None:
        return InstanceState.RECEIVED, None
    state = InstanceState.UNREADABLE if exclusion in _DEFECTS else InstanceState.EXCLUDED
    return state, Reason(exclusion, eligibility.details)
