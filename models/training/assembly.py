"""Puts trained members into a bundle, rated on validation data and, but by the paper's rule, calibrated.

This module ends a run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models.bundle.loading import Bundle
from models.bundle.manifest import (
    SENSITIVE,
    SPECIFIC,
    Calibration,
    CalibrationData,
    Manifest,
    MemberEntry,
    OperatingPoint,
    Preprocessing,
    Target,
    identity_of,
    read_manifest,
)
from models.bundle.targets import ABNORMALITY
from models.bundle.writing import NewMember, create_bundle, refuse_existing
from models.datasets.content import content_hashes
from models.errors import MemberByChance, MemberInverted, SamplesInsufficient
from models.evaluation.calibrated_on import calibration_data
from models.evaluation.calibration import fit_calibration
from models.evaluation.predictions import Predictions, predict
from models.fold import Fold
from models.networks.member import Member
from models.training.rating import (
    Rating,
    calibrated,
    headline_metrics,
    operating_points,
    require_better_than_chance,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the manifest is to say beside what is measured; each text printable ASCII."""

    name: str
    version: str
    license: str
    intended_use: str
    training_data: str
    validation_data: str
    training_recipe: str
    target: Target
    fold: Fold
    attribution: str | None = None
    created: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A trained member and its name in the bundle; `kept` says where its weights are besides."""

    name: str
    architecture: str
    member: Member
    kept: str


def assemble(
    folder: Path,
    members: Sequence[Trained],
    preprocessing: Preprocessing,
    description: Description,
    rating: Rating,
    *,
    on_progress: Callable[[int], None] = lambda images: None,
) -> Manifest:
    """Write a bundle of `members`, calibrated and rated as `rating` says, and return its manifest.

    The weights are written as float16, and rounded before anything is measured: the figures are the bundle's.

    Parameters
    ----------
    folder
        Where the bundle is to be; nothing may be there yet.

    Raises
    ------
    BundleExists
        Something is at `folder` already.
    MemberByChance
        A member tells abnormal from normal no better than chance might.
    SamplesInsufficient, MemberInverted
        The validation data do not allow a calibration or an operating point.

    All but the first say where the members' weights are kept.
    """
    refuse_existing(folder)
    for trained in members:
        trained.member.half().float()
    raw = predict(
        _raw_bundle(members, preprocessing, description.fold),
        rating.validation,
        device=rating.device,
        on_progress=on_progress,
    )
    data = f"{description.validation_data}; per {rating.level}"
    with _naming_what_is_kept(members):
        require_better_than_chance(raw, rating.level, seed=rating.seed)
        calibrations = _calibrations(raw, rating)
        measured = raw if calibrations is None else calibrated(raw, calibrations)
        points = operating_points(measured, rating.level, rule=rating.rule, data=data, seed=rating.seed)
    metrics = headline_metrics(measured, rating.level, data=data, seed=rating.seed)
    fitted_to = None if calibrations is None else _fitted_to(raw)

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
            fold=description.fold,
            target=description.target,
            preprocessing=preprocessing,
            members=entries,
            operating_points=points,
            metrics=metrics,
            calibration_data=fitted_to,
        )

    create_bundle(
        folder, members=_new_members(members, calibrations, measured.votes.tolist()), describe=describe
    )
    return read_manifest(folder)


def _new_members(
    members: Sequence[Trained], calibrations: Mapping[str, Calibration] | None, votes: Sequence[float]
) -> list[NewMember]:
    return [
        NewMember(
            name=trained.name,
            architecture=trained.architecture,
            member=trained.member,
            calibration=Calibration() if calibrations is None else calibrations[trained.name],
            vote=vote,
            half=True,
        )
        for trained, vote in zip(members, votes, strict=True)
    ]


def _calibrations(raw: Predictions, rating: Rating) -> Mapping[str, Calibration] | None:
    """Fit a calibration for each member; None by the paper's rule, which has none."""
    if rating.rule == "paper":
        return None
    found = {}
    for name, logits in zip(raw.members, raw.logits, strict=True):
        try:
            found[name] = fit_calibration(raw.labels, logits)
        except (MemberInverted, SamplesInsufficient) as exc:
            raise type(exc)(f"member {name}: {exc}") from exc
    return found


def _fitted_to(predictions: Predictions) -> CalibrationData:
    return calibration_data(content_hashes(sample.image for sample in predictions.samples))


@contextmanager
def _naming_what_is_kept(members: Sequence[Trained]) -> Iterator[None]:
    """Add to a refusal where the members' weights are, since hours may be in them, and what can be done."""
    try:
        yield
    except (MemberByChance, MemberInverted, SamplesInsufficient) as exc:
        kept = "; ".join(f"{trained.name} in {trained.kept}" for trained in members)
        raise type(exc)(
            f"{exc}. Kept are {kept}. Check labels and split; leave that member out (--members, or --member "
            "of `ulna bundle assemble`); or train it into another folder, for more epochs (--epochs) or from "
            "better weights (--init)"
        ) from exc


def _raw_bundle(members: Sequence[Trained], preprocessing: Preprocessing, fold: Fold) -> Bundle:
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
        fold=fold,
        target=ABNORMALITY,
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
