"""What may be imported without which library."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "finding",
        "reference.drift",
        "reference.reference",
        "reference.file",
        "bundle.manifest",
        "bundle.manifest_text",
        "preprocess",
        "rendering.overlay",
        "rendering.view_page",
        "errors",
        "engines.engine",
        "engines.exports",
        "ensemble",
        "deployment",
    ],
)
def test_value_and_picture_modules_do_not_import_torch(module):
    program = f"import models.{module}, sys; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_ensemble_is_ready_without_the_compiler_of_torch_which_loads_longer_than_torch():
    program = "import models.bundle.loading, models.ensemble, sys; sys.exit('torch._dynamo' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
