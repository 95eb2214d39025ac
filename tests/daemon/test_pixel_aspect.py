"""The way of an image whose pixels are not square: proportions in what networks and readers see."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.cli import main
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.analyzer import Analyzer
from daemon.store.database import Store
from daemon.store.worklist import study_detail
from dicom_io.decoding.decoder import Decoder
from models.bundle.loading import load_bundle
from models.bundle.manifest import Preprocessing
from models.bundle.writing import NewMember, create_bundle
from models.ensemble import Ensemble, open_ensemble
from models.networks.member import build_member, initialize
from models.preprocess import preprocess
from models.resampling import resize
from tests.daemon import store_factory
from tests.daemon.built import built_results, of_kind
from tests.factories import make_instance, uid, write_instance
from tests.models.bundles import tiny_manifest
from tests.models.radiograph_like import SIZE, limbs

SPEC = Preprocessing(input_size=SIZE, resize="letterbox")
SQUARE = 4095 * resize(next(iter(limbs(1, seed=4))), (400, 320))
SQUEEZED = SQUARE.reshape(400, 160, 2).mean(axis=2)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "letterbox"
    member = build_member("mobilenet")
    initialize(member, 1)
    create_bundle(
        folder,
        members=[NewMember(name="mobilenet", architecture="mobilenet", member=member)],
        describe=lambda entries: tiny_manifest(entries).model_copy(update={"preprocessing": SPEC}),
    )
    return folder


def squeezed_instance(path: Path) -> Path:
    pixels = np.rint(SQUEEZED).astype(np.uint16)
    return write_instance(make_instance(pixels=pixels, ImagerPixelSpacing=[0.2, 0.4]), path)


def expected_probability(ensemble: Ensemble) -> float:
    image = np.rint(SQUEEZED).astype(np.float32) / 4095
    ((finding,),) = ensemble.predict(preprocess(image, SPEC, 0.5)[None])
    return finding.probability


def tone_columns(page: np.ndarray) -> int:
    """Return how many columns of a page are neither its background nor its margins, in a row of pictures."""
    row = page[page.shape[0] // 2].astype(int)
    return int((np.abs(row - row[0]).max(axis=1) > 3).sum())


def test_the_service_analyzes_and_shows_right_proportions(
    sqlite_only: Store, spool: Spool, decoder: Decoder, bundle: Path
):
    arrival = store_factory.received(1, 1)
    store_factory.record(sqlite_only, arrival)
    path = spool.absolute(arrival.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    squeezed_instance(path)
    ensemble = open_ensemble(load_bundle(bundle), "cpu")
    stage = StageProcess(StageName.ANALYZER, sqlite_only)
    Analyzer(sqlite_only, spool, decoder, ensemble, operating_point="sensitive", max_batch=8).step(stage)
    (view,) = study_detail(sqlite_only, uid(1)).instances
    assert view.members[0].probability == pytest.approx(expected_probability(ensemble), abs=1e-6)

    results = built_results(sqlite_only, spool, decoder, ensemble.identity)
    (capture,) = of_kind(results, "sc")
    # two pictures, 320 columns wide each
    assert 600 < tone_columns(capture.pixel_array) <= 640


def test_the_command_analyzes_and_shows_right_proportions(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = squeezed_instance(tmp_path / "a.dcm")
    words = [
        "--bundle",
        str(bundle),
        "--allow-untrained",
        "--json",
        "--output",
        str(tmp_path / "out"),
        str(file),
    ]
    assert main(["analyze", *words]) == 0
    (study,) = json.loads(capsys.readouterr().out)
    ensemble = open_ensemble(load_bundle(bundle), "cpu")
    assert study["probability"] == pytest.approx(expected_probability(ensemble), abs=1e-6)
    page = np.asarray(Image.open(tmp_path / "out" / "a-overlay.png"))
    assert 600 < tone_columns(page) <= 640
