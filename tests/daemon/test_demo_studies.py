"""The demo's studies: valid, shown as the samples are, and what their headers say is what ulna reads."""

import subprocess
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless, RLELossless

from daemon.demo.catalog import SampleStudy, SampleView, sample_studies
from daemon.demo.radiograph import stored_values
from daemon.demo.studies import DemoStudy, demo_studies
from dicom_io.reading.instance import read_header
from dicom_io.selection.age import AgeCaution, AgeRule, ages_of
from dicom_io.selection.eligibility import assess
from dicom_io.selection.exclusion import Exclusion

NOW = datetime(2024, 2, 29, 8, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoStudy, ...]:
    return demo_studies(tmp_path_factory.mktemp("demo"), now=NOW)


def all_paths(studies: tuple[DemoStudy, ...]) -> list[Path]:
    return list(chain.from_iterable(study.paths for study in studies))


def presented(studies: tuple[DemoStudy, ...]) -> list[tuple[SampleStudy, SampleView, Path]]:
    """Return every file that is meant to be looked at, with the sample that it was made from."""
    return [
        (sample, view, path)
        for sample, study in zip(sample_studies(), studies, strict=True)
        for view, path in zip(sample.views, study.paths[: study.views], strict=True)
    ]


def test_dciodvfy_finds_no_error(studies):
    for path in all_paths(studies):
        report = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in report.stdout + report.stderr, path.name
        assert report.returncode == 0, path.name


def test_dcmtk_shows_each_instance_as_the_sample_is(studies, tmp_path):
    for _, view, path in presented(studies):
        picture = tmp_path / f"{view.file}.pgm"
        subprocess.run(["dcml2pnm", "--use-window", "1", path, picture], capture_output=True, check=True)
        with Image.open(picture) as image:
            shown = np.asarray(image).astype(int)
        assert np.abs(shown - view.pixels()).max() <= 1, view.file  # DCMTK's gray values are rounded down


def test_decoded_pixels_are_the_stored_values(studies):
    for sample, view, path in presented(studies):
        ds = dcmread(path)
        stored, _ = stored_values(view.pixels(), sample.bits_stored, sample.photometric_interpretation)
        assert np.array_equal(ds.pixel_array, stored), view.file


def test_monochrome1_stores_the_sample_upside_down():
    # three quarters of 1024 are 768, so 3 values a gray step; 255 * 3 = 765 leaves 258 of 1023, half below
    # upside down: 1023 - 129 = 894
    gray = np.array([[0, 1, 255]], dtype=np.uint8)
    assert stored_values(gray, 10, "MONOCHROME2")[0].tolist() == [[129, 132, 894]]
    assert stored_values(gray, 10, "MONOCHROME1")[0].tolist() == [[894, 891, 129]]


def test_the_ways_of_encoding_are_all_there(studies):
    headers = [dcmread(path, stop_before_pixels=True) for path in all_paths(studies)]
    assert {ds.Modality for ds in headers} == {"CR", "DX"}
    assert {ds.PhotometricInterpretation for ds in headers} == {"MONOCHROME1", "MONOCHROME2"}
    assert {ds.BitsStored for ds in headers} == {10, 12}
    assert {RLELossless, JPEGLSLossless} < {ds.file_meta.TransferSyntaxUID for ds in headers}


def test_ulna_reads_what_the_catalog_says(studies):
    for sample, view, path in presented(studies):
        eligibility = assess(read_header(path), unknown_region="exclude")
        assert eligibility.eligible, view.file
        assert eligibility.region is sample.region, view.file
        assert eligibility.laterality is sample.laterality, view.file
        assert eligibility.projection is view.projection, view.file


def test_only_the_raw_instance_is_excluded(studies):
    rest = list(chain.from_iterable(study.paths[study.views :] for study in studies))
    assert [path.name for path in rest] == ["3-frontal-raw.dcm"]
    assert assess(read_header(rest[0]), unknown_region="exclude").exclusion is Exclusion.FOR_PROCESSING


def test_the_patients_whose_images_show_growth_plates_are_children(studies):
    rule = AgeRule(minimum_age_years=18, max_age_days=14)
    ages = {
        study.description: ages_of(read_header(study.paths[0]), rule, received_on=NOW.date())
        for study in studies
    }
    assert {name for name, found in ages.items() if found.caution is AgeCaution.YOUNGER} == {
        "XR ELBOW",
        "XR FOREARM RIGHT",
    }
    assert AgeCaution.UNKNOWN not in {found.caution for found in ages.values()}
    assert not any(found.is_old for found in ages.values())


def test_one_study_is_stat(studies):
    assert [study.description for study in studies if study.priority == "STAT"] == ["XR SHOULDER LEFT"]
    assert read_header(studies[0].paths[0]).requested_procedure_priority == "STAT"


def test_instances_of_a_study_belong_together(studies):
    for study in studies:
        headers = [read_header(path) for path in study.paths]
        assert {header.study_instance_uid for header in headers} == {study.study_instance_uid}
        assert {header.accession_number for header in headers} == {study.accession_number}
        assert len({header.patient_id for header in headers}) == 1
    instances = [read_header(path).sop_instance_uid for path in all_paths(studies)]
    assert len(set(instances)) == len(instances)


def test_another_run_makes_other_studies_and_the_same_run_the_same_bytes(studies, tmp_path):
    later = demo_studies(tmp_path / "later", now=NOW + timedelta(seconds=1))
    again = demo_studies(tmp_path / "again", now=NOW)
    uids = {study.study_instance_uid for study in studies}
    assert uids.isdisjoint(study.study_instance_uid for study in later)
    for first, second in zip(all_paths(studies), all_paths(again), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_a_moment_without_time_zone_is_refused(tmp_path):
    with pytest.raises(ValueError, match="aware"):
        demo_studies(tmp_path, now=datetime(2024, 2, 29))


def test_no_identity_looks_like_a_real_one(studies):
    for sample, study in zip(sample_studies(), studies, strict=True):
        ds = dcmread(study.paths[0], stop_before_pixels=True)
        assert str(ds.PatientName) == sample.patient.name
        assert sample.patient.name.startswith("DEMO^")
        assert sample.patient.id.startswith("ULNADEMO")


def test_each_image_is_attributed_and_small():
    folder = Path(__file__).parents[2] / "daemon" / "demo" / "samples"
    images = sorted(folder.glob("*.jpg"))
    views = [view for study in sample_studies() for view in study.views]
    attribution = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert sorted(view.file for view in views) == [image.name for image in images]
    assert all(f"| {view.file} | {view.source} |" in attribution for view in views)
    assert sum(image.stat().st_size for image in images) < 1_200_000
