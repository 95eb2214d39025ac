"""Holds the exceptions of the package; the tree is drawn in `models.__init__`."""

from pathlib import Path
from typing import Self

from models.reference.drift import InputWarning


class ModelError(Exception):
    """Something in `models` could not be done; the message says what, and what to do."""


class BundleRefused(ModelError):
    """A bundle on disk is not what its manifest says, so nothing of it is used."""

    @classmethod
    def because(cls, path: Path, *, expected: str, found: str, remedy: str) -> Self:
        """Build the refusal whose message has the four parts that an operator needs.

        Parameters
        ----------
        path
            The file or folder that is wrong.
        expected, found
            What should be there and what is, as phrases that fit after those words.
        remedy
            What the operator can do, in the imperative.
        """
        return cls(f"{path}: expected {expected}, found {found}; {remedy}")


class ManifestInvalid(BundleRefused):
    """The manifest is missing, unreadable or breaks the schema."""


class MemberMissing(BundleRefused):
    """A weights file that the manifest names is not in the bundle."""


class HashMismatch(BundleRefused):
    """A weights file has other bytes than the manifest states."""


class ShapeMismatch(BundleRefused):
    """The tensors of a weights file are not those of the member's architecture."""


class UnknownArchitecture(BundleRefused):
    """A member is of an architecture that this version does not know."""


class BundleExists(ModelError):
    """A bundle would be written over something that is already there."""


class UnknownOperatingPoint(ModelError):
    """The bundle has no operating point of that name."""


class UnjudgedView(ModelError):
    """The view is not one that a low score says anything about.

    Attributes
    ----------
    warning
        In what way it differs from the training data.
    """

    def __init__(self, warning: InputWarning) -> None:
        super().__init__(warning)
        self.warning = warning

    def __str__(self) -> str:
        return f"the view {self.warning.clause}, so its low score says nothing"


class NonFiniteOutput(ModelError):
    """A member answered NaN or infinity for a view.

    Attributes
    ----------
    member
        Name of the member.
    positions
        The places in the batch of the views concerned, from 0.
    """

    def __init__(self, member: str, positions: tuple[int, ...]) -> None:
        super().__init__(member, positions)
        self.member = member
        self.positions = positions

    def __str__(self) -> str:
        places = ", ".join(map(str, self.positions))
        return (
            f"member {self.member}: expected finite numbers, found NaN or infinity for the views at {places} "
            "of the batch; set these views aside and check the bundle"
        )


class DeviceUnavailable(ModelError):
    """The configured device is not present on this machine."""


class EngineUnusable(ModelError):
    """An engine cannot run a bundle here, or not as torch does; the message is the reason, a clause."""


class UnreadablePicture(ModelError, ValueError):
    """A picture file is none, is cut short, or is too large to be a radiograph."""


class DatasetRefused(ModelError):
    """A data set is not in the form that was named, so nothing of it is read."""


class TrainingRefused(ModelError):
    """Training cannot begin with what was given."""


class CheckpointRefused(TrainingRefused):
    """A checkpoint belongs to another run, or cannot be read."""


class TrainingDiverged(ModelError):
    """The loss of a training step is not a number; the last whole epoch is kept."""


class SamplesInsufficient(ModelError):
    """Labeled samples cannot decide what was asked of them, such as a threshold without abnormal samples."""


class MemberInverted(ModelError):
    """A member's logits are no higher for abnormal samples than for normal ones."""


class MemberByChance(ModelError):
    """A member tells abnormal from normal validation samples no better than chance might."""


class ReferenceMissing(BundleRefused):
    """The file of the training data's statistics, which the manifest names, is not in the bundle."""


class KerasFileInvalid(ModelError):
    """A file is none that Keras wrote, or not one that can be read without Keras."""
