"""Reads manifest.toml, the page on which a bundle says what it is.

Here are its schema, its reader and the identity that every output carries; `loading` reads the weights.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from models.bundle import fields
from models.bundle.entries import (
    Calibration,
    CalibrationData,
    DriftLimits,
    Entry,
    MemberEntry,
    Metric,
    OperatingPoint,
    Preprocessing,
    ReferenceEntry,
    Target,
)
from models.errors import ManifestInvalid, UnknownOperatingPoint
from models.fold import Fold

__all__ = [
    "MANIFEST_NAME",
    "SENSITIVE",
    "SPECIFIC",
    "BundleIdentity",
    "Calibration",
    "CalibrationData",
    "DriftLimits",
    "Manifest",
    "MemberEntry",
    "Metric",
    "OperatingPoint",
    "Preprocessing",
    "ReferenceEntry",
    "Target",
    "identity_of",
    "parse_manifest",
    "read_identity",
    "read_manifest",
    "read_manifest_bytes",
]

MANIFEST_NAME = "manifest.toml"
SENSITIVE = "sensitive"
SPECIFIC = "specific"

# A manifest is a page of text; anything larger is not one and is not read into memory.
_MAX_MANIFEST_BYTES = 1_000_000

_REINSTALL = "install the bundle again from where it was made"

# What older bundles lack or have, and what makes them fit; docs/bundles.md says more.
_REMEDIES = {
    "target": 'add what its members learned to find, e.g. [target] text = "fracture", code = { value = '
    '"125605004", scheme = "SCT", meaning = "Fracture of bone" }, not_looked_for = "dislocation, tumor, ..."',
    "aggregation": 'replace aggregation = "mean" by fold = "mean"',
}


class Manifest(Entry):
    """What manifest.toml says; unknown keys, wrong types and contradictions do not make an instance.

    `fold` is how the views of a part become one, `target` what is looked for. `calibration_data` is None
    where nothing was fitted to labeled images after training, and in bundles that were made before manifests
    said so.
    """

    format: Literal[1] = 1
    name: fields.Name
    version: fields.Version
    created: AwareDatetime | None = None
    trained: bool
    license: fields.Text
    intended_use: fields.Text
    training_data: fields.Text
    training_recipe: fields.Text | None = None
    attribution: fields.Text | None = None
    fold: Annotated[Fold, Field(strict=False)] = Fold.MEAN
    target: Target
    preprocessing: Preprocessing
    members: Annotated[tuple[MemberEntry, ...], Field(strict=False)]
    operating_points: Annotated[tuple[OperatingPoint, ...], Field(strict=False)]
    metrics: Annotated[tuple[Metric, ...], Field(strict=False)] = ()
    calibration_data: CalibrationData | None = None
    reference: ReferenceEntry | None = None

    @property
    def averages_raw_sigmoids(self) -> bool:
        """Whether the ensemble is the paper's: the mean of the members' sigmoids as they are."""
        return len({member.vote for member in self.members}) == 1 and all(
            member.calibration == Calibration() for member in self.members
        )

    @model_validator(mode="after")
    def _entries_are_distinct(self) -> Self:
        if not self.members:
            raise ValueError("members must hold at least one")
        _refuse_repeats("members.name", [member.name for member in self.members])
        reference = [] if self.reference is None else [self.reference.file]
        _refuse_repeats("members.file", [*(member.file for member in self.members), *reference])
        _refuse_repeats("operating_points.name", [point.name for point in self.operating_points])
        return self

    @model_validator(mode="after")
    def _operating_points_are_ordered(self) -> Self:
        thresholds = {point.name: point.threshold for point in self.operating_points}
        if not {SENSITIVE, SPECIFIC} <= thresholds.keys():
            raise ValueError(f'operating_points must hold "{SENSITIVE}" and "{SPECIFIC}"')
        if thresholds[SENSITIVE] > thresholds[SPECIFIC]:
            raise ValueError(f'the threshold of "{SENSITIVE}" must not be above that of "{SPECIFIC}"')
        return self

    @model_validator(mode="after")
    def _untrained_claims_nothing(self) -> Self:
        rated = any(p.sensitivity is not None or p.specificity is not None for p in self.operating_points)
        if not self.trained and (rated or self.metrics):
            raise ValueError("an untrained bundle must not state sensitivity, specificity or metrics")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleIdentity:
    """Which bundle made a finding; what every output states about it.

    `digest` is the SHA-256 (64 hex digits) over the manifest's bytes, which hold the hash of the reference,
    and the hashes of the members' files: two bundles with one digest give the same findings and warnings.
    """

    name: str
    version: str
    digest: str
    trained: bool
    intended_use: str
    target: Target
    fold: Fold
    preprocessing: Preprocessing
    members: tuple[str, ...]
    operating_points: tuple[OperatingPoint, ...]

    @property
    def label(self) -> str:
        """Name and version for people, at most 64 ASCII characters: "ensemble200 0.1.0 UNTRAINED"."""
        return f"{self.name} {self.version}" + ("" if self.trained else " UNTRAINED")

    def operating_point(self, name: str) -> OperatingPoint:
        """Return the operating point called `name`; raise UnknownOperatingPoint if there is none."""
        for point in self.operating_points:
            if point.name == name:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise UnknownOperatingPoint(f"bundle {self.label} has no operating point {name!r}; it has: {known}")


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of the bundle in `folder`.

    Raises
    ------
    ManifestInvalid
        It is missing, unreadable or breaks the schema; the message lists every problem.
    """
    return parse_manifest(read_manifest_bytes(folder), path=folder / MANIFEST_NAME)


def read_manifest_bytes(folder: Path) -> bytes:
    """Return the bytes of the manifest in `folder`; raise ManifestInvalid if they cannot be had."""
    path = folder / MANIFEST_NAME
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_MANIFEST_BYTES + 1)
    except OSError as exc:
        found, remedy = exc.strerror or "an error", "check the bundle folder and its permissions"
        raise ManifestInvalid.because(path, expected="a readable file", found=found, remedy=remedy) from exc
    if len(content) > _MAX_MANIFEST_BYTES:
        expected = f"at most {_MAX_MANIFEST_BYTES} bytes"
        raise ManifestInvalid.because(path, expected=expected, found="more", remedy=_REINSTALL)
    return content


def parse_manifest(content: bytes, *, path: Path) -> Manifest:
    """Parse the bytes of a manifest; `path` is only named in the ManifestInvalid raised on any problem."""
    try:
        return Manifest.model_validate(tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ManifestInvalid.because(path, expected="TOML", found=str(exc), remedy=_REINSTALL) from exc
    except ValidationError as exc:
        raise ManifestInvalid.because(
            path, expected="a bundle manifest", found=_problems(exc), remedy=_remedy(exc)
        ) from exc


def identity_of(manifest: Manifest, content: bytes) -> BundleIdentity:
    """Return the identity of a bundle from its manifest and the manifest's bytes."""
    digest = hashlib.sha256(hashlib.sha256(content).digest())
    for member in manifest.members:
        digest.update(bytes.fromhex(member.sha256))
    return BundleIdentity(
        name=manifest.name,
        version=manifest.version,
        digest=digest.hexdigest(),
        trained=manifest.trained,
        intended_use=manifest.intended_use,
        target=manifest.target,
        fold=manifest.fold,
        preprocessing=manifest.preprocessing,
        members=tuple(member.name for member in manifest.members),
        operating_points=manifest.operating_points,
    )


def read_identity(folder: Path) -> BundleIdentity:
    """Return the identity that the bundle in `folder` states, without reading its weights.

    Weights that differ from what the manifest states are found by `models.bundle.loading`. Raises
    ManifestInvalid.
    """
    content = read_manifest_bytes(folder)
    return identity_of(parse_manifest(content, path=folder / MANIFEST_NAME), content)


def _refuse_repeats(key: str, values: list[str]) -> None:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"{key} must be distinct, repeated: {', '.join(repeated)}")


def _remedy(error: ValidationError) -> str:
    """Say what to do: what an older bundle needs, where that is all that is wrong with it."""
    wrong = {problem["loc"] for problem in error.errors()}
    remedies = [remedy for key, remedy in _REMEDIES.items() if (key,) in wrong]
    return "; ".join(remedies) if len(remedies) == len(wrong) else _REINSTALL


def _problems(error: ValidationError) -> str:
    """Put all problems of a manifest on one line: dotted key, what is allowed, what came."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        key = ".".join(str(part) for part in problem["loc"]) or "manifest"
        value = "" if isinstance(problem["input"], dict | Entry) else f" (found {problem['input']!r:.80})"
        lines.append(f"{key}: {problem['msg'].removeprefix('Value error, ')}{value}")
    return "; ".join(lines)
