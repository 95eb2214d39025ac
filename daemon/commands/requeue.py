"""``ulna requeue``: let a study, or what did not reach a destination, be tried again."""

import argparse
from collections.abc import Iterable
from contextlib import closing

from daemon.app import open_store_of
from daemon.clock import now
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console, error_console
from daemon.config.mistakes import nearest_to
from daemon.errors import UnknownDestination
from daemon.store.database import Store
from daemon.store.dead_letters import DeadLetters, dead_letters, requeue_dead_letters
from daemon.store.deliveries import requeue_study
from daemon.store.patients import confirm_patient


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "study_instance_uid",
        nargs="?",
        metavar="STUDY_UID",
        help="Study Instance UID; `ulna worklist` lists them",
    )
    what.add_argument(
        "--destination", metavar="NAME", help="send again all that was not delivered to this destination"
    )
    what.add_argument("--all", action="store_true", help="send again all that was not delivered anywhere")
    parser.add_argument(
        "--confirm-patient",
        action="store_true",
        help="let a study that was corrected to another patient go on, though results went out under the "
        "first; remove those from the PACS before",
    )
    parser.epilog = (
        "Results that could not be delivered are sent again, as stored; where none of a study failed, all\n"
        "results of its newest revision are. A report that could not be built is built again."
    )


def run(options: argparse.Namespace) -> int:
    """Requeue one study, or the dead letters of one or all destinations."""
    if options.confirm_patient and options.study_instance_uid is None:
        error_console().print("ulna requeue: --confirm-patient asks for one study, by its STUDY_UID")
        return 2
    config = config_of(options)
    with closing(open_store_of(config)) as store:
        if options.study_instance_uid is not None:
            return _requeue_study(store, options.study_instance_uid, confirmed=options.confirm_patient)
        names = {destination.name for destination in config.destinations}
        if options.destination is None:
            letters = dead_letters(store)
            return _requeue(store, names, {*names, *letters.sendable, *letters.withheld})
        if options.destination not in names:
            raise _unknown(options.destination, names)
        return _requeue(store, {options.destination}, {options.destination})


def _requeue_study(store: Store, study_instance_uid: str, *, confirmed: bool) -> int:
    if confirmed:
        confirm_patient(store, study_instance_uid, now=now())
        console().print("the study is analyzed and reported anew, under the patient whom it names now")
        return 0
    count = requeue_study(store, study_instance_uid)
    console().print(f"{_deliveries(count)} due again" if count else "the study is reported again")
    return 0


def _requeue(store: Store, destinations: set[str], asked_for: set[str]) -> int:
    count = requeue_dead_letters(store, destinations)
    console().print(f"{_deliveries(count)} due again" if count else "no dead letter can be sent again")
    left = [*_left(dead_letters(store), asked_for)]
    for sentence in left:
        console().print(sentence)
    return 1 if left else 0


def _left(letters: DeadLetters, destinations: set[str]) -> Iterable[str]:
    """Say what stays dead of what was asked for."""
    for name in sorted(destinations & letters.sendable.keys()):
        yield f"{letters.sendable[name]} to {name} stay: the configuration names no such destination"
    for name in sorted(destinations & letters.withheld.keys()):
        number = letters.withheld[name]
        yield f"{number} to {name} stay: instances of different patients are in their studies"


def _deliveries(count: int) -> str:
    return f"{count} delivery is" if count == 1 else f"{count} deliveries are"


def _unknown(name: str, known: Iterable[str]) -> UnknownDestination:
    names = sorted(known)
    meant = nearest_to(name, names)
    hint = f"did you mean {meant}?" if meant else f"the configuration names: {', '.join(names) or 'none'}"
    return UnknownDestination(f"no destination {name!r}; {hint}")
