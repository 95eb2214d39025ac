"""Peers, bundles and the daemon for whole ways."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.bundle.loading import create_untrained
from tests.flow.orthanc import AE_TITLE, Orthanc, running_orthanc
from tests.flow.service import Service, running_service


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One MobileNet: the ways of the data are the same, the start is quicker."""
    folder = tmp_path_factory.mktemp("bundles") / "mobilenet"
    create_untrained(folder, ensemble=("mobilenet",), seed=7, name="mobilenet-untrained", version="0.1.0")
    return folder


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that all tests share: each sends studies of its own, see `tests.flow.radiographs`."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, small_bundle: Path, orthanc: Orthanc
) -> Iterator[Service]:
    """A daemon that tests share, with Orthanc as its only destination: a start takes 20 s of the processor.

    A test may stop it, if it starts it again.
    """
    destinations = [("orthanc", AE_TITLE, orthanc.dicom_port)]
    with running_service(tmp_path_factory.mktemp("ulna"), small_bundle, destinations=destinations) as running:
        yield running
