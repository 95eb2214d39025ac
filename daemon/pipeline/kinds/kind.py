"""This module says what a kind of result is, what it is made from, and what comes of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom_io.decoding.view import View
from sr_templates.content import ReportContent


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """What all results of one revision are made from.

    Attributes
    ----------
    content
        What the report says.
    image_of
        Reads the image of an analyzed view, by its number in the report from 1; it is decoded anew each
        time. Raises what `dicom_io.decoding.decoder.Decoder.read_view` raises.
    """

    content: ReportContent
    image_of: Callable[[int], View]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuiltResult:
    """One result, complete with file meta.

    Attributes
    ----------
    kind
        The name of its kind.
    source_sop_instance_uid
        Of the one view that it is about; empty where it is about the study.
    """

    kind: str
    dataset: Dataset
    source_sop_instance_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of result.

    Attributes
    ----------
    name
        As destinations ask for it and the store keeps it, at most 8 characters.
    build
        Makes the results of a study, none where there is nothing of this kind to say. Same material, same
        bytes; their UIDs are made by `content.facts`.
    settings
        What else shapes their bytes, as text; part of their UIDs.
    """

    name: str
    build: Callable[[Material], Iterable[BuiltResult]]
    settings: str = ""
