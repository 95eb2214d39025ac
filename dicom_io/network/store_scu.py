"""Sending Part 10 files by C-STORE.

This module proposes exactly the presentation contexts that the files need, sends each file as its bytes
are stored, and reports for each what the peer said.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from dicom_io.errors import (
    AssociationAborted,
    DicomIoError,
    NoPresentationContext,
    NotDicom,
    UnusableInstance,
    store_refused,
)
from dicom_io.network.responses import NoAnswer
from dicom_io.network.scu import Address, associated
from dicom_io.network.transport import DEFAULT_TIMEOUTS, Timeouts
from dicom_io.reading.part10 import read_file_meta
from dicom_io.uids import SopClassUid, SopInstanceUid, TransferSyntaxUid

MAX_CONTEXTS = 128
"""Presentation contexts in one association: their ids are the odd numbers below 256 (PS3.8 9.3.2.2)."""

_LITTLE_ENDIAN: frozenset[str] = frozenset({ExplicitVRLittleEndian, ImplicitVRLittleEndian})
# what pydicom raises on files that are none, or are broken
_UNREADABLE = (
    InvalidDicomError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    NotImplementedError,
)
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})  # PS3.7 C.3; those of PS3.4 B.2.3 are 0xBxxx


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOutcome:
    """What became of one file.

    Parameters
    ----------
    path : Path
        The file.
    sop_instance_uid : str
        As its file meta information says; empty when that could not be read.
    status : int | None
        The peer's C-STORE status; None when there was none.
    error : DicomIoError | None
        Why it was not stored; None when it was, a warning status (0xBxxx) included. Its branch, Transient
        or Permanent, says whether to try again.
    """

    path: Path
    sop_instance_uid: SopInstanceUid
    status: int | None
    error: DicomIoError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutgoingFile:
    path: Path
    sop_class_uid: SopClassUid
    sop_instance_uid: SopInstanceUid
    transfer_syntax_uid: TransferSyntaxUid

    def proposals(self) -> tuple[tuple[SopClassUid, str], ...]:
        """Return (SOP class, transfer syntax) of each context to propose, the best first.

        A peer must accept implicit VR little endian (PS3.5 10.1) but nothing else, so a file in one
        uncompressed little endian syntax also proposes the other.
        """
        own = self.transfer_syntax_uid
        others = sorted(_LITTLE_ENDIAN - {own}) if own in _LITTLE_ENDIAN else []
        return tuple((self.sop_class_uid, syntax) for syntax in (own, *others))


def send_files(
    paths: Sequence[Path],
    address: Address,
    *,
    calling_ae_title: str,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    on_progress: Callable[[SendOutcome], None] = lambda _: None,
) -> tuple[SendOutcome, ...]:
    """Send files to one peer, in as few associations as their contexts allow.

    Parameters
    ----------
    paths : Sequence[Path]
        Part 10 files. They are streamed as stored; only an uncompressed file whose exact syntax the peer
        does not accept is loaded and re-encoded, implicit for explicit VR or the reverse.
    on_progress : Callable[[SendOutcome], None]
        Called once for each file as soon as its outcome is known.

    Returns
    -------
    tuple[SendOutcome, ...]
        One outcome per path, in the order of `paths`. Nothing that a peer or a file does is raised.
    """
    outcomes: dict[Path, SendOutcome] = {}

    def note(outcome: SendOutcome) -> None:
        outcomes[outcome.path] = outcome
        on_progress(outcome)

    readable = []
    for path in dict.fromkeys(paths):
        try:
            readable.append(_outgoing(path))
        except DicomIoError as error:
            note(SendOutcome(path=path, sop_instance_uid=SopInstanceUid(""), status=None, error=error))
    for batch in _batches(readable):
        remaining = batch
        while remaining:
            remaining = _send_batch(remaining, address, calling_ae_title, timeouts, note)
    return tuple(outcomes[path] for path in paths)


def _send_batch(
    batch: Sequence[_OutgoingFile],
    address: Address,
    calling_ae_title: str,
    timeouts: Timeouts,
    note: Callable[[SendOutcome], None],
) -> Sequence[_OutgoingFile]:
    """Send over one association; return what is left for another one when this one broke.

    The file with which it broke is not among them: one that the peer chokes on must not hold up those
    behind it. A peer that hangs, or grants no association, is not asked again.
    """
    proposals = dict.fromkeys(proposal for file in batch for proposal in file.proposals())
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in proposals]
    tried = 0
    try:
        with associated(
            address, contexts=contexts, calling_ae_title=calling_ae_title, timeouts=timeouts
        ) as association:
            for file in batch:
                outcome = _send_one(association, file, tried % 0xFFFF + 1)
                tried += 1
                note(outcome)
                if isinstance(outcome.error, AssociationAborted | UnusableInstance):
                    raise outcome.error  # half a message may be on its way: nothing more can be sent
    except DicomIoError as error:
        rest = batch[tried:]
        if tried > 0 and not isinstance(error, NoAnswer):
            return rest
        for file in rest:
            note(_outcome(file, error=_for_file(error, file)))
    return ()


def _send_one(association: Association, file: _OutgoingFile, message_id: int) -> SendOutcome:
    try:
        status = _status_of(association, file, message_id)
    except DicomIoError as error:
        return _outcome(file, error=error)
    stored = status == 0 or status & 0xF000 == 0xB000 or status in _WARNINGS
    return _outcome(file, status=status, error=None if stored else store_refused(status))


def _status_of(association: Association, file: _OutgoingFile, message_id: int) -> int:
    """Send one file and return the status that the peer answers."""
    try:
        answer = association.send_c_store(_payload(association, file), msg_id=message_id)
    except RuntimeError as error:  # what pynetdicom raises without an association
        raise AssociationAborted("the association ended before the instance was sent") from error
    except _UNREADABLE as error:
        raise UnusableInstance(f"the file cannot be sent: {type(error).__name__}") from error
    if "Status" not in answer:
        raise AssociationAborted("the peer ended the association instead of answering C-STORE")
    return int(answer.Status)


def _payload(association: Association, file: _OutgoingFile) -> Path | Dataset:
    """Return what to give to pynetdicom: the path to stream the file, a data set to re-encode it."""
    accepted = {(str(cx.abstract_syntax), str(cx.transfer_syntax[0])) for cx in association.accepted_contexts}
    own, *others = file.proposals()
    if own in accepted:
        return file.path
    if any(other in accepted for other in others):
        return dcmread(file.path)  # every element, for only pydicom writes them in another encoding
    raise NoPresentationContext(file.sop_class_uid, file.transfer_syntax_uid)


def _outcome(
    file: _OutgoingFile, *, status: int | None = None, error: DicomIoError | None = None
) -> SendOutcome:
    return SendOutcome(path=file.path, sop_instance_uid=file.sop_instance_uid, status=status, error=error)


def _for_file(error: DicomIoError, file: _OutgoingFile) -> DicomIoError:
    """Return `error` of an association in terms of one of its files."""
    if isinstance(error, NoPresentationContext):
        return NoPresentationContext(file.sop_class_uid, file.transfer_syntax_uid)
    return error


def _outgoing(path: Path) -> _OutgoingFile:
    """Read the file meta information of one file (PS3.10 7.1)."""
    try:
        with path.open("rb") as stream:
            meta = read_file_meta(stream)
    except OSError as error:
        raise NotDicom(f"the file cannot be read: {error.strerror}") from error
    return _OutgoingFile(
        path=path,
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
    )


def _batches(files: Sequence[_OutgoingFile]) -> Iterator[Sequence[_OutgoingFile]]:
    """Yield runs of `files` that need no more than `MAX_CONTEXTS` contexts each."""
    batch: list[_OutgoingFile] = []
    proposed: set[tuple[str, str]] = set()
    for file in files:
        proposed.update(file.proposals())
        if len(proposed) > MAX_CONTEXTS:
            yield batch
            batch, proposed = [], set(file.proposals())
        batch.append(file)
    if batch:
        yield batch
