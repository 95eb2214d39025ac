"""What may be imported without which library."""

import subprocess
import sys

ARITHMETIC = (
    "weighted",
    "metrics",
    "bootstrap",
    "figures",
    "operating_points",
    "calibration",
    "triage",
    "localization",
    "combinations",
)


def test_arithmetic_does_not_import_torch():
    imports = "; ".join(f"import models.evaluation.{module}" for module in ARITHMETIC)
    program = f"{imports}; import sys; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
