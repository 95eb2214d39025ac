"""``ulna check``: what would keep the daemon from working."""

import argparse
import importlib.util
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from daemon.app import exposures_of
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console
from daemon.config.bundle_check import require_usable
from daemon.config.configuration import Config
from daemon.couriers.registry import courier_of
from daemon.errors import ConfigurationInvalid, DaemonError
from daemon.process.ports import ListenAddress, listen_addresses, require_free
from daemon.process.privacy import this_user
from daemon.store.inspection import look_at_store
from daemon.store.location import database_url
from dicom_io.errors import DicomIoError
from models.bundle.files import verify_files
from models.deployment import planned_engine
from models.errors import EngineUnusable, ModelError

_Check = Callable[[], str]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.epilog = (
        "Reads the configuration, verifies the bundle's hashes, looks at device, store, disk, who else can\n"
        "read them, watched folders and peers, tries both ports and asks every destination (C-ECHO). It\n"
        "changes nothing. Run it as the user of the daemon, before that starts: a running daemon has taken\n"
        "the ports."
    )


def run(options: argparse.Namespace) -> int:
    """Check everything, print what was found; 1 when something is wrong."""
    config = config_of(options)
    table = Table("check", "finding")
    failures = 0
    for name, check in _checks(config):
        try:
            finding, color = check(), "green"
        except SQLAlchemyError as error:
            finding, color = _database_says(error), "red"
        except (DaemonError, DicomIoError, ModelError, OSError) as error:
            finding, color = str(error), "red"
        failures += color == "red"
        table.add_row(name, Text(finding, style=color))
    console().print(table)
    return 1 if failures else 0


def _checks(config: Config) -> Iterator[tuple[str, _Check]]:
    yield "configuration", partial(_configuration, config)
    yield "data directory", partial(_data_dir, config)
    yield "store", partial(_store, config)
    yield "bundle", partial(_bundle, config)
    yield "device", partial(_device, config)
    yield "engine", partial(_engine, config)
    for address in listen_addresses(config):
        yield address.section, partial(_listen, address)
    for number, peer in enumerate(config.receiver.allowed_peers):
        if peer.host:
            key = f"receiver.allowed_peers.{number}.host"
            yield f"peer {peer.ae_title}", partial(_host, key, peer.host)
    for folder in config.watcher.folders:
        yield "watched folder", partial(_watched, folder, config.storage.data_dir)
    for destination in config.destinations:
        yield f"destination {destination.name}", partial(courier_of(destination.kind).probe, destination)


def _configuration(config: Config) -> str:
    mistakes = []
    receiver = config.receiver
    if not receiver.allowed_peers and not receiver.allow_any_peer and not config.watcher.folders:
        mistakes.append("receiver.allowed_peers is empty: nobody may send, and no folder is watched")
    if not config.destinations:
        mistakes.append("destinations: none is configured, so results would stay in data_dir/results")
    if mistakes:
        raise ConfigurationInvalid("the configuration", mistakes)
    return "complete"


def _data_dir(config: Config) -> str:
    folder = config.storage.data_dir
    if not os.path.exists(folder):
        above = _require_makeable(folder)
        return f"{folder}, made at the first start for {this_user()} only, {_free(config, above)} bytes free"
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder; name one in storage.data_dir")
    if exposed := exposures_of(config):
        raise PermissionError("\n".join(exposed))
    _require_rights(folder)
    return f"{folder}, for {this_user()} only, {_free(config, folder)} bytes free"


def _free(config: Config, folder: Path) -> str:
    free, kept = shutil.disk_usage(folder).free, config.storage.min_free_bytes
    if free < kept:
        raise OSError(f"{free:,} bytes free in {folder}, storage.min_free_bytes keeps {kept:,}")
    return f"{free:,}"


def _store(config: Config) -> str:
    return look_at_store(database_url(config.storage.database_url, config.storage.data_dir))


def _database_says(error: SQLAlchemyError) -> str:
    """Return the driver's words without the statement, which is not the reader's business."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return f"the store cannot be used: {cause}; see [storage] in the configuration"


def _bundle(config: Config) -> str:
    identity = verify_files(config.analysis.bundle)
    require_usable(identity, config.analysis)
    return f"{identity.label}, members {', '.join(identity.members)}, digest {identity.digest[:12]}"


def _device(config: Config) -> str:
    device = config.analysis.device
    if device == "cuda":  # only torch can tell, and takes seconds to load
        from models.engines.device import choose_device

        return choose_device(device)
    return "cpu" if device == "cpu" else "auto: a GPU where there is one"


def _engine(config: Config) -> str:
    analysis = config.analysis
    planned = planned_engine(analysis.engine, analysis.device)
    if planned == "torch":
        return "torch, in float32"
    if importlib.util.find_spec("openvino") is None:
        raise EngineUnusable("openvino is not installed, so torch will compute; install ulna again")
    made = any(config.storage.exports.glob("*.json")) if os.access(config.storage.exports, os.R_OK) else False
    return f"openvino, in float32; its network is {'made' if made else 'made at the first start'}"


def _listen(address: ListenAddress) -> str:
    require_free(address)
    return f"port {address.port} of {address.host} is free"


def _host(key: str, host: str) -> str:
    try:
        found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None)})
    except OSError as error:
        raise OSError(
            f"{key} = {host!r}: this machine finds no host of that name ({error.strerror}); "
            "correct it, or write its address"
        ) from error
    return f"{host}, {', '.join(found)}"


def _watched(folder: Path, data_dir: Path) -> str:
    one, other = folder.absolute(), data_dir.absolute()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise OSError(f"watcher.folders: {folder} and storage.data_dir ({data_dir}) must lie apart")
    if not os.path.exists(folder):
        _require_makeable(folder)
        return f"{folder}, made at the first start"
    if not folder.is_dir():
        raise NotADirectoryError(f"watcher.folders: {folder} is no folder")
    _require_rights(folder)
    return f"{folder}"


def _require_makeable(folder: Path) -> Path:
    """Return the folder above that exists already, in which this user can make what is missing."""
    # Unlike Path.exists, this passes over what the user may not even look at.
    above = next(one for one in folder.absolute().parents if os.path.exists(one))
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{folder} does not exist, and {this_user()} may not create it in {above}; "
            f"as root: install -d -m 700 -o {this_user()} {folder}"
        )
    return above


def _require_rights(folder: Path) -> None:
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(f"{folder}: {this_user()} cannot read and write it; correct its owner or mode")
