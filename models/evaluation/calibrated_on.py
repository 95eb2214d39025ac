"""Says whether images are those that calibrated a bundle. This module compares hashes, and words the answer.

What was fitted to images flatters on these images. Whoever evaluates on them must see so beside each figure.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.bundle.manifest import SENSITIVE, CalibrationData, Manifest

# So many hashes a manifest keeps: of a fourteenth of the images, as one region of MURA, one is among them
# but in one case of ten thousand.
_KEPT = 128
_DIGITS = 16

_OURS = "Calibration, votes and operating points are ulna's own, not the paper's; they were fitted"


class Overlap(StrEnum):
    """How many of some images calibrated a bundle."""

    ALL = "all"
    SOME = "some"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedOn:
    """What a bundle's calibration has to do with the images of an evaluation.

    Attributes
    ----------
    overlap
        UNKNOWN where the manifest does not know the images.
    statement
        The same in words, for every output.
    """

    overlap: Overlap
    statement: str

    @property
    def flatters(self) -> bool:
        """Whether figures on these images are better than those on others, for certain."""
        return self.overlap in {Overlap.ALL, Overlap.SOME}


def calibration_data(contents: Sequence[str]) -> CalibrationData:
    """Return what a manifest keeps of the images with these hashes, see `models.datasets.content`."""
    return CalibrationData(
        images=len(contents),
        sha256=_digest(contents),
        lowest=tuple(content[:_DIGITS] for content in sorted(set(contents))[:_KEPT]),
    )


def calibrated_on(manifest: Manifest, contents: Sequence[str]) -> CalibratedOn:
    """Say whether the images with these hashes calibrated the bundle."""
    data = manifest.calibration_data
    if data is None:
        return _without_data(manifest)
    found = {content[:_DIGITS] for content in contents} & set(data.lowest)
    if _digest(contents) == data.sha256:
        overlap, whose = Overlap.ALL, "to these very images: every figure here is better than on others."
    elif found:
        overlap = Overlap.SOME
        whose = (
            f"to {data.images} images, and of a sample of {len(data.lowest)} of these {len(found)} are among "
            "those here: figures are better than on others."
        )
    else:
        overlap, whose = Overlap.NONE, f"to {data.images} images, none of which was found among those here."
    return CalibratedOn(overlap=overlap, statement=f"{_OURS} {whose}")


def _without_data(manifest: Manifest) -> CalibratedOn:
    if manifest.averages_raw_sigmoids:
        statement = "The members' sigmoids are averaged as they are: no calibration, equal votes."
        return CalibratedOn(overlap=Overlap.NONE, statement=statement)
    words = next(point.data for point in manifest.operating_points if point.name == SENSITIVE)
    statement = (
        f'{_OURS} to images of which the manifest keeps no hash, only words: "{words}". If these are they, '
        "every figure here is better than on others."
    )
    return CalibratedOn(overlap=Overlap.UNKNOWN, statement=statement)


def _digest(contents: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()
