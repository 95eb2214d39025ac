"""The way of a warning: from an input that is unlike the training data into every output."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread

from daemon.cli import main
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.stages.analyzer import Analyzer
from daemon.store.database import Store
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import InstanceEvent, InstanceState
from dicom_io.decoding.decoder import Decoder
from models.bundle.loading import load_bundle
from models.bundle.manifest import Preprocessing
from models.bundle.writing import NewMember, create_bundle
from models.ensemble import Ensemble, open_ensemble
from models.networks.member import build_member, initialize
from models.preprocess import preprocess
from models.reference.drift import InputWarning
from models.reference.fitting import ReferenceInputs, reference_of
from models.resampling import resize
from sr_templates.outline import outline
from sr_templates.reason import clause
from tests.daemon import store_factory
from tests.daemon.built import built_results, of_kind
from tests.factories import make_instance, uid, write_instance
from tests.models.bundles import tiny_manifest
from tests.models.radiograph_like import SIZE, limbs

SPEC = Preprocessing(input_size=SIZE)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle whose reference are limbs, and that flags everything."""
    return make_bundle(tmp_path_factory.mktemp("bundles") / "loud", bias=4.0)


@pytest.fixture(scope="module")
def quiet_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but it flags nothing."""
    return make_bundle(tmp_path_factory.mktemp("bundles") / "quiet", bias=-4.0)


def make_bundle(folder: Path, *, bias: float) -> Path:
    member = build_member("mobilenet")
    initialize(member, 1)
    torch.nn.init.constant_(member.head.bias, bias)
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


def analyzed_by(
    bundle: Path, store: Store, spool: Spool, decoder: Decoder, pixels: list[NDArray[np.uint16]]
) -> Ensemble:
    """Let a bundle analyze the views of one study."""
    for number, values in enumerate(pixels, start=1):
        arrival = store_factory.received(1, number)
        store_factory.record(store, arrival)
        path = spool.absolute(arrival.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_instance(make_instance(instance=number, pixels=values), path)
    ensemble = open_ensemble(load_bundle(bundle), "cpu")
    stage = StageProcess(StageName.ANALYZER, store)
    Analyzer(store, spool, decoder, ensemble, operating_point="sensitive", max_batch=8).step(stage)
    return ensemble


def test_an_inverted_view_below_the_operating_point_is_not_analyzed(
    sqlite_only: Store, spool: Spool, decoder: Decoder, quiet_bundle: Path, pixels: list[NDArray[np.uint16]]
) -> None:
    ensemble = analyzed_by(quiet_bundle, sqlite_only, spool, decoder, pixels)

    usual, inverted = study_detail(sqlite_only, uid(1)).instances
    assert (usual.state, inverted.state) == (InstanceState.ANALYZED, InstanceState.UNREADABLE)
    assert (
        clause(inverted.reason) == "the view looks inverted (black for white), so its low score says nothing"
    )
    causes = [event.cause for event in study_detail(sqlite_only, uid(1)).events]
    assert InstanceEvent.UNLIKE_RADIOGRAPH in causes

    results = built_results(sqlite_only, spool, decoder, ensemble.identity)
    assert (results.content.category, len(of_kind(results, "sc"))) == ("not flagged", 1)
    assert f"Not analyzed: 1 instance, because {clause(inverted.reason)}." in results.summary
    (report,) = of_kind(results, "sr")
    assert report.CompletionFlag == "PARTIAL"


def test_analyze_does_not_call_an_inverted_view_not_flagged(
    quiet_bundle: Path, pixels: list[NDArray[np.uint16]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray((pixels[1] >> 4).astype(np.uint8)).save(tmp_path / "wrong.png")
    write_instance(make_instance(pixels=pixels[1]), tmp_path / "wrong.dcm")
    words = ["analyze", "--bundle", str(quiet_bundle), "--allow-untrained", "--json", str(tmp_path)]
    assert main(words) == 1
    studies = json.loads(capsys.readouterr().out)
    assert [study["category"] for study in studies] == ["not analyzed"] * 2
    assert all("looks inverted" in view["reason"] for study in studies for view in study["views"])


def test_a_warning_goes_through_the_store_into_the_results(
    sqlite_only: Store, spool: Spool, decoder: Decoder, bundle: Path, pixels: list[NDArray[np.uint16]]
) -> None:
    ensemble = analyzed_by(bundle, sqlite_only, spool, decoder, pixels)

    recorded = study_detail(sqlite_only, uid(1)).instances
    assert [view.warning for view in recorded] == [None, InputWarning.INVERTED]

    results = built_results(sqlite_only, spool, decoder, ensemble.identity)
    probabilities = [view.members[0].probability for view in recorded]
    assert results.finding is not None
    assert results.finding.score == pytest.approx(np.mean(probabilities))
    assert "CAUTION: view 2 looks inverted" in results.summary
    assert "Input differs from training data: Looks inverted" in outline(*of_kind(results, "sr"))


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
