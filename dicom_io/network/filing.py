"""Data sets on their way from the network into files.

This module lets pynetdicom assemble DIMSE messages while the bytes of a C-STORE data set go straight to
a Part 10 file, so that memory does not grow with the size of what is received.
"""

import logging
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA

from dicom_io.defects import Defect
from dicom_io.errors import InvalidUid, UnusableInstance
from dicom_io.identity import ULNA_IMPLEMENTATION_CLASS_UID, ULNA_IMPLEMENTATION_VERSION_NAME
from dicom_io.uids import is_uid

INCOMING_SUFFIX = ".incoming"
"""Ends the name of each file that is being received."""

MAX_COMMAND_BYTES = 65_536
"""A command set is a few hundred bytes; a peer that sends more is not sending a command."""

_log = logging.getLogger(__name__)


class IncomingDataSet(BytesIO):
    """A data set that is being received; its bytes go to a file.

    It is a `BytesIO` by type only, because pynetdicom takes nothing else as the data set of a message.
    A failure (disk full, too large) does not interrupt the peer: the rest is read and dropped, and
    `complete` raises it, so that the peer gets a status instead of a lost connection.

    Parameters
    ----------
    path : Path
        The file to make.
    max_bytes : int
        Most bytes of data set that are kept.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__()
        self.path = path
        self._max_bytes = max_bytes
        self._bytes_left = max_bytes
        self._file: BinaryIO | None = None
        self._failure: OSError | UnusableInstance | None = None

    def open(self, header: bytes) -> None:
        """Make the file and write `header`, everything that comes before the data set."""
        try:
            self._file = self.path.open("xb")
            self._file.write(header)
        except OSError as error:
            self.fail(error)

    def write(self, data: Any) -> int:  # typeshed's ReadableBuffer has no public name
        """Append `data` to the file; once something has failed, drop it."""
        length = len(data)
        if self._failure is not None:
            return length
        self._bytes_left -= length
        try:
            if self._bytes_left < 0:
                raise UnusableInstance(Defect.DATA_SET_TOO_LONG, most_bytes=self._max_bytes)
            if self._file is not None:
                self._file.write(data)
        except (OSError, UnusableInstance) as error:
            self.fail(error)
        return length

    def fail(self, error: OSError | UnusableInstance) -> None:
        """Remember the first `error` for `complete` and give the disk space back."""
        self._failure = self._failure or error
        self.discard()

    def complete(self) -> Path:
        """Close the file and return its path.

        Raises
        ------
        UnusableInstance
            The data set is too large, or was announced with something that is no UID.
        OSError
            The file could not be written.
        """
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self.fail(error)
        if self._failure is not None:
            raise self._failure
        return self.path

    def discard(self) -> None:
        """Remove the file, if it is still there."""
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError:
            _log.debug("unwritten bytes are dropped with their file", extra={"file": self.path.name})
        self.path.unlink(missing_ok=True)


class FilingDimse(DIMSEServiceProvider):
    """pynetdicom's DIMSE provider with files for data sets and a bound on command sets.

    Parameters
    ----------
    association : Association
        The acceptor's association.
    incoming_dir : Path
        Where the files are made.
    max_instance_bytes : int
        Most bytes that one data set may have.
    """

    def __init__(self, association: Association, *, incoming_dir: Path, max_instance_bytes: int) -> None:
        super().__init__(association)
        self._incoming_dir = incoming_dir
        self._max_instance_bytes = max_instance_bytes
        self._data_sets: set[IncomingDataSet] = set()

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take one P-DATA indication; what is no DIMSE message ends the association with A-ABORT."""
        try:
            for fragment in primitive.presentation_data_value_list:
                self._receive_fragment(fragment)
        except Exception as error:  # noqa: BLE001  hostile bytes; pynetdicom's thread would die of it
            _log.warning("message is malformed", extra={"error": type(error).__name__})
            self.dul.event_queue.put("Evt19")  # PS3.8 9.2.2: invalid PDU

    def _receive_fragment(self, fragment: tuple[int, bytes]) -> None:
        """Let pynetdicom take one fragment (PS3.8 E.1) and prepare for the data set when it is due.

        One at a time: the command is known after its last fragment, and the next one, of the data set, is
        written into whatever `message.data_set` is by then.
        """
        single = P_DATA()
        single.presentation_data_value_list.append(fragment)
        super().receive_primitive(single)
        message = self.message
        if message is None:
            return
        if message.encoded_command_set.tell() > MAX_COMMAND_BYTES:
            raise ValueError("command set is too long")
        if isinstance(message, C_STORE_RQ) and not isinstance(message.data_set, IncomingDataSet):
            message.data_set = self._announced(message)

    def discard(self, data_set: IncomingDataSet) -> None:
        """Remove what is left of one data set."""
        data_set.discard()
        self._data_sets.discard(data_set)

    def discard_all(self) -> None:
        """Remove what the association leaves behind; call it when its threads have ended."""
        for data_set in tuple(self._data_sets):
            self.discard(data_set)

    def _announced(self, message: DIMSEMessage) -> IncomingDataSet:
        """Return the place for the data set that the command of a C-STORE-RQ announces."""
        path = self._incoming_dir / f"{uuid.uuid4().hex}{INCOMING_SUFFIX}"
        data_set = IncomingDataSet(path, self._max_instance_bytes)
        self._data_sets.add(data_set)
        try:
            data_set.open(self._part10_header(message))
        except InvalidUid as error:
            data_set.fail(error)
        return data_set

    def _part10_header(self, message: DIMSEMessage) -> bytes:
        """Return preamble, prefix and file meta information for a C-STORE-RQ (PS3.10 7.1)."""
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = _command_uid(message, "AffectedSOPClassUID")
        meta.MediaStorageSOPInstanceUID = _command_uid(message, "AffectedSOPInstanceUID")
        meta.TransferSyntaxUID = self._transfer_syntax(message.context_id)
        meta.ImplementationClassUID = ULNA_IMPLEMENTATION_CLASS_UID
        meta.ImplementationVersionName = ULNA_IMPLEMENTATION_VERSION_NAME
        meta.SourceApplicationEntityTitle = self.assoc.requestor.ae_title
        header = DicomBytesIO()
        header.write(b"\0" * 128 + b"DICM")
        write_file_meta_info(header, meta)
        return header.getvalue()

    def _transfer_syntax(self, context_id: int | None) -> UID:
        for context in self.assoc.accepted_contexts:
            if context.context_id == context_id:
                return context.transfer_syntax[0]
        raise InvalidUid("TransferSyntaxUID")  # no such context: pynetdicom aborts when the message is whole


def _command_uid(message: DIMSEMessage, keyword: str) -> UID:
    uid = str(message.command_set.get(keyword) or "")
    if not is_uid(uid):
        raise InvalidUid(keyword)
    return UID(uid)
