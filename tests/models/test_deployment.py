"""Which engine serves, what is loaded for it, and what is said where it is not the one that was meant."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import deployment
from models.bundle.loading import load_bundle
from models.deployment import Deployment, deploy, planned_engine
from models.ensemble import open_ensemble
from models.errors import HashMismatch
from tests.models.fake_engine import plain_views


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """A folder that the tests share, so that the export is made once."""
    folder: Path = tmp_path_factory.mktemp("data") / "engines"
    return folder


def engine_of(deployed: Deployment) -> str:
    return deployed.ensemble.read(plain_views(0.5))[0].engine


@pytest.mark.parametrize(
    ("engine", "device", "gpu", "planned"),
    [
        ("auto", "cpu", True, "openvino"),
        ("auto", "auto", False, "openvino"),
        ("auto", "auto", True, "torch"),
        ("auto", "cuda", False, "torch"),
        ("torch", "cpu", False, "torch"),
        ("openvino", "auto", True, "openvino"),
    ],
)
def test_openvino_is_for_the_cpu_unless_torch_is_named(monkeypatch, engine, device, gpu, planned):
    monkeypatch.setattr(deployment, "_may_have_gpu", lambda: gpu)

    assert planned_engine(engine, device) == planned


def test_an_export_is_made_once_and_then_used(exports, pristine_bundle):
    first = deploy(pristine_bundle, engine="auto", device="cpu", exports=exports)
    made = {path: path.stat().st_mtime_ns for path in exports.iterdir()}
    again = deploy(pristine_bundle, engine="auto", device="cpu", exports=exports)

    assert (first.notice, again.notice) == ("", "")
    assert engine_of(first) == engine_of(again) == "openvino float32"
    assert {path: path.stat().st_mtime_ns for path in exports.iterdir()} == made


def test_findings_and_checks_are_those_of_torch(exports, pristine_bundle):
    views = plain_views(0.1, 0.9)
    expected = open_ensemble(load_bundle(pristine_bundle), "cpu").read(views)

    found = deploy(pristine_bundle, engine="openvino", device="cpu", exports=exports).ensemble.read(views)

    for one, other in zip(found, expected, strict=True):
        for member, theirs in zip(one.members, other.members, strict=True):
            assert member.member == theirs.member
            assert member.probability == pytest.approx(theirs.probability, abs=1e-5)
            np.testing.assert_allclose(member.activation, theirs.activation, atol=1e-4)


def test_a_damaged_export_is_made_anew(exports, pristine_bundle):
    deploy(pristine_bundle, engine="auto", device="cpu", exports=exports)
    (network,) = exports.glob("*.network")
    whole = network.read_bytes()
    network.write_bytes(whole[:1000])

    deployed = deploy(pristine_bundle, engine="auto", device="cpu", exports=exports)

    assert (deployed.notice, engine_of(deployed)) == ("", "openvino float32")
    assert len(network.read_bytes()) == len(whole)


def test_torch_takes_over_and_says_so_where_no_export_can_be_made(tmp_path, pristine_bundle):
    (tmp_path / "engines").write_text("no folder")

    deployed = deploy(pristine_bundle, engine="openvino", device="cpu", exports=tmp_path / "engines")

    assert engine_of(deployed) == "torch float32"
    assert deployed.notice.startswith(
        "torch computes in place of OpenVINO, more slowly: the export cannot be"
    )


def test_an_export_that_takes_too_long_is_not_waited_for(monkeypatch, tmp_path, pristine_bundle):
    monkeypatch.setattr(deployment, "_EXPORT_SECONDS", 0.1)

    deployed = deploy(pristine_bundle, engine="auto", device="cpu", exports=tmp_path / "engines")

    assert engine_of(deployed) == "torch float32"
    assert "was not made within" in deployed.notice


def test_who_may_not_make_an_export_uses_one_that_is_there(exports, tmp_path, pristine_bundle):
    deploy(pristine_bundle, engine="auto", device="cpu", exports=exports)

    there = deploy(pristine_bundle, engine="auto", device="cpu", exports=exports, make_export=False)
    none = deploy(pristine_bundle, engine="auto", device="cpu", exports=tmp_path / "none", make_export=False)

    assert (engine_of(there), engine_of(none)) == ("openvino float32", "torch float32")
    assert not (tmp_path / "none").exists()


def test_a_bundle_whose_weights_were_changed_is_refused_though_its_export_is_whole(exports, bundle):
    deploy(bundle, engine="auto", device="cpu", exports=exports)
    with (bundle / "first.safetensors").open("ab") as weights:
        weights.write(b"x")

    with pytest.raises(HashMismatch):
        deploy(bundle, engine="auto", device="cpu", exports=exports)


def test_with_an_export_torch_is_not_loaded(exports, pristine_bundle):
    deploy(pristine_bundle, engine="auto", device="cpu", exports=exports)
    program = (
        "import sys; from pathlib import Path; from models.deployment import deploy\n"
        "deployed = deploy(Path(sys.argv[1]), engine='auto', device='cpu', exports=Path(sys.argv[2]))\n"
        "print(deployed.notice, 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(pristine_bundle), str(exports)]

    assert subprocess.check_output(command, text=True).split() == ["False"]


def test_where_openvino_is_missing_torch_computes(exports, pristine_bundle):
    program = (
        "import sys; sys.modules['openvino'] = None; from pathlib import Path\n"
        "from models.deployment import deploy\n"
        "deployed = deploy(Path(sys.argv[1]), engine='auto', device='cpu', exports=Path(sys.argv[2]))\n"
        "print(deployed.notice)"
    )
    command = [sys.executable, "-c", program, str(pristine_bundle), str(exports)]

    assert "OpenVINO cannot be loaded here" in subprocess.check_output(command, text=True)
