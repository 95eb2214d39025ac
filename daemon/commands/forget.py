"""``ulna forget``: remove a study with all that belongs to it."""

import argparse
import sys
from collections.abc import Mapping
from functools import partial

from daemon.app import open_store_of
from daemon.clock import now
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console
from daemon.spool import Spool
from daemon.store.forgetting import Holdings, forget_study, holdings
from daemon.study.lifecycle import DeliveryState

_UNSENT = (DeliveryState.PENDING, DeliveryState.WAITING, DeliveryState.DEAD)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument(
        "study_instance_uid", metavar="STUDY_UID", help="Study Instance UID; `ulna worklist` lists them"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.epilog = (
        "Instances, results, deliveries and history go, and the files in spool, results and quarantine.\n"
        "What was sent stays where it is. Left are a row without identifiers for statistics, and the event\n"
        "that says when the study was removed. A study that comes again is a new one."
    )


def run(options: argparse.Namespace) -> int:
    """Say what would be removed, ask, and remove it."""
    if not options.yes and not sys.stdin.isatty():
        print("ulna forget: there is no terminal to ask on; add --yes to remove the study", file=sys.stderr)
        return 2
    uid = options.study_instance_uid
    config = config_of(options)
    store, spool = open_store_of(config), Spool(config.storage.data_dir)
    try:
        found, quarantined = holdings(store, uid), spool.quarantined(uid)
        console().print(_told(uid, found, len(quarantined) // 2))
        if not options.yes and not _is_wanted():
            console().print("nothing was removed")
            return 1
        paths = forget_study(store, uid, now=now(), before=partial(spool.remove, quarantined))
    finally:
        store.close()
    spool.remove(paths)
    console().print(f"study {uid} is removed")
    return 0


def _is_wanted() -> bool:
    try:
        answer = input("Remove all of it? It cannot be brought back. [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


def _told(uid: str, found: Holdings, quarantined: int) -> str:
    unsent = sum(found.deliveries.get(state, 0) for state in _UNSENT)
    lines = [
        f"study {uid}, {found.state}",
        f"  instances   {_counted(found.instances)}",
        f"  results     {found.results}",
        f"  deliveries  {_counted(found.deliveries)}",
        f"  files       {len(found.paths)} in spool and results, {quarantined} in quarantine",
    ]
    if unsent:
        lines.append(f"  {unsent} deliveries have not reached their destination, and never will")
    return "\n".join(lines)


def _counted(states: Mapping[str, int]) -> str:
    said = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    return f"{sum(states.values())} ({said})" if said else "none"
