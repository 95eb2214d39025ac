"""Whether images are those that calibrated a bundle."""

import hashlib
from pathlib import Path

import pytest

from models.bundle.manifest import Calibration, Manifest, parse_manifest
from models.bundle.manifest_text import manifest_text
from models.evaluation.calibrated_on import Overlap, calibrated_on, calibration_data
from tests.models.builders import MANIFEST


def hashes(first: int, last: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(first, last)]


def a_manifest(**changes) -> Manifest:
    return parse_manifest(MANIFEST.encode(), path=Path("manifest.toml")).model_copy(update=changes)


def calibrated(images: list[str]) -> Manifest:
    return a_manifest(calibration_data=calibration_data(images))


@pytest.mark.parametrize(
    ("evaluated", "overlap"),
    [
        (hashes(0, 3197), Overlap.ALL),
        (hashes(0, 3197)[::-1], Overlap.ALL),
        (hashes(1000, 1237), Overlap.SOME),  # one region of them
        (hashes(0, 4000), Overlap.SOME),  # they and others
        (hashes(3197, 6000), Overlap.NONE),
    ],
    ids=["the same", "in another order", "a part", "and others", "others"],
)
def test_images_are_recognized_by_their_content(evaluated: list[str], overlap: Overlap):
    found = calibrated_on(calibrated(hashes(0, 3197)), evaluated)

    assert found.overlap is overlap
    assert found.flatters is (overlap in {Overlap.ALL, Overlap.SOME})
    assert "ulna's own, not the paper's" in found.statement


def test_a_bundle_that_fits_nothing_says_that():
    found = calibrated_on(a_manifest(), hashes(0, 5))

    assert found.overlap is Overlap.NONE
    assert "no calibration" in found.statement


def test_a_calibrated_bundle_without_hashes_tells_its_words():
    (first, *others) = a_manifest().members
    old = first.model_copy(update={"calibration": Calibration(scale=0.8)})

    found = calibrated_on(a_manifest(members=(old, *others)), hashes(0, 5))

    assert found.overlap is Overlap.UNKNOWN
    assert '"none: untrained"' in found.statement


def test_a_manifest_keeps_what_it_knows_of_the_images():
    manifest = calibrated(hashes(0, 500))

    again = parse_manifest(manifest_text(manifest).encode(), path=Path("manifest.toml"))

    assert again.calibration_data == calibration_data(hashes(0, 500))
    assert again.calibration_data.images == 500
    assert len(again.calibration_data.lowest) == 128
