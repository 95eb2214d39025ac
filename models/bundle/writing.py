"""Writes bundles, so that one appears on disk whole or not at all."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch

from models.bundle.manifest import (
    MANIFEST_NAME,
    Calibration,
    Manifest,
    MemberEntry,
    ReferenceEntry,
    read_manifest,
)
from models.bundle.manifest_text import manifest_text
from models.errors import BundleExists, MemberMissing
from models.networks.member import Member
from models.reference.file import REFERENCE_NAME, reference_bytes
from models.reference.reference import NewReference

_UNCALIBRATED = Calibration()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A member to be written into a bundle.

    `half` writes its weights as float16, half the size; they are read back as float32.
    """

    name: str
    architecture: str
    member: Member
    calibration: Calibration = _UNCALIBRATED
    vote: float = 1.0
    half: bool = False


def create_bundle(
    folder: Path,
    *,
    members: Iterable[NewMember],
    describe: Callable[[tuple[MemberEntry, ...]], Manifest],
    reference: NewReference | None = None,
) -> None:
    """Write a bundle that appears whole or not at all.

    Parameters
    ----------
    folder
        Where the bundle will be; nothing may be there yet.
    members
        The members, taken one by one, so that only one need be in memory.
    describe
        Makes the manifest from the entries of the members, which hold the hashes of the files written.
    reference
        What the training data look like to these members; without it the bundle warns of no input.

    Raises
    ------
    BundleExists
        Something is at `folder` already.
    """
    with _appearing_whole(folder) as unfinished:
        entries = tuple(_write_member(unfinished, new) for new in members)
        _write_rest(unfinished, describe(entries), reference)


def add_reference(source: Path, folder: Path, reference: NewReference) -> None:
    """Write the bundle in `source` to `folder` with another reference, and all else as it is.

    Raises
    ------
    BundleExists
        Something is at `folder` already.
    ManifestInvalid
        There is no bundle in `source`.
    MemberMissing
        A weights file cannot be read.
    """
    manifest = read_manifest(source)
    with _appearing_whole(folder) as unfinished:
        for member in manifest.members:
            _write(unfinished / member.file, _read_member(source / member.file))
        _write_rest(unfinished, manifest, reference)


@contextmanager
def _appearing_whole(folder: Path) -> Iterator[Path]:
    """Return a folder to write to, which becomes `folder` in one step, or is gone after an exception."""
    refuse_existing(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        _sync_folder(unfinished)
        refuse_existing(folder)
        unfinished.rename(folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def is_stored(key: str) -> bool:
    """Say whether the tensor called `key` in a member's state is written to its weights file.

    All are but the batch counters of the batch normalizations, which say nothing once there is a momentum.
    """
    return not key.endswith("num_batches_tracked")


def refuse_existing(folder: Path) -> None:
    """Raise BundleExists if anything is at `folder`."""
    if folder.exists() or folder.is_symlink():
        raise BundleExists(f"{folder} exists already; choose another folder or move it away first")


def _write_member(folder: Path, new: NewMember) -> MemberEntry:
    state = {
        key: (tensor.half() if new.half else tensor).detach().cpu().contiguous()
        for key, tensor in new.member.state_dict().items()
        if is_stored(key)
    }
    content = safetensors.torch.save(state)
    file = f"{new.name}.safetensors"
    _write(folder / file, content)
    sha256 = hashlib.sha256(content).hexdigest()
    return MemberEntry(
        name=new.name,
        architecture=new.architecture,
        file=file,
        sha256=sha256,
        sharpness=new.member.sharpness,
        calibration=new.calibration,
        vote=new.vote,
    )


def _read_member(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise MemberMissing.because(
            path,
            expected="a readable weights file",
            found=exc.strerror or "an error",
            remedy="verify the bundle",
        ) from exc


def _write_rest(folder: Path, manifest: Manifest, reference: NewReference | None) -> None:
    """Write reference and manifest beside the members' files."""
    if reference is not None:
        manifest = manifest.model_copy(update={"reference": _write_reference(folder, reference)})
    _write(folder / MANIFEST_NAME, manifest_text(manifest).encode())


def _write_reference(folder: Path, new: NewReference) -> ReferenceEntry:
    content = reference_bytes(new.reference.statistics)
    _write(folder / REFERENCE_NAME, content)
    return ReferenceEntry(
        file=REFERENCE_NAME,
        sha256=hashlib.sha256(content).hexdigest(),
        quantile=new.quantile,
        limits=new.reference.limits,
        training_images=new.training_images,
        validation_images=new.validation_images,
        other_images=new.other_images,
        data=new.data,
    )


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
