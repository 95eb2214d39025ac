"""Sending Part 10 files by C-STORE.

This module proposes exactly the presentation contexts that the files need, sends each file as its bytes
are stored, and reports for each what the peer said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from dicom_io.defects import Defect
from dicom_io.errors import (
    AssociationAborted,
    NoPresentationContext,
    PeerError,
    UnusableInstance,
    store_refused,
)
from dicom_io.faults import Fault
from dicom_io.network.compression import COMPRESSED, compressed
from dicom_io.network.outgoing import UNREADABLE, OutgoingFile, batches, outgoing
from dicom_io.network.responses import NoAnswer
from dicom_io.network.scu import Address, associated
from dicom_io.network.transport import DEFAULT_TIMEOUTS, Timeouts
from dicom_io.uids import SopInstanceUid

_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})  # PS3.7 C.3; those of PS3.4 B.2.3 are 0xBxxx


SendError = PeerError | UnusableInstance
"""What can keep a file from being stored: the peer, or the file itself."""


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
    error : SendError | None
        Why it was not stored; None when it was, a warning status (0xBxxx) included. Its branch, Transient
        or Permanent, says whether to try again.
    """

    path: Path
    sop_instance_uid: SopInstanceUid
    status: int | None
    error: SendError | None


def send_files(
    paths: Sequence[Path],
    address: Address,
    *,
    calling_ae_title: str,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    on_progress: Callable[[SendOutcome], None] = lambda _: None,
    compress: bool = False,
) -> tuple[SendOutcome, ...]:
    """Send files to one peer, in as few associations as their contexts allow.

    Parameters
    ----------
    paths : Sequence[Path]
        Part 10 files. They are streamed as stored; but an uncompressed file whose exact syntax the peer
        does not accept is loaded and re-encoded, implicit for explicit VR or the reverse.
    on_progress : Callable[[SendOutcome], None]
        Called once for each file as soon as its outcome is known.
    compress : bool
        Whether the peer gets our uncompressed pictures in `dicom_io.network.compression.COMPRESSED` where
        it takes that. For results only: what others made goes as they made it.

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
            readable.append(outgoing(path, compress=compress))
        except (PeerError, UnusableInstance) as error:
            note(SendOutcome(path=path, sop_instance_uid=SopInstanceUid(""), status=None, error=error))
    for batch in batches(readable):
        remaining = batch
        while remaining:
            remaining = _send_batch(remaining, address, calling_ae_title, timeouts, note)
    return tuple(outcomes[path] for path in paths)


def _send_batch(
    batch: Sequence[OutgoingFile],
    address: Address,
    calling_ae_title: str,
    timeouts: Timeouts,
    note: Callable[[SendOutcome], None],
) -> Sequence[OutgoingFile]:
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
    except (PeerError, UnusableInstance) as error:
        rest = batch[tried:]
        if tried > 0 and not isinstance(error, NoAnswer):
            return rest
        for file in rest:
            note(_outcome(file, error=_for_file(error, file)))
    return ()


def _send_one(association: Association, file: OutgoingFile, message_id: int) -> SendOutcome:
    try:
        status = _status_of(association, file, message_id)
    except (PeerError, UnusableInstance) as error:
        return _outcome(file, error=error)
    stored = status == 0 or status & 0xF000 == 0xB000 or status in _WARNINGS
    return _outcome(file, status=status, error=None if stored else store_refused(status))


def _status_of(association: Association, file: OutgoingFile, message_id: int) -> int:
    """Send one file and return the status that the peer answers."""
    try:
        answer = association.send_c_store(_payload(association, file), msg_id=message_id)
    except RuntimeError as error:  # what pynetdicom raises without an association
        raise AssociationAborted(Fault.ASSOCIATION_ENDED) from error
    except UNREADABLE as error:
        raise UnusableInstance(Defect.FILE_NOT_SENDABLE, exception=type(error).__name__) from error
    if "Status" not in answer:
        raise AssociationAborted(Fault.ASSOCIATION_ENDED_UNANSWERED)
    return int(answer.Status)


def _payload(association: Association, file: OutgoingFile) -> Path | Dataset:
    """Return what to give to pynetdicom: the path to stream the file, a data set to encode it anew."""
    accepted = {(str(cx.abstract_syntax), str(cx.transfer_syntax[0])) for cx in association.accepted_contexts}
    for syntax in file.syntaxes():
        if (file.sop_class_uid, syntax) not in accepted:
            continue
        if syntax == file.transfer_syntax_uid:
            return file.path
        # Every element, for only pydicom writes them in another encoding.
        payload = compressed(file.path) if syntax == COMPRESSED else dcmread(file.path)
        if payload is not None:
            return payload
    raise NoPresentationContext(file.sop_class_uid, file.transfer_syntax_uid)


def _outcome(file: OutgoingFile, *, status: int | None = None, error: SendError | None = None) -> SendOutcome:
    return SendOutcome(path=file.path, sop_instance_uid=file.sop_instance_uid, status=status, error=error)


def _for_file(error: SendError, file: OutgoingFile) -> SendError:
    """Return `error` of an association in terms of one of its files."""
    if isinstance(error, NoPresentationContext):
        return NoPresentationContext(file.sop_class_uid, file.transfer_syntax_uid)
    return error
