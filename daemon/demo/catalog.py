"""The sample radiographs that ship with ulna.

This module reads what `samples/samples.toml` says about them and their pixels.
"""

import tomllib
from importlib import resources
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict

from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region


class _Entry(BaseModel):
    """An entry of samples.toml: complete, and with no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SampleView(_Entry):
    """One image: its file, the image of the data set it was made from, and what it shows.

    `patient_orientation` is empty where it is not known; `spacing_mm` is the invented distance of pixels.
    """

    file: str
    source: str
    projection: Projection
    view_position: str
    series_description: str
    patient_orientation: tuple[str, ...]
    spacing_mm: float

    def jpeg(self) -> bytes:
        """Return the shipped file."""
        return (resources.files("daemon.demo") / "samples" / self.file).read_bytes()

    def pixels(self) -> NDArray[np.uint8]:
        """Return the image: (rows, columns) uint8, 255 = white."""
        with Image.open(BytesIO(self.jpeg())) as image:
            return np.asarray(image.convert("L"))


class SamplePatient(_Entry):
    """A person who does not exist."""

    name: str
    id: str
    birth_date: str
    sex: Literal["F", "M", "O"]


class SampleStudy(_Entry):
    """One examination: its views, the patient made up for it, and how a modality would encode it.

    `fractured` is the data set's label. `transfer_syntax` is the keyword of a UID in PS3.6 Annex A;
    `anatomic_region` a code value of SNOMED CT and its meaning.
    """

    id: str
    region: Region
    laterality: Laterality
    description: str
    fractured: bool
    anatomic_region: tuple[str, str]
    modality: Literal["CR", "DX"]
    bits_stored: Literal[10, 12]
    photometric_interpretation: Literal["MONOCHROME1", "MONOCHROME2"]
    transfer_syntax: str
    priority: Literal["STAT", "HIGH", "MEDIUM", "LOW"]
    raw_instance: bool = False
    patient: SamplePatient
    views: tuple[SampleView, ...]


class _Catalog(_Entry):
    studies: tuple[SampleStudy, ...]


def sample_studies() -> tuple[SampleStudy, ...]:
    """Return the samples in the order in which the demo sends them."""
    text = (resources.files("daemon.demo") / "samples" / "samples.toml").read_text(encoding="utf-8")
    return _Catalog.model_validate(tomllib.loads(text)).studies
