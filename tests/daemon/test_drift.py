"""The way of a warning: from an input that is unlike the training data into every output."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread

from daemon.analyzer import Analyzer
from daemon.cli import main
from daemon.results import build_results
from daemon.spool import Spool
from daemon.stage import StageName, StageProcess
from daemon.store.database import Store
from daemon.store.worklist import study_detail
from dicom_io.decoder import Decoder
from models.bundle import load_bundle
from models.bundle_writer import NewMember, create_bundle
from models.drift import InputWarning
from models.ensemble import Ensemble
from models.manifest import Preprocessing
from models.member import build_member, initialize
from models.preprocess import preprocess
from models.reference_fit import ReferenceInputs, reference_of
from models.resampling import resize
from sr_templates.outline import outline
from tests.daemon import store_factory
from tests.factories import make_instance, uid, write_instance
from tests.models.bundles import tiny_manifest
from tests.models.radiograph_like import SIZE, limbs

SPEC = Preprocessing(input_size=SIZE)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle whose reference are limbs."""
    folder = tmp_path_factory.mktemp("bundles") / "limbs"
    member = build_member("mobilenet")
    initialize(member, 1)
    training, validation = ([preprocess(i, SPEC) for i in limbs(60, seed=seed)] for seed in (1, 2))
    inputs = ReferenceInputs(training=training, validation=validation)
    create_bundle(
        folder,
        members=[NewMember(name="mobilenet", architecture="mobilenet", member=member)],
        describe=lambda entries: tiny_manifest(entries).model_copy(update={"preprocessing": SPEC}),
        reference=reference_of({"mobilenet": member}, inputs, SPEC, data="limbs"),
    )
    return folder


def stored(image: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return an image of the size of a radiograph as 12-bit values."""
    return np.rint(4095 * resize(image, (256, 384))).astype(np.uint16)


@pytest.fixture
def pixels() -> list[NDArray[np.uint16]]:
    """A limb, and one that arrived inverted."""
    usual, other = limbs(2, seed=9)
    return [stored(usual), stored(1.0 - other)]


def test_a_warning_goes_through_the_store_into_the_results(
    sqlite_only: Store, spool: Spool, decoder: Decoder, bundle: Path, pixels: list[NDArray[np.uint16]]
) -> None:
    for number, values in enumerate(pixels, start=1):
        arrival = store_factory.received(1, number)
        store_factory.record(sqlite_only, arrival)
        path = spool.absolute(arrival.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_instance(make_instance(instance=number, pixels=values), path)
    ensemble = Ensemble(load_bundle(bundle), "cpu")
    stage = StageProcess(StageName.ANALYZER, sqlite_only)
    Analyzer(sqlite_only, spool, decoder, ensemble, max_batch=8).step(stage)

    recorded = study_detail(sqlite_only, uid(1)).instances
    assert [view.warning for view in recorded] == [None, InputWarning.INVERTED]

    study = store_factory.claim(sqlite_only)
    results = build_results(
        study,
        spool=spool,
        decoder=decoder,
        bundle=ensemble.identity,
        preprocessing=ensemble.preprocessing,
        operating_point="sensitive",
    )
    probabilities = [view.members[0].probability for view in recorded]
    assert results.score == pytest.approx(np.mean(probabilities))
    assert "CAUTION: view 2 looks inverted" in results.summary
    assert "Input differs from training data: Looks inverted" in outline(results.structured_report)


def test_analyze_tells_and_shows_it(
    bundle: Path, pixels: list[NDArray[np.uint16]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    Image.fromarray((pixels[0] >> 4).astype(np.uint8)).save(files / "usual.png")
    write_instance(make_instance(pixels=pixels[1]), files / "wrong.dcm")
    words = ["analyze", "--bundle", str(bundle), "--allow-untrained", str(files)]

    assert main([*words, "--json"]) == 0
    views = {Path(v["path"]).name: v for s in json.loads(capsys.readouterr().out) for v in s["views"]}
    assert {name: view["input_warning"] for name, view in views.items()} == {
        "usual.png": "",
        "wrong.dcm": "inverted",
    }
    assert views["usual.png"]["input_distance"] < 1.0 < views["wrong.dcm"]["input_distance"]

    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    assert "wrong.dcm: This view looks inverted" in " ".join(capsys.readouterr().out.split())
    (report,) = (tmp_path / "out").glob("SR-*.dcm")
    assert "treat its result with caution" in outline(dcmread(report))
