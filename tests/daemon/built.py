"""The results of study 1 as the reporter builds them, without its stage."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from daemon.pipeline.building import StudyResults, build_results
from daemon.pipeline.reportable import judged
from daemon.pipeline.stored import reportable_study
from daemon.spool import Spool
from daemon.store.database import Store
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.view import View
from models.bundle.manifest import BundleIdentity
from tests.daemon import store_factory


def built_results(store: Store, spool: Spool, decoder: Decoder, bundle: BundleIdentity) -> StudyResults:
    """Claim study 1 and build its results."""
    about = reportable_study(store_factory.claim(store), spool)
    assert about is not None
    return build_results(judged(about, bundle=bundle, operating_point="sensitive"), decoder=decoder)


def of_kind(built: StudyResults, kind: str) -> list[Dataset]:
    return [result.dataset for result in built.results if result.kind == kind]


class Bright(Decoder):
    """Gives one image for every file, without a process."""

    def __init__(self) -> None:
        pass

    def read_view(self, path: Path, *, picture: bool = False) -> View:
        return View(image=np.full((128, 192), 0.5, dtype=np.float32))
