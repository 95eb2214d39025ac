"""Gives a member the weights it starts from. This module reads the words of `ulna train --init`."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from urllib.error import URLError

import torch
from torch import nn
from torchvision.models import DenseNet169_Weights, DenseNet201_Weights, densenet169, densenet201

from models.bundle.loading import load_bundle
from models.bundle.manifest import read_identity
from models.bundle.shipped import bundle_folder
from models.errors import TrainingRefused
from models.keras.pretrained import load_pretrained
from models.networks.member import Member, initialize

# What torchvision has of the architectures; of the others it has no weights.
_TORCHVISION = {
    "densenet169": (densenet169, DenseNet169_Weights.IMAGENET1K_V1),
    "densenet201": (densenet201, DenseNet201_Weights.IMAGENET1K_V1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a member starts from: random weights, torchvision's, those of a Keras file or of a bundle.

    `path` is the Keras file or the bundle's folder. `fresh` names the layers, as Keras does, that the file
    may lack; they start from random weights.
    """

    kind: Literal["none", "torchvision", "keras", "bundle"] = "none"
    path: Path | None = None
    fresh: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, *, fresh: Collection[str] = ()) -> Self:
        """Read "none", "torchvision", "keras:FILE" or "bundle:BUNDLE"; raise TrainingRefused for others."""
        kind, _, name = text.partition(":")
        if text in ("none", "torchvision"):
            return cls(kind=text)  # type: ignore[arg-type]
        if kind == "keras" and name:
            return cls(kind="keras", path=Path(name).expanduser(), fresh=tuple(fresh))
        if kind == "bundle" and name:
            return cls(kind="bundle", path=bundle_folder(Path(name).expanduser()))
        raise TrainingRefused(
            f'expected "none", "torchvision", "keras:FILE" or "bundle:BUNDLE" as a start, found {text!r}'
        )

    @property
    def pretrained(self) -> bool:
        """Whether there is anything to start from."""
        return self.kind != "none"

    @property
    def label(self) -> str:
        """What it is called in a manifest: the kind, the file's name, or the bundle's name and version."""
        if self.path is None:
            return self.kind
        return read_identity(self.path).label if self.kind == "bundle" else self.path.name

    def fingerprint(self) -> str:
        """Return what decides the first weights: the kind, the SHA-256 of what is read, the fresh layers."""
        if self.path is None:
            return self.kind
        if self.kind == "bundle":
            return f"{self.kind} {read_identity(self.path).digest}"
        try:
            digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as exc:
            raise TrainingRefused(f"{self.path}: cannot be read ({exc.strerror}); check the path") from exc
        return f"{self.kind} {digest} {','.join(self.fresh)}"


def start_member(member: Member, architecture: str, start: Start, *, seed: int) -> None:
    """Fill `member` with what it starts from; everything that `start` lacks is drawn from `seed`.

    Raises
    ------
    TrainingRefused
        torchvision or the bundle has no weights of the architecture, or they cannot be downloaded.
    BundleRefused
        The bundle is not what its manifest says.
    KerasFileInvalid, KerasWeightsMismatch
        The file cannot be read, or is of another architecture.
    """
    initialize(member, seed)
    if start.kind == "torchvision":
        _load_torchvision(member, architecture)
    elif start.path is not None and start.kind == "bundle":
        _load_from_bundle(member, architecture, start.path)
    elif start.path is not None:
        load_pretrained(member.backbone, start.path, fresh=start.fresh)


def _load_from_bundle(member: Member, architecture: str, folder: Path) -> None:
    bundle = load_bundle(folder)
    names = [entry.name for entry in bundle.manifest.members if entry.architecture == architecture]
    if len(names) != 1:
        raise TrainingRefused(
            f"{folder}: expected one member of architecture {architecture}, found {len(names)}; "
            "start this member elsewhere"
        )
    member.load_state_dict(bundle.members[names[0]].state_dict())


def _load_torchvision(member: Member, architecture: str) -> None:
    if architecture not in _TORCHVISION:
        known = ", ".join(_TORCHVISION)
        raise TrainingRefused(
            f"torchvision has no weights of {architecture}, only of {known}; "
            "start from a Keras file (keras:FILE), or from nothing (none)"
        )
    build, weights = _TORCHVISION[architecture]
    try:
        trained = build(weights=weights)
    except (URLError, OSError) as exc:
        raise TrainingRefused(
            f"the ImageNet weights of {architecture} could not be downloaded ({type(exc).__name__}); "
            f"put {Path(weights.url).name} into {torch.hub.get_dir()}/checkpoints, or start elsewhere"
        ) from exc
    copy_layers(trained.features, member.backbone)


def copy_layers(source: nn.Module, target: nn.Module) -> None:
    """Copy the weights of all convolutions and normalizations from `source` to `target`, in their order.

    Raises
    ------
    TrainingRefused
        The two do not have the same layers; `target` is unchanged.
    """
    kinds = (nn.Conv2d, nn.BatchNorm2d)
    given = [module for module in source.modules() if isinstance(module, kinds)]
    wanted = [module for module in target.modules() if isinstance(module, kinds)]
    if [module.weight.shape for module in given] != [module.weight.shape for module in wanted]:
        raise TrainingRefused("the layers of the weights are not those of the network; use another file")
    for there, here in zip(given, wanted, strict=True):
        here.load_state_dict(there.state_dict())
