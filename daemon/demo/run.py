"""This module plays the demonstration: start, send, watch, collect, stop."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from pydicom import dcmread

from daemon.config.configuration import Config, read_config
from daemon.demo.pacs import AE_TITLE as PACS_AE_TITLE
from daemon.demo.studies import DemoStudy
from daemon.errors import DaemonError
from daemon.process.stage import POLL_SECONDS
from daemon.store.database import Store
from daemon.store.listing import worklist_entries
from daemon.store.shown import StudyDetail
from daemon.store.stages import stage_records
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import is_unfinished
from dicom_io.network.scu import Address
from dicom_io.network.store_scu import send_files
from sr_templates.outline import outline

READY_SECONDS = 120.0
DONE_SECONDS = 240.0
MODALITY_AE_TITLE = "DEMOMODALITY"

_CONFIG = """\
# Written by `ulna demo`: everything on this machine only, ports that were free.
[storage]
data_dir = "{folder}/data"
min_free_bytes = 100000000

[receiver]
ae_title = "ULNA"
host = "127.0.0.1"
port = {receiver_port}
allowed_peers = [{{ ae_title = "{modality}", host = "127.0.0.1" }}]

[study]
settle_seconds = 1.0
quiet_seconds = 4.0
max_wait_seconds = 30.0

[analysis]
engine = "torch"                        # for a few studies it is ready sooner

[[destinations]]
name = "demo-pacs"
ae_title = "{pacs}"
host = "127.0.0.1"
port = {pacs_port}

[web]
port = {web_port}
"""


class DemoFailed(DaemonError):
    """The demonstration did not come to its end; the message names the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """What there is to see of one study: pictures as PNG, the report as text."""

    detail: StudyDetail
    pictures: tuple[Path, ...]
    report: Path | None


def prepare(folder: Path, *, pacs_port: int) -> Path:
    """Write a configuration with the shipped bundle; return its path."""
    path = folder / "config.toml"
    path.write_text(
        _CONFIG.format(
            folder=folder,
            receiver_port=_free_port(),
            web_port=_free_port(),
            pacs_port=pacs_port,
            pacs=PACS_AE_TITLE,
            modality=MODALITY_AE_TITLE,
        ),
        encoding="utf-8",
    )
    return path


@contextmanager
def daemon_process(config_path: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `ulna serve` as a process of its own; stop it at the end."""
    command = [sys.executable, "-m", "daemon", "serve", "--config", str(config_path)]
    with log.open("wb") as output:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ULNA_")}
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, process_group=0
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_until_ready(
    process: subprocess.Popen[bytes], store: Store, stages: Sequence[str], log: Path
) -> None:
    """Wait until every stage has been seen at work.

    Raises
    ------
    DemoFailed
        The daemon ended, or took too long.
    """

    def is_ready() -> bool:
        if process.poll() is not None:
            raise DemoFailed(f"the daemon ended with status {process.returncode}; see {log}")
        seen = {record.name.rpartition("/")[2] for record in stage_records(store) if not record.condition}
        return seen >= set(stages)

    _wait(is_ready, READY_SECONDS, f"the daemon was not ready in time; see {log}")


def send(study: DemoStudy, config: Config) -> None:
    """Send a study as a modality would.

    Raises
    ------
    DemoFailed
        An instance was not acknowledged.
    """
    address = Address(ae_title=config.receiver.ae_title, host="127.0.0.1", port=config.receiver.port)
    outcomes = send_files(study.paths, address, calling_ae_title=MODALITY_AE_TITLE)
    errors = [str(outcome.error) for outcome in outcomes if outcome.error is not None]
    if errors:
        raise DemoFailed(f"an instance was not acknowledged: {errors[0]}")


def wait_until_done(store: Store, count: int, on_progress: Callable[[int], None], log: Path) -> None:
    """Wait until a number of studies has come to its end.

    Raises
    ------
    DemoFailed
        It took too long.
    """

    def is_done() -> bool:
        finished = sum(not is_unfinished(entry.state) for entry in worklist_entries(store))
        on_progress(finished)
        return finished >= count

    _wait(is_done, DONE_SECONDS, f"the studies were not done in time; see {log}")


def exhibits(store: Store, pacs_folder: Path, folder: Path) -> list[Exhibit]:
    """Turn what the PACS received into pictures and text, study by study."""
    folder.mkdir(exist_ok=True)
    arrived = sorted(worklist_entries(store), key=lambda entry: entry.opened_at)
    return [
        _exhibit(study_detail(store, entry.study_instance_uid), number, pacs_folder, folder)
        for number, entry in enumerate(arrived, start=1)
    ]


def configuration_of(path: Path) -> Config:
    """Read the configuration that `prepare` wrote, whatever the environment says."""
    return read_config(path, environment={})


def _exhibit(detail: StudyDetail, number: int, pacs_folder: Path, folder: Path) -> Exhibit:
    pictures: list[Path] = []
    report = None
    for result in detail.results:
        # By another library than the one that is shown: this is what a viewer in the hospital would find.
        ds = dcmread(pacs_folder / f"{result.sop_instance_uid}.dcm")
        if result.kind == "sc":
            pictures.append(folder / f"study-{number}-view-{len(pictures) + 1}.png")
            Image.fromarray(ds.pixel_array).save(pictures[-1])
        else:
            report = folder / f"study-{number}-report.txt"
            report.write_text(outline(ds), encoding="utf-8")
    return Exhibit(detail=detail, pictures=tuple(pictures), report=report)


def _wait(is_over: Callable[[], bool], seconds: float, complaint: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_over():
        if time.monotonic() > deadline:
            raise DemoFailed(complaint)
        time.sleep(POLL_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
