import shutil
from pathlib import Path

import pytest

from models.bundle.loading import create_untrained
from models.bundle.writing import create_bundle
from tests.models.bundles import tiny_manifest, two_members


@pytest.fixture(scope="session")
def pristine_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of two members, not to be changed."""
    folder = tmp_path_factory.mktemp("pristine") / "tiny"
    create_bundle(folder, members=two_members(), describe=tiny_manifest)
    return folder


@pytest.fixture
def bundle(pristine_bundle: Path, tmp_path: Path) -> Path:
    """The bundle of two members, to be spoiled."""
    return Path(shutil.copytree(pristine_bundle, tmp_path / "tiny"))


@pytest.fixture(scope="session")
def untrained_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle of one MobileNet, not to be changed."""
    folder = tmp_path_factory.mktemp("untrained") / "mobilenet"
    create_untrained(folder, ensemble="mobilenet", seed=7, name="mobilenet-untrained", version="0.1.0")
    return folder
