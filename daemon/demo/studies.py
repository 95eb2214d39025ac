"""The sample studies as DICOM files.

This module writes the shipped radiographs as the studies of a day: new UIDs for each run, so that a demo
can be repeated against the same archive.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from daemon.demo.catalog import SampleStudy, sample_studies
from daemon.demo.radiograph import Exposure, radiograph
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.regions import Region
from dicom_io.uids import StudyInstanceUid, derived_uid

_BETWEEN_EXPOSURES = timedelta(seconds=40)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStudy:
    """A sample study on disk, and what is known about it.

    Attributes
    ----------
    paths : tuple[Path, ...]
        Its Part 10 files in the order of exposure.
    views : int
        How many of them are to be analyzed; the rest is to be excluded.
    fractured : bool
        The data set's label. It is not what ulna looks for ("abnormal"), and no measure of it.
    """

    study_instance_uid: StudyInstanceUid
    accession_number: str
    description: str
    region: Region
    laterality: Laterality
    priority: str
    fractured: bool
    views: int
    paths: tuple[Path, ...]


def demo_studies(folder: Path, *, now: datetime) -> tuple[DemoStudy, ...]:
    """Write the sample studies under `folder` and return them in the order in which they are to be sent.

    Parameters
    ----------
    folder : Path
        Gets a folder per study; is created.
    now : datetime
        Aware; the end of the last exposure. The UIDs follow from it: another moment, other studies.

    Raises
    ------
    ValueError
        `now` has no time zone, so that the headers could not say when the studies were made.
    """
    if now.tzinfo is None:
        raise ValueError(f"now must be an aware datetime, not {now.isoformat()}")
    return tuple(
        _written(sample, number, folder=folder / sample.id, now=now)
        for number, sample in enumerate(sample_studies(), 1)
    )


def _written(sample: SampleStudy, number: int, *, folder: Path, now: datetime) -> DemoStudy:
    study_instance_uid = derived_uid("demo-study", [], sample.id, now.isoformat())
    accession_number = f"D{now:%y%m%d%H%M%S}{number:02d}"
    shots = [(view, False) for view in sample.views]
    if sample.raw_instance:
        shots.append((sample.views[0], True))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for place, (view, raw) in enumerate(shots, 1):
        exposure = Exposure(
            study=sample,
            view=view,
            study_instance_uid=study_instance_uid,
            accession_number=accession_number,
            number=place,
            taken_at=now - _BETWEEN_EXPOSURES * (len(shots) - place),
            raw=raw,
        )
        path = folder / f"{place}-{view.projection}{'-raw' if raw else ''}.dcm"
        radiograph(exposure).save_as(path, enforce_file_format=True)
        paths.append(path)
    return DemoStudy(
        study_instance_uid=StudyInstanceUid(study_instance_uid),
        accession_number=accession_number,
        description=sample.description,
        region=sample.region,
        laterality=sample.laterality,
        priority=sample.priority,
        fractured=sample.fractured,
        views=len(sample.views),
        paths=tuple(paths),
    )
