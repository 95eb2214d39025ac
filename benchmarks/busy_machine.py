"""How an ensemble fares beside other programs, with torch's threads spinning or sleeping while they wait.

    .venv/bin/ulna bundle create --untrained /tmp/bundle
    .venv/bin/python benchmarks/busy_machine.py /tmp/bundle

Each policy runs in a process of its own, alternating, on a quiet machine and beside one busy loop per core.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

BATCH = 8
ROUNDS = 3

_WORKER = """
import sys, time
from pathlib import Path
import numpy as np
from models.bundle.loading import load_bundle
from models.ensemble import open_ensemble
ensemble = open_ensemble(load_bundle(Path(sys.argv[1])), "cpu")
batch = np.random.default_rng(0).random((int(sys.argv[2]), 224, 224), dtype=np.float32)
ensemble.predict(batch)
started = time.perf_counter()
ensemble.predict(batch)
print(time.perf_counter() - started)
"""


def seconds(bundle: Path, policy: str) -> float:
    environment = os.environ | {"OMP_WAIT_POLICY": policy}
    command = [sys.executable, "-c", _WORKER, str(bundle), str(BATCH)]
    return float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    bundle = parser.parse_args().bundle
    for loops in (0, os.cpu_count() or 1):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
        try:
            times: dict[str, list[float]] = {"ACTIVE": [], "PASSIVE": []}
            for _ in range(ROUNDS):
                for policy, taken in times.items():
                    taken.append(seconds(bundle, policy))
        finally:
            for process in busy:
                process.kill()
        medians = {policy: statistics.median(taken) for policy, taken in times.items()}
        print(
            f"{loops} busy loops: batch of {BATCH}, spinning {medians['ACTIVE']:.2f} s, "
            f"sleeping {medians['PASSIVE']:.2f} s, ratio {medians['ACTIVE'] / medians['PASSIVE']:.2f}"
        )


if __name__ == "__main__":
    main()
