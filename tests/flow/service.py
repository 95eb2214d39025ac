"""The real daemon as a process, and what a test sees of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from daemon.app import stages_of
from daemon.config.configuration import Config, read_config
from daemon.store.database import Store, open_store
from daemon.store.listing import worklist_entries
from daemon.store.location import database_url
from daemon.store.shown import StudyDetail
from daemon.store.stages import stage_records
from daemon.store.worklist import study_detail
from daemon.study.lifecycle import is_unfinished
from tests.flow.ports import free_port
from tests.processes import is_alive

SENDER_AE_TITLE = "MODALITY"

_CONFIG = """\
[storage]
data_dir = "{folder}/data"
min_free_bytes = {min_free_bytes}
[receiver]
host = "127.0.0.1"
port = {receiver_port}
allowed_peers = [{{ ae_title = "{sender}", host = "127.0.0.1" }}]
[study]
max_age_days = 0
settle_seconds = 0.5
quiet_seconds = {quiet_seconds}
max_wait_seconds = 60.0
[analysis]
bundle = "{bundle}"
allow_untrained = true
engine = "{engine}"
[web]
port = {web_port}
"""

_DESTINATION = """\
[[destinations]]
name = "{name}"
ae_title = "{ae_title}"
host = "127.0.0.1"
port = {port}
timeout_seconds = 5.0
"""


class Service:
    """A running daemon."""

    def __init__(self, config_path: Path, log: Path) -> None:
        self.config_path = config_path
        self.config: Config = read_config(config_path, environment={})
        self.log = log
        self.store: Store = open_store(
            database_url(self.config.storage.database_url, self.config.storage.data_dir)
        )
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the daemon, also after it was killed."""
        command = [sys.executable, "-m", "daemon", "serve", "--config", str(self.config_path)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ULNA_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, process_group=0)
        self.wait_for(self._is_ready, "ready", 120, every=0.1)
        return self.process

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended:\n{self.log.read_text()}")
        healthy = {record.process_id for record in stage_records(self.store) if not record.condition}
        working = {name for pid, name in self.stages() if pid in healthy}
        return working >= set(stages_of(self.config))

    def stages(self) -> list[tuple[int, str]]:
        """Give process id and name of each stage that runs."""
        return [
            (record.process_id, record.name.rpartition("/")[2])
            for record in stage_records(self.store)
            if is_alive(record.process_id)
        ]

    def kill_stage(self, name: str) -> None:
        """Kill one stage as the kernel does when memory runs out."""
        (pid,) = [pid for pid, stage in self.stages() if stage == name]
        os.kill(pid, signal.SIGKILL)

    def kill_everything(self) -> None:
        """Kill supervisor and stages, as a power cut does."""
        pids = [pid for pid, _name in self.stages()]
        self.process.kill()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Stop it as systemd does; give the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def storescu(self, files: Sequence[Path], *options: str) -> subprocess.CompletedProcess[str]:
        """Send files with DCMTK."""
        process = self.start_storescu(files, *options)
        output, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start_storescu(self, files: Sequence[Path], *options: str) -> subprocess.Popen[str]:
        """Begin to send files with DCMTK."""
        command = ["storescu", *options, "-aet", SENDER_AE_TITLE, "-aec", self.config.receiver.ae_title]
        address = ["127.0.0.1", str(self.config.receiver.port)]
        return subprocess.Popen(
            [*command, *address, *map(str, files)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TCP_NODELAY": "1"},
        )

    def study(self, study_instance_uid: str) -> StudyDetail:
        """Give what the store knows of a study."""
        return study_detail(self.store, study_instance_uid)

    def wait_until_done(self, *study_instance_uids: str, seconds: float = 120) -> None:
        """Wait until studies have come to their end."""

        def is_done() -> bool:
            states = {entry.study_instance_uid: entry.state for entry in worklist_entries(self.store)}
            return all(uid in states and not is_unfinished(states[uid]) for uid in study_instance_uids)

        self.wait_for(is_done, "done", seconds, every=0.1)

    def wait_for(
        self, holds: Callable[[], bool], what: str, seconds: float = 60, *, every: float = 0.02
    ) -> None:
        """Wait until something holds, asked as often; fail with the log when it does not come.

        Asking takes time from the daemon: what lasts need not be asked for often.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not {what} in {seconds} s:\n{self.log.read_text()[-6000:]}")
            time.sleep(every)


@contextmanager
def running_service(
    folder: Path,
    bundle: Path,
    *,
    destinations: Sequence[tuple[str, str, int]],
    quiet_seconds: float = 2.0,
    min_free_bytes: int = 0,
    extra: str = "",
    engine: str = "torch",
) -> Iterator[Service]:
    """Run the daemon with everything below `folder`; (name, AE title, port) is a destination.

    Its first start takes seconds less with torch than with another engine.
    """
    (folder / "data").mkdir(parents=True)
    text = _CONFIG.format(
        folder=folder,
        bundle=bundle,
        receiver_port=free_port(),
        web_port=free_port(),
        sender=SENDER_AE_TITLE,
        quiet_seconds=quiet_seconds,
        min_free_bytes=min_free_bytes,
        engine=engine,
    )
    text += "".join(_DESTINATION.format(name=n, ae_title=a, port=p) for n, a, p in destinations) + extra
    config_path = folder / "config.toml"
    config_path.write_text(text)
    with configured_service(config_path) as service:
        yield service


@contextmanager
def configured_service(config_path: Path) -> Iterator[Service]:
    """Run the daemon as a configuration says; its log comes to lie beside that."""
    service = Service(config_path, config_path.parent / "ulna.log")
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()
        service.store.close()


def ulna(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ULNA_")}
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment | {"COLUMNS": "300"},
        check=False,
    )


def resident_bytes(pid: int) -> int:
    """Give the resident set of a process."""
    (line,) = [x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS")]
    return int(line.split()[1]) * 1024
