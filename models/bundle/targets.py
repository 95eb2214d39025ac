"""Holds the targets that come with ulna: what members may have learned to find.

A manifest may name any other; `ulna train` and `ulna bundle` write these.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.bundle.entries import CodedConcept, Target

FRACTURE = Target(
    text="fracture",
    code=CodedConcept(value="125605004", scheme="SCT", meaning="Fracture of bone"),
    not_looked_for="dislocation, subluxation, joint effusion, arthritis, tumor, infection, foreign body, "
    "misplaced hardware and every other finding",
)
ABNORMALITY = Target(
    text="abnormality",
    code=CodedConcept(value="263654008", scheme="SCT", meaning="Abnormal"),
    not_looked_for="which abnormality it is, and whatever those who labeled the training data did not call "
    "abnormal",
)

TARGETS: Mapping[str, Target] = MappingProxyType({each.text: each for each in (FRACTURE, ABNORMALITY)})
"""By their names in options of commands."""
