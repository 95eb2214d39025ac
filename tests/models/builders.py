"""Builds small valid findings and bundles, changed by keyword."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle.manifest import BundleIdentity, OperatingPoint, Preprocessing
from models.bundle.targets import FRACTURE
from models.finding import MemberFinding, ViewFinding
from models.fold import Fold
from models.study_finding import StudyFinding, study_finding


def a_point(name="sensitive", threshold=0.5, **rates) -> OperatingPoint:
    return OperatingPoint(name=name, threshold=threshold, data="none: untrained", **rates)


def an_identity(
    *, sensitive=0.5, specific=0.8, others: Sequence[OperatingPoint] = (), **changes
) -> BundleIdentity:
    facts = {
        "name": "ensemble200",
        "version": "0.1.0",
        "digest": "0" * 64,
        "trained": True,
        "intended_use": "Trying the software.",
        "target": FRACTURE,
        "fold": Fold.MEAN,
        "preprocessing": Preprocessing(input_size=(224, 224)),
        "members": ("first", "second"),
        "operating_points": (a_point("sensitive", sensitive), a_point("specific", specific), *others),
    }
    return BundleIdentity(**{**facts, **changes})


def a_member_finding(
    probability: float = 0.5,
    *,
    member: str = "first",
    logit: float = 0.0,
    activation: NDArray[np.float32] | None = None,
    vote: float = 1.0,
) -> MemberFinding:
    if activation is None:
        activation = np.linspace(0.0, 1.0, 49, dtype=np.float32).reshape(7, 7)
    return MemberFinding(
        member=member, logit=logit, probability=probability, activation=activation, vote=vote
    )


def a_view(*probabilities: float, view_id: str = "view", activation=None) -> ViewFinding:
    members = tuple(
        a_member_finding(probability, member=f"member{number}", activation=activation)
        for number, probability in enumerate(probabilities)
    )
    return ViewFinding(view_id=view_id, members=members)


def a_study(*probabilities: float, operating_point: str = "sensitive", **bundle) -> StudyFinding:
    """One view per probability, each with one member."""
    views = [a_view(probability, view_id=f"view{n}") for n, probability in enumerate(probabilities)]
    return study_finding(views, bundle=an_identity(**bundle), operating_point=operating_point)


MANIFEST = """\
format = 1
name = "tiny"
version = "0.1.0"
trained = false
license = "Apache-2.0"
intended_use = "Tests."
training_data = "none: untrained"

[target]
text = "fracture"
code = { value = "125605004", scheme = "SCT", meaning = "Fracture of bone" }
not_looked_for = "dislocation"

[preprocessing]
input_size = [64, 96]

[[members]]
name = "first"
architecture = "mobilenet"
file = "first.safetensors"
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

[[members]]
name = "second"
architecture = "mobilenet"
file = "second.safetensors"
sha256 = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

[[operating_points]]
name = "sensitive"
threshold = 0.5
data = "none: untrained"

[[operating_points]]
name = "specific"
threshold = 0.6
data = "none: untrained"
"""


def write_manifest(folder: Path, text: str = MANIFEST) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.toml").write_text(text)
    return folder
