from pathlib import Path

import pytest

from models.bundle.loading import verify_bundle
from models.bundle.manifest import SENSITIVE, SPECIFIC, read_manifest
from models.bundle.shipped import DEFAULT_BUNDLE, SHIPPED, bundle_folder, shipped_bundles


def test_a_name_stands_for_its_folder_and_anything_else_for_itself(tmp_path: Path):
    assert bundle_folder(DEFAULT_BUNDLE) == SHIPPED / DEFAULT_BUNDLE
    assert bundle_folder(Path(DEFAULT_BUNDLE)) == SHIPPED / DEFAULT_BUNDLE
    assert bundle_folder(tmp_path / DEFAULT_BUNDLE) == tmp_path / DEFAULT_BUNDLE
    assert bundle_folder(f"./folder/{DEFAULT_BUNDLE}") == Path("folder") / DEFAULT_BUNDLE
    assert bundle_folder("unheard-of") == Path("unheard-of")


def test_the_default_is_among_the_shipped():
    assert DEFAULT_BUNDLE in shipped_bundles()


@pytest.mark.parametrize("name", shipped_bundles())
def test_a_shipped_bundle_is_whole_and_says_what_it_is(name: str):
    manifest = read_manifest(SHIPPED / name)

    assert verify_bundle(SHIPPED / name).name == manifest.name == name
    assert manifest.trained
    assert manifest.reference is not None
    assert "not for diagnostic use" in manifest.intended_use
    assert manifest.training_recipe
    assert manifest.attribution
    rated = {point.name: point for point in manifest.operating_points}
    for point in (rated[SENSITIVE], rated[SPECIFIC]):
        assert point.sensitivity is not None
        assert point.specificity is not None
    assert {"auroc ensemble", "brier ensemble"} <= {metric.name for metric in manifest.metrics}


@pytest.mark.parametrize("name", shipped_bundles())
def test_every_file_of_a_shipped_bundle_is_one_that_a_repository_takes(name: str):
    sizes = {file.name: file.stat().st_size for file in (SHIPPED / name).iterdir()}

    assert max(sizes.values()) < 50_000_000
    assert sum(sizes.values()) < 60_000_000
