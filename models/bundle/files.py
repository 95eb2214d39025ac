"""Reads the files of a bundle and checks that they are those its manifest means; needs no torch."""

import hashlib
from pathlib import Path

from models.bundle.manifest import (
    MANIFEST_NAME,
    BundleIdentity,
    identity_of,
    parse_manifest,
    read_manifest_bytes,
)
from models.errors import BundleRefused, HashMismatch, MemberMissing, ReferenceMissing

REINSTALL = "install the bundle again from where it was made"


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
