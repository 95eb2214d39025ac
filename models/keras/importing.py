"""This module makes a bundle of trained Keras models.

The models of the paper answer P(normal): their y = 1 is normal. In ulna every number is P(abnormal), so the
head of such a model is negated here, and nowhere else: sigmoid(-z) = 1 - sigmoid(z).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import ValidationError

from models.bundle.manifest import (
    MANIFEST_NAME,
    SENSITIVE,
    SPECIFIC,
    Manifest,
    MemberEntry,
    OperatingPoint,
    Preprocessing,
    Target,
)
from models.bundle.writing import NewMember, create_bundle
from models.errors import ManifestInvalid
from models.fold import Fold
from models.keras.pretrained import load_trained
from models.networks.member import Member, build_member

Positive = Literal["normal", "abnormal"]

_NOT_MEASURED = "chosen by the importer, not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasModel:
    """A trained Keras model: backbone, global average pooling, Dense(1), sigmoid.

    `name` is what the member is called in findings.
    """

    name: str
    architecture: str
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the manifest is to say, as far as the models do not tell.

    The models' inputs were `input_size` pixels high and wide, with black as `lower` and white as `upper`. The
    thresholds are on P(abnormal); the manifest says that nobody measured what they do.
    """

    name: str
    version: str
    license: str
    training_data: str
    intended_use: str
    target: Target
    fold: Fold = Fold.MEAN
    input_size: int = 224
    resize: Literal["square", "letterbox"] = "square"
    lower: float = 0.0
    upper: float = 1.0
    sensitive: float = 0.5
    specific: float = 0.5


def import_keras(
    folder: Path,
    *,
    models: Sequence[KerasModel],
    positive: Positive,
    description: Description,
    half: bool = False,
) -> None:
    """Write a bundle of Keras models to `folder`.

    Parameters
    ----------
    folder
        Where the bundle will be; nothing may be there yet.
    models
        The members, in their order.
    positive
        What an output of 1 means in the models; "normal" in those of the paper, whose heads are negated.
    description
        The rest of the manifest.
    half
        Write float16, half the size; the probabilities are then no longer quite those of Keras.

    Raises
    ------
    ManifestInvalid
        The description does not make a manifest; nothing was written.
    UnknownArchitecture, KerasFileInvalid, KerasWeightsMismatch
        A model is not what it is said to be; nothing was written.
    BundleExists
        Something is at `folder` already.
    """

    def describe(entries: tuple[MemberEntry, ...]) -> Manifest:
        return _manifest(folder, entries, description)

    # Tried first with empty hashes, so that a wrong word does not cost the reading of all models.
    describe(tuple(_entry_without_hash(folder, model) for model in models))
    new = (
        NewMember(
            name=model.name,
            architecture=model.architecture,
            member=read_model(model, positive=positive),
            half=half,
        )
        for model in models
    )
    create_bundle(folder, members=new, describe=describe)


def read_model(model: KerasModel, *, positive: Positive) -> Member:
    """Read a Keras model as a member that answers P(abnormal); raises as `import_keras` does."""
    member = build_member(model.architecture)
    load_trained(member, model.file)
    if positive == "normal":
        with torch.no_grad():
            member.head.weight.neg_()
            member.head.bias.neg_()
    return member


def _entry_without_hash(folder: Path, model: KerasModel) -> MemberEntry:
    try:
        return MemberEntry(
            name=model.name,
            architecture=model.architecture,
            file=f"{model.name}.safetensors",
            sha256="0" * 64,
        )
    except ValidationError as exc:
        raise _invalid(folder, exc) from exc


def _manifest(folder: Path, entries: tuple[MemberEntry, ...], description: Description) -> Manifest:
    thresholds = {SENSITIVE: description.sensitive, SPECIFIC: description.specific}
    try:
        return Manifest(
            name=description.name,
            version=description.version,
            trained=True,
            license=description.license,
            intended_use=description.intended_use,
            training_data=description.training_data,
            target=description.target,
            fold=description.fold,
            preprocessing=Preprocessing(
                input_size=(description.input_size, description.input_size),
                resize=description.resize,
                lower=description.lower,
                upper=description.upper,
            ),
            members=entries,
            operating_points=tuple(
                OperatingPoint(name=name, threshold=threshold, data=_NOT_MEASURED)
                for name, threshold in thresholds.items()
            ),
        )
    except ValidationError as exc:
        raise _invalid(folder, exc) from exc


def _invalid(folder: Path, error: ValidationError) -> ManifestInvalid:
    problems = "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'manifest'}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_context=False)
    )
    return ManifestInvalid.because(
        folder / MANIFEST_NAME,
        expected="what a manifest can hold",
        found=problems,
        remedy="nothing was written; correct the description and import again",
    )
