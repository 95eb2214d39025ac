"""Writes small bundles and spoils them."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import safetensors.torch
import torch

from models.bundle.manifest import Manifest, MemberEntry, parse_manifest
from models.bundle.writing import NewMember
from models.networks.member import build_member
from tests.models.builders import MANIFEST


def tiny_manifest(members: tuple[MemberEntry, ...]) -> Manifest:
    plain = parse_manifest(MANIFEST.encode(), path=Path("manifest.toml"))
    return plain.model_copy(update={"members": members})


def two_members() -> Iterator[NewMember]:
    """Two members of one architecture that differ in the bias of the head: logits of about -2 and 2."""
    for name, bias in (("first", -2.0), ("second", 2.0)):
        member = build_member("mobilenet")
        torch.nn.init.constant_(member.head.bias, bias)
        yield NewMember(name=name, architecture="mobilenet", member=member)


def replace_weights(bundle: Path, name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change a member's tensors in place and state the new hash, as a wrong maker of bundles would."""
    path = bundle / f"{name}.safetensors"
    state = safetensors.torch.load(path.read_bytes())
    change(state)
    replace_file(bundle, name, safetensors.torch.save(state))


def replace_file(bundle: Path, name: str, content: bytes) -> None:
    """Replace a member's file and state the new hash."""
    path, manifest = bundle / f"{name}.safetensors", bundle / "manifest.toml"
    old, new = (hashlib.sha256(each).hexdigest() for each in (path.read_bytes(), content))
    manifest.write_text(manifest.read_text().replace(old, new))
    path.write_bytes(content)
