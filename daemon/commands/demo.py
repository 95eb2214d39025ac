"""``ulna demo``: the whole way on sample radiographs."""

import argparse
import signal
import tempfile
import time
from datetime import datetime
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from daemon.app import open_store_of, stages_of
from daemon.clock import now
from daemon.commands.console import console
from daemon.demo import run as play
from daemon.demo.pacs import demo_pacs
from daemon.demo.studies import demo_studies
from daemon.study.priority import Priority
from models.bundle.manifest import BundleIdentity, read_identity


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="new folder for everything (default: a temporary one)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep daemon, PACS and worklist page running until Ctrl-C"
    )
    parser.epilog = (
        "Starts the real daemon and a small PACS on free ports of this machine, sends studies made of the\n"
        "sample radiographs, and shows what came back. Not for diagnostic use."
    )


def run(options: argparse.Namespace) -> int:
    """Play the demonstration; its files stay where the last lines say."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the daemon is stopped then too
    started = time.monotonic()
    folder = (options.data_dir or Path(tempfile.mkdtemp(prefix="ulna-demo-"))).resolve()
    if options.data_dir:
        folder.mkdir(parents=True)
    with demo_pacs(folder / "pacs") as pacs_port, _progress() as progress:
        steps = progress.add_task("turning the samples into DICOM studies", total=None)
        config_path = play.prepare(folder, pacs_port=pacs_port)
        config = play.configuration_of(config_path)
        log = folder / "ulna.log"
        with play.daemon_process(config_path, log) as process:
            studies = demo_studies(folder / "sent", now=now())
            progress.update(steps, description="starting the daemon")
            store = open_store_of(config)
            play.wait_until_ready(process, store, stages_of(config), log)
            progress.update(steps, total=len(studies), completed=0, description="sending studies")
            for number, study in enumerate(studies, start=1):
                play.send(study, config)
                progress.update(steps, completed=number)
            progress.update(steps, completed=0, description="analyzing, reporting, delivering")
            play.wait_until_done(
                store, len(studies), lambda finished: progress.update(steps, completed=finished), log
            )
            shown = play.exhibits(store, folder / "pacs", folder / "exhibits")
            store.close()
            progress.stop()
            _print(shown, folder, read_identity(config.analysis.bundle), seconds=time.monotonic() - started)
            if options.keep:
                _keep(config.web.port)
    return 0


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(),
    )


def _keep(port: int) -> None:
    console().print(f"worklist page: http://127.0.0.1:{port}/   Ctrl-C ends it")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console().print("stopping")


def _print(shown: list[play.Exhibit], folder: Path, bundle: BundleIdentity, *, seconds: float) -> None:
    table = Table("study", "priority", "region", "views", bundle.target.quantity, "flag", "turn-around")
    for number, exhibit in enumerate(shown, start=1):
        entry = exhibit.detail.entry
        table.add_row(
            str(number),
            Priority(entry.priority).name,
            " ".join(entry.regions),
            str(entry.view_count),
            "" if entry.score is None else f"{entry.score:.3f}",
            f"{entry.category}: {entry.reason}" if entry.reason else entry.category,
            _turn_around(exhibit),
        )
    say = console()
    say.print(table)
    say.print(f"overlays as PNG and reports as text: {folder / 'exhibits'}/study-N-...")
    say.print(f"what the PACS received, as DICOM:    {folder / 'pacs'}")
    say.print(f"configuration, data and log:         {folder}")
    say.print(f"{len(shown)} studies in {seconds:.1f} s.")
    say.print(f"Read by {bundle.label}. Intended use: {bundle.intended_use}")
    say.print("Its members were trained on these very radiographs: this shows how ulna works, not how well.")


def _turn_around(exhibit: play.Exhibit) -> str:
    sent: list[datetime] = [
        delivery.sent_at
        for result in exhibit.detail.results
        for delivery in result.deliveries
        if delivery.sent_at is not None
    ]
    return (
        f"{(max(sent) - exhibit.detail.entry.last_instance_at).total_seconds():.1f} s" if sent else "not sent"
    )
