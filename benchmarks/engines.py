"""How long a view takes in each engine, how much memory, and what the work around the members costs.

    OMP_WAIT_POLICY=PASSIVE .venv/bin/python benchmarks/engines.py --rounds 7 --batches 1 4 8

Each engine runs in a process of its own, as in the daemon, and they take turns: what else the machine does
falls on all of them. Ratios are to torch, of the medians; the spread is that of the middle half of the runs.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder

_WORKER = """
import sys, time
from pathlib import Path
started = time.perf_counter()
from models.deployment import deploy
bundle, engine, exports, most = sys.argv[1:]
deployed = deploy(Path(bundle), engine=engine, device="cpu", exports=Path(exports))
ensemble = deployed.ensemble
ready = time.perf_counter() - started
import numpy as np
run = ensemble._engine.run
within = 0.0
def timed(batch):
    global within
    begun = time.perf_counter()
    passes = run(batch)
    within = time.perf_counter() - begun
    return passes
ensemble._engine = type("Timed", (), {"label": ensemble.engine, "run": staticmethod(timed)})()
size = ensemble.preprocessing.input_size
views = np.random.default_rng(0).random((int(most), *size), dtype=np.float32)
print(deployed.notice or ensemble.engine, ready, flush=True, sep="|")
for line in sys.stdin:
    batch = views[: int(line)]
    begun = time.perf_counter()
    ensemble.read(batch)
    whole = time.perf_counter() - begun
    status = Path("/proc/self/status").read_text().split()
    resident, highest = (int(status[status.index(key) + 1]) for key in ("VmRSS:", "VmHWM:"))
    print(whole, whole - within, resident, highest, flush=True)
"""


class Worker:
    """One engine in a process of its own."""

    def __init__(self, bundle: Path, engine: str, exports: Path, *, most: int = 1) -> None:
        command = [sys.executable, "-c", _WORKER, str(bundle), engine, str(exports), str(most)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        label, ready = self._line().split("|")
        self.label, self.ready = label, float(ready)
        self.resident = self.highest = 0.0

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def seconds(self, batch: int) -> tuple[float, float]:
        """Give the seconds for a batch, and those of them that were spent around the engine."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{batch}\n")
        self._process.stdin.flush()
        whole, around, resident, highest = map(float, self._line().split())
        self.resident, self.highest = resident, highest
        return whole, around

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def spread(times: list[float]) -> str:
    quarters = statistics.quantiles(times, n=4, method="inclusive")
    return f"{quarters[0]:.3f}-{quarters[2]:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=bundle_folder, default=bundle_folder(DEFAULT_BUNDLE))
    parser.add_argument("--engines", nargs="+", default=["torch", "openvino"], help="torch comes first")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 8])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        Worker(options.bundle, "openvino", Path(folder)).close()
        print(f"export and start: {time.perf_counter() - begun:.1f} s")
        most = max(options.batches)
        workers = {name: Worker(options.bundle, name, Path(folder), most=most) for name in options.engines}
        try:
            for worker in workers.values():
                print(f"{worker.label}: ready in {worker.ready:.1f} s")
                worker.seconds(1)
            report(workers, options.batches, options.rounds)
        finally:
            for worker in workers.values():
                worker.close()


def report(workers: dict[str, Worker], batches: list[int], rounds: int) -> None:
    print("| engine | batch | a view, s | middle half | ratio | around a view, ms | RSS, MB | highest |")
    print("|---|---|---|---|---|---|---|---|")
    for batch in batches:
        taken: dict[str, list[tuple[float, float]]] = {engine: [] for engine in workers}
        for _ in range(rounds):
            for engine, worker in workers.items():
                taken[engine].append(worker.seconds(batch))
        medians = {e: statistics.median(whole for whole, _ in each) for e, each in taken.items()}
        reference = medians[next(iter(workers))]
        for engine, worker in workers.items():
            views = [whole / batch for whole, _ in taken[engine]]
            around = statistics.median(1000 * around / batch for _, around in taken[engine])
            print(
                f"| {worker.label} | {batch} | {medians[engine] / batch:.3f} | {spread(views)} "
                f"| {medians[engine] / reference:.2f} | {around:.1f} "
                f"| {worker.resident / 1024:.0f} | {worker.highest / 1024:.0f} |"
            )


if __name__ == "__main__":
    main()
