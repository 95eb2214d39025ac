"""Files that are to be sent.

This module knows of each what it is and which presentation contexts it needs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from errno import EIO
from pathlib import Path

from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_io.defects import Defect
from dicom_io.errors import NotDicom
from dicom_io.network.compression import COMPRESSED, is_compressible
from dicom_io.reading.part10 import read_file_meta
from dicom_io.uids import SopClassUid, SopInstanceUid, TransferSyntaxUid

MAX_CONTEXTS = 128
"""Presentation contexts in one association: their ids are the odd numbers below 256 (PS3.8 9.3.2.2)."""

UNREADABLE = (
    InvalidDicomError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    AttributeError,
    NotImplementedError,
)
"""What pydicom raises on files that are none, or are broken."""

_LITTLE_ENDIAN: frozenset[str] = frozenset({ExplicitVRLittleEndian, ImplicitVRLittleEndian})


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingFile:
    """A readable file; `compress` is whether its pixel data may be compressed on the way."""

    path: Path
    sop_class_uid: SopClassUid
    sop_instance_uid: SopInstanceUid
    transfer_syntax_uid: TransferSyntaxUid
    compress: bool

    def syntaxes(self) -> tuple[str, ...]:
        """Return the transfer syntaxes in which the file can go, the best first.

        A peer must accept implicit VR little endian (PS3.5 10.1) but nothing else, so a file in one
        uncompressed little endian syntax also proposes the other.
        """
        own = self.transfer_syntax_uid
        others = sorted(_LITTLE_ENDIAN - {own}) if own in _LITTLE_ENDIAN else []
        return (*([COMPRESSED] if self.compress else []), own, *others)

    def proposals(self) -> tuple[tuple[SopClassUid, str], ...]:
        """Return (SOP class, transfer syntax) of each context to propose."""
        return tuple((self.sop_class_uid, syntax) for syntax in self.syntaxes())


def outgoing(path: Path, *, compress: bool) -> OutgoingFile:
    """Read the file meta information of one file (PS3.10 7.1)."""
    try:
        with path.open("rb") as stream:
            meta = read_file_meta(stream)
    except OSError as error:
        raise NotDicom(Defect.FILE_UNREADABLE, errno=error.errno or EIO) from error
    return OutgoingFile(
        path=path,
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        compress=compress and is_compressible(meta.sop_class_uid, meta.transfer_syntax_uid),
    )


def batches(files: Sequence[OutgoingFile]) -> Iterator[Sequence[OutgoingFile]]:
    """Yield runs of `files` that need no more than `MAX_CONTEXTS` contexts each."""
    batch: list[OutgoingFile] = []
    proposed: set[tuple[str, str]] = set()
    for file in files:
        proposed.update(file.proposals())
        if len(proposed) > MAX_CONTEXTS:
            yield batch
            batch, proposed = [], set(file.proposals())
        batch.append(file)
    if batch:
        yield batch
