"""Loads bundles, checking all of it before anything is used, and makes untrained ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from models.bundle.files import load_reference, read_whole
from models.bundle.manifest import (
    MANIFEST_NAME,
    SENSITIVE,
    SPECIFIC,
    BundleIdentity,
    Manifest,
    MemberEntry,
    OperatingPoint,
    Preprocessing,
    identity_of,
    parse_manifest,
    read_manifest_bytes,
)
from models.bundle.targets import ABNORMALITY
from models.bundle.writing import NewMember, create_bundle, is_stored
from models.errors import (
    MemberMissing,
    ShapeMismatch,
    UnknownArchitecture,
)
from models.networks.architectures import members_of
from models.networks.member import Member, build_member, initialize
from models.reference.reference import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle in memory: its identity, its manifest, and its members by name, in the manifest's order.

    The members are float32, in evaluation mode, without gradients, on the device they were loaded for.
    `reference` tells what is unlike the training data; None where the bundle carries none.
    """

    identity: BundleIdentity
    manifest: Manifest
    members: Mapping[str, Member]
    reference: Reference | None = None


def load_bundle(folder: Path, *, device: str = "cpu") -> Bundle:
    """Load the bundle in `folder` to `device` ("cpu", "cuda").

    Each file is read once, and what was hashed is what is loaded.

    Raises
    ------
    BundleRefused
        The manifest, a file, its hash, an architecture or a tensor is not as stated; the class says which.
    """
    content = read_manifest_bytes(folder)
    manifest = parse_manifest(content, path=folder / MANIFEST_NAME)
    members = {entry.name: _load_member(folder, entry).to(device) for entry in manifest.members}
    return Bundle(
        identity=identity_of(manifest, content),
        manifest=manifest,
        members=members,
        reference=None
        if manifest.reference is None
        else load_reference(folder, manifest.reference, _embedding_lengths(members)),
    )


def verify_bundle(folder: Path) -> BundleIdentity:
    """Check everything that `load_bundle` checks and return the identity; raises the same."""
    return load_bundle(folder).identity


def create_untrained(
    folder: Path, *, ensemble: str | Iterable[str], seed: int, name: str, version: str
) -> None:
    """Make a bundle of random weights, marked as untrained, for trying the product without a trained one.

    The same arguments give the same bytes; the thresholds are arbitrary.

    Parameters
    ----------
    folder
        Where the bundle will be; nothing may be there yet.
    ensemble
        What `models.networks.architectures.members_of` takes; each member is named as its architecture.
    seed
        Any integer of 64 bits.
    name, version
        As they stand in every output.

    Raises
    ------
    BundleExists
        Something is at `folder` already.
    UnknownArchitecture
        There is no such ensemble or member.
    """

    def describe(members: tuple[MemberEntry, ...]) -> Manifest:
        return Manifest(
            name=name,
            version=version,
            trained=False,
            license="Apache-2.0",
            intended_use="Trying the software. Untrained: no clinical meaning, not for diagnostic use.",
            training_data="none: untrained",
            target=ABNORMALITY,
            preprocessing=Preprocessing(),
            members=members,
            operating_points=(
                OperatingPoint(name=SENSITIVE, threshold=0.5, data="none: untrained"),
                OperatingPoint(name=SPECIFIC, threshold=0.6, data="none: untrained"),
            ),
        )

    def untrained(architecture: str) -> NewMember:
        member = build_member(architecture)
        initialize(member, seed)
        return NewMember(name=architecture, architecture=architecture, member=member)

    architectures = members_of(ensemble)
    create_bundle(folder, members=map(untrained, architectures), describe=describe)


def _load_member(folder: Path, entry: MemberEntry) -> Member:
    path = folder / entry.file
    content = read_whole(path, entry.sha256, "weights", MemberMissing)
    # On the meta device nothing is allocated or initialized: the loaded tensors become the parameters.
    try:
        with torch.device("meta"):
            member = build_member(entry.architecture, sharpness=entry.sharpness)
    except UnknownArchitecture as exc:
        raise UnknownArchitecture(f"{folder / MANIFEST_NAME}, member {entry.name}: {exc}") from exc
    member.load_state_dict(_state_for(member, content, path), assign=True)
    return member.requires_grad_(False).eval()


def _embedding_lengths(members: Mapping[str, Member]) -> dict[str, int]:
    return {name: member.head.in_features for name, member in members.items()}


def _state_for(member: Member, content: bytes, path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors in `content` as float32 if they are exactly those that `member` needs."""
    try:
        stored = safetensors.torch.load(content)
    except safetensors.SafetensorError as exc:
        raise ShapeMismatch.because(
            path, expected="safetensors", found=str(exc), remedy="make the bundle again"
        ) from exc
    expected = {key: tensor for key, tensor in member.state_dict().items() if is_stored(key)}
    for key in sorted(expected.keys() | stored.keys()):
        wanted, found = _form(expected.get(key)), _form(stored.get(key))
        if found not in (wanted, wanted.replace("float32", "float16")):
            raise ShapeMismatch.because(
                path, expected=f"{key} {wanted}", found=found, remedy="check the member's architecture"
            )
    counters = {
        key: torch.zeros((), dtype=torch.int64) for key in member.state_dict().keys() - expected.keys()
    }
    return {key: tensor.float() for key, tensor in stored.items()} | counters


def _form(tensor: torch.Tensor | None) -> str:
    """Return dtype and shape for messages and comparison: "float32 (64, 3, 7, 7)", or "nothing"."""
    if tensor is None:
        return "nothing"
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
