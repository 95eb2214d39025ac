"""The main job on this machine: start, memory, and what becomes of the sample studies sent many times over.

    .venv/bin/python benchmarks/main_way.py --rounds 5

Runs the real daemon with the bundle that comes with ulna and the demonstration's PACS on loopback, and prints
seconds to ready, resident memory of each stage, views per second and the turn-around of studies. Figures of
one machine on one day: compare only within a run.
"""

import argparse
import os
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from daemon.app import open_store_of, stages_of
from daemon.clock import now
from daemon.demo import run as play
from daemon.demo.pacs import demo_pacs
from daemon.demo.studies import demo_studies
from daemon.store.listing import worklist_entries
from daemon.store.stages import stage_records
from daemon.store.worklist import study_detail


def resident_megabytes(pid: int) -> float:
    (line,) = [x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often the six studies are sent")
    rounds = parser.parse_args().rounds
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with tempfile.TemporaryDirectory() as name, demo_pacs(Path(name) / "pacs") as pacs_port:
        folder = Path(name)
        config_path = play.prepare(folder, pacs_port=pacs_port)
        config, log = play.configuration_of(config_path), folder / "ulna.log"
        studies = [
            study
            for number in range(rounds)
            for study in demo_studies(folder / f"sent-{number}", now=now() + timedelta(seconds=number))
        ]
        started = time.perf_counter()
        with play.daemon_process(config_path, log) as process:
            store = open_store_of(config)
            play.wait_until_ready(process, store, stages_of(config), log)
            print(f"ready after {time.perf_counter() - started:.1f} s")
            sending = time.perf_counter()
            for study in studies:
                play.send(study, config)
            print(f"{len(studies)} studies acknowledged in {time.perf_counter() - sending:.1f} s")
            play.wait_until_done(store, len(studies), lambda _finished: None, log)
            seconds = time.perf_counter() - sending
            views = sum(study.views for study in studies)
            print(f"all delivered after {seconds:.1f} s: {views / seconds:.2f} views/s")
            memory = {
                r.name.rpartition("/")[2]: resident_megabytes(r.process_id) for r in stage_records(store)
            }
            memory["supervisor"] = resident_megabytes(process.pid)
            for stage, megabytes in memory.items():
                print(f"{stage:12} {megabytes:7.0f} MB")
            print(f"{'together':12} {sum(memory.values()):7.0f} MB")
            taken = []
            for entry in worklist_entries(store):
                detail = study_detail(store, entry.study_instance_uid)
                sent = [d.sent_at for r in detail.results for d in r.deliveries if d.sent_at is not None]
                taken.append((max(sent) - entry.last_instance_at).total_seconds())
            print(f"turn-around: median {statistics.median(taken):.1f} s, longest {max(taken):.1f} s")
            store.close()


if __name__ == "__main__":
    main()
