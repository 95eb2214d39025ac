"""This module reads MURA version 1.1 in the layout in which it is handed out.

::

    MURA-v1.1/{train,valid}/XR_WRIST/patient00006/study1_positive/image1.png
    MURA-v1.1/{train,valid}_image_paths.csv         one image a line, no header
    MURA-v1.1/{train,valid}_labeled_studies.csv     study folder and label, 1 = abnormal, no header

The folders alone are enough. Where a list of images is present, the images are those that it names; where a
list of labels is present, it must agree with the folders.
"""

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from models.datasets.sample import Sample
from models.errors import DatasetRefused

# What MURA calls its parts, and what they are called here.
_SPLITS = {"train": "train", "valid": "val"}
_REGIONS = {
    f"XR_{region.upper()}": region
    for region in ("elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist")
}
_PATIENT = re.compile(r"patient\d+")
_STUDY = re.compile(r"study\d+_(positive|negative)")
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
_UNPACK = "unpack MURA's zip file again"


def read_mura(root: Path) -> tuple[Sample, ...]:
    """Read the samples of MURA.

    Parameters
    ----------
    root
        The folder that holds "train" and "valid"; one of the two is enough.

    Returns
    -------
    tuple[Sample, ...]
        The splits are "train" and "val", the regions in lower case ("wrist"). Hidden files, such as those
        that macOS leaves beside the images ("._image1.png"), are passed over.

    Raises
    ------
    DatasetRefused
        The folders are not those of MURA, a listed image is not there, a label contradicts its folder, or a
        patient is in both splits.
    """
    folders = [folder for folder in _SPLITS if (root / folder).is_dir()]
    if not folders:
        raise DatasetRefused(
            f"{root}: expected MURA's folders train and valid, found neither; "
            "name the folder that holds them, usually MURA-v1.1"
        )
    samples = tuple(_sample(root, image) for folder in folders for image in _images(root, folder=folder))
    if not samples:
        raise DatasetRefused(f"{root}: expected images in {' and '.join(folders)}, found none; {_UNPACK}")
    _refuse_patients_in_both(root, samples)
    return samples


def _images(root: Path, *, folder: str) -> list[PurePosixPath]:
    """Return the images of one split, as paths below `root`, in a fixed order."""
    _check_labels(root, root / f"{folder}_labeled_studies.csv", folder=folder)
    listing = root / f"{folder}_image_paths.csv"
    if listing.is_file():
        return list(_listed_images(root, listing, folder=folder))
    return sorted(
        PurePosixPath(Path(place, name).relative_to(root))
        for place, _, names in os.walk(root / folder)
        for name in names
        if _is_image(name)
    )


def _listed_images(root: Path, listing: Path, *, folder: str) -> Iterator[PurePosixPath]:
    seen: dict[PurePosixPath, int] = {}
    for line, (cell,) in _rows(listing, columns=1):
        image = _below(cell, folder=folder, place=f"{listing}, line {line}")
        if not _is_image(image.name):
            continue
        if image in seen:
            raise DatasetRefused(
                f"{listing}, line {line}: {image} is listed in line {seen[image]} already; {_UNPACK}"
            )
        if not os.path.isfile(root / image):
            raise DatasetRefused(
                f"{listing}, line {line}: there is no file {root / image}; "
                f"{_UNPACK}, or remove the csv file to read the images that are there"
            )
        seen[image] = line
        yield image


def _check_labels(root: Path, listing: Path, *, folder: str) -> None:
    """Refuse a list of labels that contradicts the names of the study folders."""
    if not listing.is_file():
        return
    for line, (cell, label) in _rows(listing, columns=2):
        study = _below(cell, folder=folder, place=f"{listing}, line {line}")
        if label != str(int(_is_positive(root, study))):
            raise DatasetRefused(
                f'{listing}, line {line}: the label is "{label}", the folder {study.name}; '
                "1 must be positive and 0 negative: find out which is right before using either"
            )


def _rows(listing: Path, *, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of each line of a csv file without header."""
    with listing.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        try:
            for row in filter(None, reader):
                if len(row) != columns:
                    raise DatasetRefused(
                        f"{listing}, line {reader.line_num}: expected {columns} columns, "
                        f"found {len(row)}; {_UNPACK}"
                    )
                yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as exc:
            raise DatasetRefused(f"{listing}: expected csv, found {exc}; {_UNPACK}") from exc


def _below(cell: str, *, folder: str, place: str) -> PurePosixPath:
    """Return the path in `cell` from "train" or "valid" on; MURA writes its own folder before that."""
    parts = PurePosixPath(cell).parts
    if folder not in parts or ".." in parts:
        raise DatasetRefused(f"{place}: expected a path with the folder {folder}, found {cell!r}; {_UNPACK}")
    return PurePosixPath(*parts[parts.index(folder) :])


def _is_image(name: str) -> bool:
    return name.lower().endswith(_IMAGE_SUFFIXES) and not name.startswith(".")


def _is_positive(root: Path, study: PurePosixPath) -> bool:
    """Return the label that the name of a study folder ends with."""
    found = _STUDY.fullmatch(study.name)
    if found is None:
        raise DatasetRefused(
            f"{root / study}: expected a folder like study1_positive or study1_negative; "
            "rename it, or describe your own images in a csv file"
        )
    return found[1] == "positive"


def _sample(root: Path, image: PurePosixPath) -> Sample:
    """Read what the folders around an image say of it."""
    split, region, patient = image.parts[:3] if len(image.parts) == 5 else ("", "", "")
    if region not in _REGIONS or not _PATIENT.fullmatch(patient):
        raise DatasetRefused(
            f"{root / image}: expected train|valid/XR_<REGION>/patient<n>/study<n>_<label>/<image> with one "
            f"of the regions {', '.join(_REGIONS.values())}; describe your own images in a csv file"
        )
    return Sample(
        image=root / image,
        abnormal=_is_positive(root, image.parent),
        split=_SPLITS[split],
        study=str(PurePosixPath(*image.parts[1:4])),
        patient=patient,
        region=_REGIONS[region],
    )


def _refuse_patients_in_both(root: Path, samples: tuple[Sample, ...]) -> None:
    patients = {split: {s.patient for s in samples if s.split == split} for split in _SPLITS.values()}
    both = sorted(filter(None, patients["train"] & patients["val"]))
    if both:
        raise DatasetRefused(
            f"{root}: {len(both)} patients are in both train and valid, the first is {both[0]}; "
            f"figures measured so would be worth nothing: {_UNPACK}"
        )
