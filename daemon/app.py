"""This module is the composition root: it builds every part of the daemon and hands each what it needs.

What runs is imported only when it starts: the receiver never loads torch, the analyzer only where it is the
engine and never the network, and the supervisor, for which all wait, loads neither store nor DICOM.
"""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import logs
from daemon.clock import now
from daemon.config.bundle_check import require_usable
from daemon.config.configuration import Config
from daemon.process import sd_notify
from daemon.process.lifeline import end_with_supervisor
from daemon.process.node import node_of
from daemon.process.privacy import exposures, keep_private
from daemon.process.stage_name import StageName
from daemon.spool import Spool, make_data_dir
from daemon.store.location import database_files, database_url
from daemon.store.schema import is_known_current
from models.bundle.manifest import read_identity
from models.errors import ModelError

if TYPE_CHECKING:
    from daemon.process.stage import StageProcess
    from daemon.store.database import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every stage is built from."""

    config: Config
    store: "Store"
    spool: Spool


def serve(config: Config, config_arguments: list[str]) -> int:
    """Run all stages under a supervisor until a signal comes; return the exit status.

    Raises
    ------
    ConfigurationInvalid, BundleRefused
        Before anything is started.
    """
    from daemon.process.supervisor import Supervisor, stage_command

    logs.set_up(level=config.logging.level, format_=config.logging.format, stage="supervisor")
    require_usable(read_identity(config.analysis.bundle), config.analysis)
    _prepare_storage(config)
    if not is_known_current(_url_of(config)):
        # Here and not in a stage: a migration may take longer than a stage is waited for.
        open_store_of(config, author="supervisor").close()
    with tempfile.TemporaryDirectory(prefix="ulna-") as folder:
        listener = sd_notify.listen(Path(folder) / "notify")
        try:
            commands = {name: stage_command(name, config_arguments) for name in stages_of(config)}
            return Supervisor(commands, listener).run()
        finally:
            listener.close()


def run_stage(name: StageName, config: Config) -> None:
    """Run one stage in this process until a signal comes, or the supervisor that started it is gone."""
    logs.set_up(level=config.logging.level, format_=config.logging.format, stage=name)
    end_with_supervisor()

    from daemon.process.bell import Bell
    from daemon.process.stage import StageProcess
    from daemon.process.stage_lock import exclusive

    parts = Parts(config, open_store_of(config, author=name), _prepare_storage(config))
    with exclusive(config.storage.data_dir, parts.spool.node, name):
        node, shared = parts.spool.node, not database_files(_url_of(config))
        bell = Bell(config.storage.data_dir, f"{node}/{name}")
        stage = StageProcess(name, parts.store, node=node, bell=bell, shared=shared)
        stage.stop_on_signals()
        _RUN[name](parts, stage)
    parts.store.close()


def stages_of(config: Config) -> tuple[StageName, ...]:
    """Return the stages that this configuration calls for."""
    needless = set()
    if not config.watcher.folders:
        needless.add(StageName.WATCHER)
    if not config.web.enabled:
        needless.add(StageName.WEB)
    return tuple(name for name in StageName if name not in needless)


def open_store_of(config: Config, *, author: str = "command") -> "Store":
    """Open the store that a configuration names; a new one where there is none.

    `author` stands in the history beside what is changed through it.
    """
    from daemon.store.database import open_store

    take_data_dir(config)
    return open_store(_url_of(config), author=author)


def take_data_dir(config: Config) -> None:
    """Make the data directory, and keep it and all that this process writes from now on to this user.

    Every way to the data directory leads through here. Commands that do not open it, like ``ulna analyze``
    and ``ulna train``, write where the user says, and his own umask says for whom.
    """
    data_dir = config.storage.data_dir
    make_data_dir(data_dir)
    keep_private(data_dir, database_files(_url_of(config)))


def exposures_of(config: Config) -> list[str]:
    """Return what of the data directory is open to others in spite of `take_data_dir`."""
    return exposures(config.storage.data_dir, database_files(_url_of(config)))


def product() -> str:
    """Name the product and its version."""
    return f"ulna {version('ulna')}"


def _prepare_storage(config: Config) -> Spool:
    take_data_dir(config)
    spool = Spool(config.storage.data_dir, node_of(config.storage.node, config.storage.data_dir))
    spool.prepare()
    for exposure in exposures_of(config):
        log.warning("patient data is open to others", extra={"finding": exposure})
    return spool


def _url_of(config: Config) -> str:
    return database_url(config.storage.database_url, config.storage.data_dir)


def _run_receiver(parts: Parts, stage: "StageProcess") -> None:
    from daemon.intake import Intake
    from daemon.intake_rule import IntakeRule
    from daemon.stages.receiver import Receiver

    intake = Intake(parts.spool, parts.store, IntakeRule.from_config(parts.config), now, stage.tell)
    Receiver(intake, parts.store, parts.config).run(stage)


def _run_watcher(parts: Parts, stage: "StageProcess") -> None:
    from daemon.intake import Intake
    from daemon.intake_rule import IntakeRule
    from daemon.stages.watcher import Watcher

    intake = Intake(parts.spool, parts.store, IntakeRule.from_config(parts.config), now, stage.tell)
    folders, settle_seconds = parts.config.watcher.folders, parts.config.watcher.settle_seconds
    Watcher(intake, parts.spool, folders, settle_seconds=settle_seconds).run(stage)


def _run_analyzer(parts: Parts, stage: "StageProcess") -> None:
    from daemon.pipeline.serving import deploy_configured
    from daemon.stages.analyzer import Analyzer
    from dicom_io.decoding.decoder import Decoder

    analysis = parts.config.analysis
    with Decoder() as decoder:  # gets ready while the bundle is loaded
        deployed = deploy_configured(analysis, parts.config.storage, make_export=True)
        ensemble = deployed.ensemble
        told = {"device": deployed.device, "engine": ensemble.engine, "notice": deployed.notice}
        level = logging.WARNING if deployed.notice else logging.INFO
        log.log(level, "bundle loaded", extra={"bundle": ensemble.identity.label, **told})
        stage.note(deployed.notice)
        decoder.wait_until_ready()
        analyzer = Analyzer(
            parts.store,
            parts.spool,
            decoder,
            ensemble,
            operating_point=analysis.operating_point,
            max_batch=analysis.max_batch,
        )
        analyzer.run(stage)


def _run_reporter(parts: Parts, stage: "StageProcess") -> None:
    from daemon.stages.reporter import Reporter
    from dicom_io.decoding.decoder import Decoder

    bundle = read_identity(parts.config.analysis.bundle)
    with Decoder() as decoder:
        reporter = Reporter(parts.store, parts.spool, decoder, parts.config, bundle=bundle)
        decoder.wait_until_ready()
        reporter.run(stage)


def _run_sender(parts: Parts, stage: "StageProcess") -> None:
    from daemon.stages.sender import Sender

    Sender(parts.store, parts.spool, parts.config.destinations).run(stage)


def _run_housekeeper(parts: Parts, stage: "StageProcess") -> None:
    from daemon.stages.housekeeper import Housekeeper

    storage = parts.config.storage
    keeper = Housekeeper(
        parts.store,
        parts.spool,
        retention_days=storage.retention_days,
        event_days=storage.event_days,
        measurement_days=storage.measurement_days,
    )
    keeper.run(stage)


def _run_web(parts: Parts, stage: "StageProcess") -> None:
    from daemon.stages.page import Page
    from daemon.web.app import Setting, Wanted
    from daemon.web.stated import stated_bundle

    config = parts.config
    try:
        bundle = stated_bundle(config.analysis.bundle, config.analysis.operating_point)
    except ModelError as error:  # a machine that only serves the page needs no bundle
        log.warning("the page cannot say what its bundle states", extra={"error": str(error)})
        bundle = None
    setting = Setting(
        product=product(),
        wanted=Wanted(stages=stages_of(config), free_bytes=config.storage.min_free_bytes),
        host_names=config.web.host_names,
        study=config.study,
        bundle=bundle,
    )
    Page(parts.store, parts.spool, setting, config).run(stage)


_RUN: dict[StageName, Callable[[Parts, "StageProcess"], None]] = {
    StageName.RECEIVER: _run_receiver,
    StageName.WATCHER: _run_watcher,
    StageName.ANALYZER: _run_analyzer,
    StageName.REPORTER: _run_reporter,
    StageName.SENDER: _run_sender,
    StageName.HOUSEKEEPER: _run_housekeeper,
    StageName.WEB: _run_web,
}
