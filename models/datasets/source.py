"""This module finds the reader for a data set by the kind that is written before its path."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from models.datasets.mura import read_mura
from models.datasets.sample import Sample
from models.datasets.table import read_table
from models.errors import DatasetRefused

READERS: Mapping[str, Callable[[Path], tuple[Sample, ...]]] = MappingProxyType(
    {"mura": read_mura, "csv": read_table}
)


def read_source(source: str) -> tuple[Sample, ...]:
    """Read the data set that `source` names: "mura:FOLDER" or "csv:FILE".

    Raises
    ------
    DatasetRefused
        The kind is unknown, or the reader refuses what is there.
    """
    kind, separator, path = source.partition(":")
    if kind not in READERS or not separator or not path:
        raise DatasetRefused(
            f"{source!r} names no data set; write mura:FOLDER for MURA's own folders, csv:FILE for a table"
        )
    return READERS[kind](Path(path).expanduser())


def of_split(samples: Iterable[Sample], split: str) -> tuple[Sample, ...]:
    """Return the samples of one split; raise DatasetRefused if there are none."""
    every = tuple(samples)
    chosen = tuple(sample for sample in every if sample.split == split)
    if not chosen:
        known = ", ".join(sorted({sample.split for sample in every})) or "none"
        raise DatasetRefused(f"the data set has no images in the split {split!r}; its splits are: {known}")
    return chosen
