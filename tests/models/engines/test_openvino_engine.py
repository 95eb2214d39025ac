"""What is OpenVINO's own; what comes out is the contract's."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.bundle.loading import load_bundle
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder
from models.engines.registry import open_engine
from models.errors import DeviceUnavailable
from models.finding import probabilities
from models.picture import read_picture
from models.preprocess import preprocess

SAMPLES = Path(__file__).parents[3] / "daemon/demo/samples"

# Everything that Python connects to or resolves from here on is counted.
_WATCHED = """
import sys
from pathlib import Path
seen = []
watched = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}
sys.addaudithook(lambda event, _arguments: event in watched and seen.append(event))

import numpy as np
from models.bundle.loading import load_bundle
from models.engines.registry import open_engine
engine = open_engine(load_bundle(Path(sys.argv[1])), device="cpu", name="openvino")
engine.run(np.zeros((1, 64, 96), dtype=np.float32))
print(seen, [name for name in sys.modules if name.startswith("openvino_telemetry.")])
"""


def test_neither_loading_nor_compiling_nor_running_tells_anybody(tmp_path, pristine_bundle):
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", _WATCHED, str(pristine_bundle)]

    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert said == "[] []\n"
    assert list(tmp_path.iterdir()) == []  # an identity is what it would keep there


def test_a_gpu_is_for_torch(pristine_bundle):
    with pytest.raises(DeviceUnavailable, match='"openvino" runs on the CPU'):
        open_engine(load_bundle(pristine_bundle), device="cuda", name="openvino")


def test_radiographs_get_the_numbers_of_torch():
    bundle = load_bundle(bundle_folder(DEFAULT_BUNDLE))
    files = sorted(SAMPLES.glob("*.jpg"))[::4]
    views = np.stack([preprocess(read_picture(file), bundle.manifest.preprocessing) for file in files])
    assert len(views) >= 3

    found = open_engine(bundle, device="cpu", name="openvino").run(views)
    expected = open_engine(bundle, device="cpu", name="torch").run(views)

    for name, theirs in expected.items():
        ours = found[name]
        assert np.ptp(theirs.logit) > 0.5  # they see different things in them
        np.testing.assert_allclose(probabilities(ours.logit), probabilities(theirs.logit), atol=1e-5)
        np.testing.assert_allclose(ours.logit, theirs.logit, atol=1e-4)
        np.testing.assert_allclose(ours.activation, theirs.activation, atol=1e-3)
        np.testing.assert_allclose(ours.embedding, theirs.embedding, atol=1e-4)
