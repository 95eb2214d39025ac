"""Puts trained members into a bundle, calibrated and rated on validation data. This module ends a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models.bundle import Bundle
from models.bundle_writer import NewMember, create_bundle, refuse_existing
from models.evaluation.calibration import fit_calibration
from models.evaluation.predictions import predict
from models.manifest import (
    SENSITIVE,
    SPECIFIC,
    Manifest,
    MemberEntry,
    OperatingPoint,
    Preprocessing,
    identity_of,
    read_manifest,
)
from models.member import Member
from models.training.rating import Rating, calibrated, headline_metrics, operating_points


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the manifest shall say beside what is measured; each text printable ASCII."""

    name: str
    version: str
    license: str
    intended_use: str
    training_data: str
    validation_data: str
    training_recipe: str
    attribution: str | None = None
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A trained member and its name in the bundle."""

    name: str
    architecture: str
    member: Member


def assemble(
    folder: Path,
    members: Sequence[Trained],
    preprocessing: Preprocessing,
    description: Description,
    rating: Rating,
    *,
    on_progress: Callable[[int], None] = lambda images: None,
) -> Manifest:
    """Write a bundle of `members`, calibrated and rated, and return its manifest.

    The weights are written as float16, and rounded before anything is measured: the figures are the bundle's.

    Parameters
    ----------
    folder
        Where the bundle shall be; nothing may be there yet.

    Raises
    ------
    BundleExists
        Something is at `folder` already.
    SamplesInsufficient, MemberInverted
        The validation data do not allow a calibration or an operating point.
    """
    refuse_existing(folder)
    for trained in members:
        trained.member.half().float()
    raw = predict(
        _raw_bundle(members, preprocessing), rating.validation, device=rating.device, on_progress=on_progress
    )
    calibrations = {
        name: fit_calibration(raw.labels, logits)
        for name, logits in zip(raw.members, raw.logits, strict=True)
    }
    measured = calibrated(raw, calibrations)
    data = f"{description.validation_data}; per {rating.level}"
    points = operating_points(measured, rating.level, data=data, seed=rating.seed)
    metrics = headline_metrics(measured, rating.level, data=data, seed=rating.seed)

    def describe(entries: tuple[MemberEntry, ...]) -> Manifest:
        return Manifest(
            name=description.name,
            version=description.version,
            created=description.created,
            trained=True,
            license=description.license,
            intended_use=description.intended_use,
            training_data=description.training_data,
            training_recipe=description.training_recipe,
            attribution=description.attribution,
            preprocessing=preprocessing,
            members=entries,
            operating_points=points,
            metrics=metrics,
        )

    new = [
        NewMember(
            name=trained.name,
            architecture=trained.architecture,
            member=trained.member,
            calibration=calibrations[trained.name],
            vote=float(vote),
            half=True,
        )
        for trained, vote in zip(members, measured.votes, strict=True)
    ]
    create_bundle(folder, members=new, describe=describe)
    return read_manifest(folder)


def _raw_bundle(members: Sequence[Trained], preprocessing: Preprocessing) -> Bundle:
    """Return the members as a bundle without calibration, so that they are run as the daemon runs them."""
    entries = tuple(
        MemberEntry(
            name=trained.name,
            architecture=trained.architecture,
            file=f"{trained.name}.safetensors",
            sha256="0" * 64,
            sharpness=trained.member.sharpness,
        )
        for trained in members
    )
    manifest = Manifest(
        name="raw",
        version="0",
        trained=False,
        license="none",
        intended_use="calibration",
        training_data="none",
        preprocessing=preprocessing,
        members=entries,
        operating_points=tuple(
            OperatingPoint(name=name, threshold=0.5, data="none") for name in (SENSITIVE, SPECIFIC)
        ),
    )
    return Bundle(
        identity=identity_of(manifest, b""),
        manifest=manifest,
        members={trained.name: trained.member for trained in members},
    )
