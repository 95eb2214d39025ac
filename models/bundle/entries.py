"""Holds the parts of a manifest: its members, its operating points, its preprocessing, its figures.

This module says what each part must be; `models.bundle.manifest` puts them together.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.bundle import fields


class Entry(BaseModel):
    """A table of a manifest: frozen, typed strictly, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Calibration(Entry):
    """What makes a member's logit a log-odds that can be believed: `scale` * logit + `offset`.

    Fitted on validation data (Platt 1999; with an offset of 0 it is temperature scaling, Guo et al. 2017,
    of temperature 1 / `scale`). A positive scale leaves the order of views, and so every ROC, as it is.
    """

    scale: fields.Positive = 1.0
    offset: fields.Finite = 0.0


class CodedConcept(Entry):
    """A concept of a coding scheme (PS3.3 8.8), such as SNOMED CT's, whose designator is SCT."""

    value: fields.ShortString
    scheme: fields.ShortString
    meaning: fields.LongString


class Target(Entry):
    """What the members learned to find, and so all that a finding is about.

    `text` names it in English, the language of all outputs, as a noun that follows "no" and "suspected";
    `code` is its concept, and `not_looked_for` lists what a reader might take to be covered and is not.
    """

    text: fields.Noun
    code: CodedConcept
    not_looked_for: fields.Text

    @property
    def quantity(self) -> str:
        """What a probability is called: "P(fracture)"."""
        return f"P({self.text})"


class MemberEntry(Entry):
    """One member: its name in findings, its architecture, and its weights file with hash.

    `sharpness` says how its map is pooled into its logit (`models.networks.member.pool`), `calibration` how
    that logit becomes the one in findings, and `vote` what its probability counts in the mean of all.
    """

    name: fields.Name
    architecture: fields.Name
    file: fields.WeightsFile
    sha256: fields.Sha256
    sharpness: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0
    calibration: Calibration = Calibration()
    vote: fields.Positive = 1.0


class OperatingPoint(Entry):
    """A threshold on P(abnormal) and what it was measured to do.

    A study is flagged when its score is equal to or above `threshold`. Sensitivity and specificity are
    fractions of abnormal and normal studies, None where nobody measured them; `data` says on which studies.
    """

    name: fields.Name
    threshold: fields.Fraction
    sensitivity: fields.Fraction | None = None
    sensitivity_interval: fields.Interval | None = None
    specificity: fields.Fraction | None = None
    specificity_interval: fields.Interval | None = None
    data: fields.Text

    @model_validator(mode="after")
    def _intervals_hold_their_values(self) -> Self:
        for rate in ("sensitivity", "specificity"):
            value, interval = getattr(self, rate), getattr(self, f"{rate}_interval")
            if interval is not None and (value is None or not interval[0] <= value <= interval[1]):
                raise ValueError(f"{rate}_interval must contain {rate}")
        return self


class Preprocessing(Entry):
    """How a view becomes a network's input.

    An image in [0, 1] is resized to `input_size` (rows, cols), mapped linearly to [lower, upper], then
    `mean` is subtracted and the result divided by `std`. "square" stretches to the input size; "letterbox"
    keeps the aspect ratio and pads with black. The one channel is repeated to `channels`.
    """

    input_size: fields.InputSize = (224, 224)
    resize: Literal["square", "letterbox"] = "square"
    lower: fields.Finite = 0.0
    upper: fields.Finite = 1.0
    mean: fields.Finite = 0.0
    std: fields.Positive = 1.0
    channels: Literal[3] = 3

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.lower >= self.upper:
            raise ValueError("lower must be below upper")
        return self


class Metric(Entry):
    """One measured figure of the bundle, with its interval and the studies it was measured on."""

    name: fields.Text
    value: fields.Finite
    interval: fields.Range | None = None
    data: fields.Text


class DriftLimits(Entry):
    """How far a view may be from the training data before it is warned of.

    `models.reference.reference.Reference` measures it.
    `body_part` is None where the reference knows no other body parts.
    """

    tones: fields.Positive
    content: fields.Positive
    body_part: fields.Positive | None = None


class ReferenceEntry(Entry):
    """The training data's statistics: their file with its hash, and what the limits were set on.

    `quantile` is the share of the validation images that stay within the limits; `data` says which images
    were the reference, which the validation images, and which, if any, other body parts.
    """

    file: fields.WeightsFile
    sha256: fields.Sha256
    quantile: fields.Fraction
    limits: DriftLimits
    training_images: fields.Count
    validation_images: fields.Count
    other_images: fields.Count = 0
    data: fields.Text


class CalibrationData(Entry):
    """The images to which calibrations, votes and operating points were fitted.

    `sha256` is over the sorted SHA-256 hashes of all of them: it tells whether others are the same images,
    whatever their names and order. `lowest` holds the beginnings of the lowest hashes, up to 128: a sample of
    the images, drawn by their content, by which some of them are recognized among others.
    """

    images: fields.Count
    sha256: fields.Sha256
    lowest: Annotated[tuple[fields.ImageHash, ...], Field(strict=False)]
