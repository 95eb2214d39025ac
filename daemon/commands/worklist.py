"""``ulna worklist``: the studies in the order in which to read them."""

import argparse
from dataclasses import asdict

from rich.table import Table

from daemon.app import open_store_of
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console, print_json
from daemon.store.shown import WorklistEntry
from daemon.store.worklist import worklist_entries
from daemon.study.closing import Priority, reading_order
from daemon.study_json import entry_values


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument(
        "--wide",
        action="store_true",
        help="cut nothing to the terminal's width; without a terminal nothing is",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def run(options: argparse.Namespace) -> int:
    """Print the worklist; it holds patient data."""
    store = open_store_of(config_of(options))
    entries = reading_order(worklist_entries(store))
    store.close()
    if options.json:
        # Scripts read what was there before: the priority as a number, and no category until there is one.
        print_json([entry_values(entry) | asdict(entry) for entry in entries])
        return 0
    table = Table(
        "priority", "category", "probability", "regions", "views", "accession", "patient", "study", "state"
    )
    for entry in entries:
        table.add_row(*_cells(entry))
    console(wide=options.wide).print(table if entries else "no study yet")
    return 0


def _cells(entry: WorklistEntry) -> tuple[str, ...]:
    return (
        Priority(entry.priority).name,
        entry.category or "in progress",
        "" if entry.score is None else f"{entry.score:.3f}",
        " ".join(entry.regions),
        str(entry.view_count),
        entry.identity.accession_number,
        entry.identity.patient_id,
        entry.study_instance_uid,
        _state(entry),
    )


def _state(entry: WorklistEntry) -> str:
    said = f"{entry.state}: {entry.reason}" if entry.reason else entry.state
    return f"old study, {said}" if entry.is_old else said
