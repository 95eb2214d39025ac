"""Reads the files of a bundle and checks that they are those its manifest means; needs no torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.bundle.entries import ReferenceEntry
from models.bundle.manifest import (
    MANIFEST_NAME,
    BundleIdentity,
    Manifest,
    identity_of,
    parse_manifest,
    read_manifest_bytes,
)
from models.errors import BundleRefused, HashMismatch, MemberMissing, ReferenceMissing, ShapeMismatch
from models.reference.file import parse_reference
from models.reference.reference import Reference

REINSTALL = "install the bundle again from where it was made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All of a bundle but its members, which an engine has: what their numbers mean.

    `reference` tells what is unlike the training data; None where the bundle carries none.
    """

    identity: BundleIdentity
    manifest: Manifest
    reference: Reference | None = None


def describe(folder: Path, channels: Mapping[str, int]) -> Description:
    """Read the bundle in `folder` without its members.

    Parameters
    ----------
    channels
        The length of the embeddings of each member, by name.

    Raises
    ------
    BundleRefused
        The manifest or the reference is not as stated; the class says which.
    """
    content = read_manifest_bytes(folder)
    manifest = parse_manifest(content, path=folder / MANIFEST_NAME)
    return Description(
        identity=identity_of(manifest, content),
        manifest=manifest,
        reference=None
        if manifest.reference is None
        else load_reference(folder, manifest.reference, channels),
    )


def load_reference(folder: Path, entry: ReferenceEntry, channels: Mapping[str, int]) -> Reference:
    """Return the reference that a manifest names, for embeddings of these lengths; raise BundleRefused."""
    path = folder / entry.file
    content = read_whole(path, entry.sha256, "reference", ReferenceMissing)
    try:
        return parse_reference(content, channels=channels, limits=entry.limits)
    except ValueError as exc:
        raise ShapeMismatch.because(
            path, expected="the reference of the members", found=str(exc), remedy="make the bundle again"
        ) from exc


def verify_files(folder: Path) -> BundleIdentity:
    """Check the manifest and the hash of every file, and return the identity.

    Whether the tensors in the files fit their networks, `models.bundle.loading.verify_bundle` finds.

    Raises
    ------
    BundleRefused
        The manifest, a file or its hash is not as stated; the class says which.
    """
    content = read_manifest_bytes(folder)
    manifest = parse_manifest(content, path=folder / MANIFEST_NAME)
    for member in manifest.members:
        read_whole(folder / member.file, member.sha256, "weights", MemberMissing)
    if manifest.reference is not None:
        read_whole(folder / manifest.reference.file, manifest.reference.sha256, "reference", ReferenceMissing)
    return identity_of(manifest, content)


def read_whole(path: Path, sha256: str, what: str, missing: type[BundleRefused]) -> bytes:
    """Return the bytes of a file that have the hash stated; raise `missing` or HashMismatch."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise missing.because(
            path, expected=f"a readable {what} file", found=exc.strerror or "an error", remedy=REINSTALL
        ) from exc
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise HashMismatch.because(
            path, expected=f"SHA-256 {sha256}", found=found, remedy=f"the file is damaged: {REINSTALL}"
        )
    return content
