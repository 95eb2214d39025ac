"""``ulna bundle import-keras`` as it is typed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from daemon.cli import main
from daemon.commands.bundle_import import ARCHITECTURES
from models.bundle.manifest import read_manifest
from models.networks.architectures import ARCHITECTURES as KNOWN
from models.networks.member import build_member

TEXTS = ["--license", "mine", "--training-data", "ours", "--intended-use", "Research."]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A MobileNet with a head, as arrays that Keras would hold."""
    arrays = {}
    for name, module in build_member("mobilenet").keras_layers():
        tensors = [tensor for tensor in module.state_dict().values() if tensor.ndim]
        for kind, tensor in zip(_kinds(name), tensors, strict=True):
            array = tensor.numpy()
            arrays[f"{name}|{kind}"] = _as_keras(array, depthwise=kind == "depthwise_kernel")
    np.savez(tmp_path / "weights.npz", allow_pickle=False, **arrays)
    return tmp_path / "weights.npz"


def _kinds(name: str) -> tuple[str, ...]:
    if name == "dense":
        return ("kernel", "bias")
    if name.endswith("_bn"):
        return ("gamma", "beta", "moving_mean", "moving_variance")
    return ("depthwise_kernel",) if name.startswith("conv_dw") else ("kernel",)


def _as_keras(array: np.ndarray, *, depthwise: bool) -> np.ndarray:
    if array.ndim == 4:
        return array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    return array.T


def words(folder: Path, member: str, *more: str) -> list[str]:
    return [
        "bundle",
        "import-keras",
        str(folder),
        "--member",
        member,
        "--name",
        "m",
        "--release",
        "1",
        "--target",
        "abnormality",
        *TEXTS,
        *more,
    ]


def test_command_makes_a_whole_bundle(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "bundle"
    arguments = words(folder, f"first=mobilenet:{weights}", "--positive", "normal", "--json", "--lower", "-1")
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "m 1"
    manifest = read_manifest(folder)
    assert [(member.name, member.architecture) for member in manifest.members] == [("first", "mobilenet")]
    assert manifest.preprocessing.lower == -1.0


def test_member_without_name_is_called_as_its_architecture(weights: Path, tmp_path: Path):
    assert main(words(tmp_path / "bundle", f"mobilenet:{weights}", "--positive", "abnormal")) == 0
    assert read_manifest(tmp_path / "bundle").members[0].name == "mobilenet"


def test_polarity_must_be_said(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main(words(tmp_path / "bundle", f"mobilenet:{weights}"))
    assert stopped.value.code == 2
    assert "--positive" in capsys.readouterr().err


def test_member_of_another_form_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main(words(tmp_path / "bundle", "weights.h5", "--positive", "normal"))
    assert stopped.value.code == 2
    assert "[NAME=]ARCHITECTURE:FILE" in capsys.readouterr().err


def test_file_of_another_architecture_ends_in_one_line(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(words(tmp_path / "bundle", f"xception:{weights}", "--positive", "normal")) == 1
    assert "most layers are those of mobilenet" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_help_names_the_architectures_there_are():
    assert set(ARCHITECTURES) == set(KNOWN)


def test_help_does_not_load_torch():
    program = (
        "import sys\nfrom daemon.cli import main\n"
        "try: main(['bundle', 'import-keras', '--help'])\n"
        "finally: sys.exit('torch' in sys.modules or 'h5py' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
