"""Holds one labeled radiograph of a data set. This module is the form that every reader gives its samples."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle around an abnormality, in pixels of the image file: its left upper corner and its size."""

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (self.width > 0.0 and self.height > 0.0):
            raise ValueError(f"a box must have a width and a height, not {self.width} x {self.height}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One radiograph with its label.

    Attributes
    ----------
    image
        The file.
    abnormal
        The label: True is abnormal, the positive class everywhere in ulna.
    split
        Which part of the data set it belongs to: "train", "val", ...
    study
        The study it is a view of; unique within its data set.
    patient
        The patient, where known: what figures are resampled by, since one patient's studies are alike.
    region
        Body region as the data set names it.
    boxes
        Where the abnormality is; empty if there is none, None if nobody drew boxes.
    stratum
        A part of the data that figures are also reported for, such as "low resolution"; empty for none.
    """

    image: Path
    abnormal: bool
    split: str
    study: str
    patient: str | None = None
    region: str
    boxes: tuple[Box, ...] | None = None
    stratum: str = ""

    @property
    def cluster(self) -> str:
        """What resampling must keep together: the patient, or the study where no patient is known."""
        return self.study if self.patient is None else self.patient
