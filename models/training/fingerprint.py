"""Says what decides the result of a training, part by part, so that a refusal can name what differs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from models.datasets.sample import Sample
from models.training.recipe import Recipe
from models.training.start import Start

# A digest for each part, by the name that a refusal calls it.
Fingerprint = Mapping[str, str]


def data_fingerprint(part: str, samples: Sequence[Sample], contents: Sequence[str]) -> Fingerprint:
    """Return what training takes from one part of the data: bytes of the images, labels, boxes, in order.

    What nothing is learned from does not count: names, folders and dates of files, studies, patients and
    regions.

    Parameters
    ----------
    part
        What the part is called: "training" or "validation".
    contents
        The hash of each sample's image, see `models.datasets.content`.
    """
    labels = [[sample.abnormal, [asdict(box) for box in sample.boxes or ()]] for sample in samples]
    return {f"{part} images": _digest(list(contents)), f"{part} labels or boxes": _digest(labels)}


def member_fingerprint(
    *, architecture: str, recipe: Recipe, start: Start, seed: int, data: Fingerprint, teachers: Sequence[str]
) -> Fingerprint:
    """Return the fingerprint of one member's training; `teachers` are those of its teachers."""
    numbers = asdict(replace(recipe, preprocessing=None))  # type: ignore[arg-type]
    return {
        **data,
        "architecture": architecture,
        "recipe": _digest([numbers, recipe.preprocessing.model_dump()]),
        "start": _digest(start.fingerprint()),
        "seed": str(seed),
        "teachers": _digest(list(teachers)),
    }


def teacher_fingerprint(fingerprint: Fingerprint) -> str:
    """Return in one word what decides the answers of a member that was trained so."""
    return _digest(dict(fingerprint))


def differences(found: Fingerprint, wanted: Fingerprint) -> tuple[str, ...]:
    """Return the names of the parts that are not the same."""
    return tuple(name for name in {**wanted, **found} if found.get(name) != wanted.get(name))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
