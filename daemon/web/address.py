"""This module reads the address of a study out of a request."""

from starlette.requests import Request

from daemon.errors import UnknownStudy
from dicom_io.uids import StudyInstanceUid, is_uid


def requested_study(request: Request) -> StudyInstanceUid:
    """Return the Study Instance UID of the address.

    Raises
    ------
    UnknownStudy
        It is no UID, so no study can have it.
    """
    text = request.path_params["study_instance_uid"]
    if not is_uid(text):
        raise UnknownStudy("the address holds no Study Instance UID")
    return StudyInstanceUid(text)
