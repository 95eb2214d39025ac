"""This module is what the configured bundle states of itself: by what its numbers are judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.store.values import InstanceRecord
from models.bundle.entries import Calibration, OperatingPoint
from models.bundle.manifest import (
    MANIFEST_NAME,
    BundleIdentity,
    identity_of,
    parse_manifest,
    read_manifest_bytes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedBundle:
    """A bundle as its manifest describes it, and the operating point that raises the flag here.

    `calibrations` and `architectures` are by member.
    """

    identity: BundleIdentity
    calibrations: Mapping[str, Calibration]
    architectures: Mapping[str, str]
    operating_point: OperatingPoint

    def made(self, records: Iterable[InstanceRecord]) -> bool:
        """Whether all of these that were analyzed were analyzed with this bundle."""
        return {record.bundle_digest for record in records if record.members} <= {self.identity.digest}


def stated_bundle(folder: Path, operating_point: str) -> StatedBundle:
    """Read what the bundle in `folder` states, without its weights.

    Raises
    ------
    ManifestInvalid, UnknownOperatingPoint
        There is no such bundle or point.
    """
    content = read_manifest_bytes(folder)
    manifest = parse_manifest(content, path=folder / MANIFEST_NAME)
    identity = identity_of(manifest, content)
    return StatedBundle(
        identity=identity,
        calibrations={member.name: member.calibration for member in manifest.members},
        architectures={member.name: member.architecture for member in manifest.members},
        operating_point=identity.operating_point(operating_point),
    )
