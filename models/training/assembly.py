"""Puts trained members into a bundle, calibrated and rated on validation data. This module ends a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.bundle_writer import NewMember, create_bundle, refuse_existing
from models.datasets.sample import Sample
from models.evaluation.calibration import fit_calibration
from models.evaluation.figures import Figure, classification_figures
from models.evaluation.operating_points import (
    choose_threshold,
    choose_threshold_by_specificity,
    rated,
)
from models.evaluation.predictions import Predictions, predict
from models.manifest import (
    SENSITIVE,
    SPECIFIC,
    Calibration,
    Manifest,
    MemberEntry,
    Metric,
    OperatingPoint,
    Preprocessing,
    identity_of,
    read_manifest,
)
from models.member import Member

# Of abnormal cases, so many are flagged at the points of these names.
SENSITIVITIES: Mapping[str, float] = {SENSITIVE: 0.95, "sensitivity-90": 0.90, "sensitivity-98": 0.98}
# Of normal cases, so many are not called likely.
SPECIFICITY = 0.95

Level = Literal["study", "image"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """How the bundle is measured.

    Attributes
    ----------
    validation
        What calibrations and operating points are fitted to.
    level
        Whether the operating points are chosen for studies (mean of their images, as the daemon scores) or
        for single images.
    seed
        Of the bootstrap.
    device
        "cpu" or "cuda".
    """

    validation: Sequence[Sample]
    level: Level
    seed: int
    device: str = "cpu"


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
    cases = _cases(raw, calibrations, rating.level)
    data = f"{description.validation_data}; per {rating.level}"
    points = _operating_points(cases, data, rating.seed)
    metrics = _metrics(cases, data, rating.seed)

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
            half=True,
        )
        for trained in members
    ]
    create_bundle(folder, members=new, describe=describe)
    return read_manifest(folder)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cases:
    """What thresholds are chosen for: labels (N,), scores of each member and of the ensemble, clusters."""

    labels: NDArray[np.bool_]
    scores: Mapping[str, NDArray[np.float64]]
    clusters: tuple[str, ...]


_ENSEMBLE = "ensemble"


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


def _cases(raw: Predictions, calibrations: Mapping[str, Calibration], level: Level) -> _Cases:
    scale = np.array([calibrations[name].scale for name in raw.members])[:, None]
    offset = np.array([calibrations[name].offset for name in raw.members])[:, None]
    probabilities = 0.5 * (1.0 + np.tanh(0.5 * (scale * raw.logits + offset)))
    scores = dict(zip(raw.members, probabilities, strict=True)) | {_ENSEMBLE: probabilities.mean(axis=0)}
    clusters = tuple(sample.cluster for sample in raw.samples)
    if level == "image":
        return _Cases(labels=raw.labels, scores=scores, clusters=clusters)
    studies, first, positions = np.unique(
        [sample.study for sample in raw.samples], return_index=True, return_inverse=True
    )
    images = np.bincount(positions)
    abnormal = np.bincount(positions, weights=raw.labels) > 0
    return _Cases(
        labels=abnormal,
        scores={
            name: np.bincount(positions, weights=values, minlength=len(studies)) / images
            for name, values in scores.items()
        },
        clusters=tuple(clusters[index] for index in first),
    )


def _operating_points(cases: _Cases, data: str, seed: int) -> tuple[OperatingPoint, ...]:
    scores = cases.scores[_ENSEMBLE]
    thresholds = {
        name: choose_threshold(cases.labels, scores, sensitivity)
        for name, sensitivity in SENSITIVITIES.items()
    }
    specific = choose_threshold_by_specificity(cases.labels, scores, SPECIFICITY)
    # Where the classes hardly overlap, `specific` could come out below `sensitive`, which it may not be.
    thresholds[SPECIFIC] = max(specific, thresholds[SENSITIVE])
    return tuple(
        rated(
            OperatingPoint(name=name, threshold=threshold, data=data),
            cases.labels,
            scores,
            cases.clusters,
            seed=seed,
        )
        for name, threshold in thresholds.items()
    )


def _metrics(cases: _Cases, data: str, seed: int) -> tuple[Metric, ...]:
    metrics = []
    for classifier, scores in cases.scores.items():
        measured = classification_figures(cases.labels, scores, cases.clusters, threshold=0.5, seed=seed)
        for name in ("auroc", "brier"):
            figure: Figure = measured[name]
            if figure.value is None:
                continue
            interval = None if figure.interval is None else (figure.interval.low, figure.interval.high)
            metrics.append(
                Metric(
                    name=f"{name} {classifier}",
                    value=figure.value,
                    interval=interval,
                    data=data,
                )
            )
    return tuple(metrics)
