"""``ulna check``: what would keep the daemon from working."""

import argparse
import os
import shutil
import socket
from collections.abc import Callable, Iterator

from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from daemon.app import exposures_of, open_store_of, take_data_dir
from daemon.bundle_check import require_usable
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console
from daemon.config import Config, Destination
from daemon.errors import ConfigurationInvalid, DaemonError
from dicom_io.errors import DicomIoError
from dicom_io.scu import Address, Timeouts, echo
from models.errors import ModelError

_TIMEOUTS = Timeouts(connect_seconds=5.0, associate_seconds=5.0, response_seconds=5.0)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.epilog = (
        "Reads the configuration, verifies the bundle's hashes, opens the store, looks at the disk and who\n"
        "else can read it, and sends a C-ECHO to every destination. Run it before the daemon is started:\n"
        "then the receiver's port is checked too."
    )


def run(options: argparse.Namespace) -> int:
    """Check everything, print what was found; 1 when something is wrong."""
    config = config_of(options)
    table = Table("check", "finding")
    failures = 0
    for name, check in _checks(config):
        try:
            finding, color = check(), "green"
        except (DaemonError, DicomIoError, ModelError, SQLAlchemyError, OSError) as error:
            finding, color = str(error), "red"
            failures += 1
        table.add_row(name, f"[{color}]{finding}[/]")
    console().print(table)
    return 1 if failures else 0


def _checks(config: Config) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "configuration", lambda: _configuration(config)
    yield "data directory", lambda: _data_dir(config)
    yield "store", lambda: _store(config)
    yield "bundle", lambda: _bundle(config)
    yield "receiver", lambda: _receiver(config)
    for destination in config.destinations:
        yield f"destination {destination.name}", lambda destination=destination: _echo(destination)  # type: ignore[misc]


def _configuration(config: Config) -> str:
    if (
        not config.receiver.allowed_peers
        and not config.receiver.allow_any_peer
        and not config.watcher.folders
    ):
        raise ConfigurationInvalid(
            "receiver", ["allowed_peers is empty: nobody may send, and no folder is watched"]
        )
    if not config.destinations:
        raise ConfigurationInvalid("destinations", ["there is none: results would stay in data_dir/results"])
    return "complete"


def _data_dir(config: Config) -> str:
    folder = config.storage.data_dir
    take_data_dir(config)
    if exposed := exposures_of(config):
        raise PermissionError("\n".join(exposed))
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written by this user")
    free = shutil.disk_usage(folder).free
    if free < config.storage.min_free_bytes:
        raise OSError(
            f"{free:,} bytes free in {folder}, storage.min_free_bytes keeps {config.storage.min_free_bytes:,}"
        )
    return f"{folder}, for this user only, {free:,} bytes free"


def _store(config: Config) -> str:
    store = open_store_of(config)
    try:
        return store.engine.url.render_as_string(hide_password=True)
    finally:
        store.close()


def _bundle(config: Config) -> str:
    from models.bundle import verify_bundle

    identity = verify_bundle(config.analysis.bundle)
    require_usable(identity, config.analysis)
    return f"{identity.label}, members {', '.join(identity.members)}, digest {identity.digest[:12]}"


def _receiver(config: Config) -> str:
    receiver = config.receiver
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((receiver.host, receiver.port))
    return f"{receiver.ae_title}, port {receiver.port} is free"


def _echo(destination: Destination) -> str:
    address = Address(ae_title=destination.ae_title, host=destination.host, port=destination.port)
    echo(address, calling_ae_title=destination.calling_ae_title, timeouts=_TIMEOUTS)
    return f"{address} answers"
