import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "finding",
        "drift",
        "reference",
        "reference_file",
        "manifest",
        "manifest_text",
        "preprocess",
        "overlay",
        "page",
        "errors",
    ],
)
def test_value_and_picture_modules_do_not_import_torch(module):
    program = f"import models.{module}, sys; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
