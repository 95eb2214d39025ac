"""``ulna worklist``: the studies in the order in which to read them."""

import argparse
from contextlib import closing
from dataclasses import asdict

from rich.table import Table

from daemon.app import open_store_of
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console, print_json_list
from daemon.store.listing import worklist_entries
from daemon.store.shown import WorklistEntry
from daemon.study.lifecycle import StudyState
from daemon.study.priority import Priority
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
    with closing(open_store_of(config_of(options))) as store:
        entries = worklist_entries(store)
        if options.json:
            # As before: the priority is a number, and there is no category until there is a report.
            print_json_list(entry_values(entry) | asdict(entry) for entry in entries)
            return 0
        table = Table(
            "priority",
            "category",
            "probability",
            "regions",
            "views",
            "accession",
            "patient",
            "study",
            "state",
        )
        for entry in entries:
            table.add_row(*_cells(entry))
    console(wide=options.wide).print(table if table.row_count else "no study yet")
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
    if entry.dead_destinations and entry.state is not StudyState.FAILED:
        said = f"{said}: not delivered to {', '.join(entry.dead_destinations)}, needs a person"
    if entry.dead_destinations and entry.waiting_destinations:
        said = f"{said}; {', '.join(entry.waiting_destinations)} will be tried again"
    return f"old study, {said}" if entry.is_old else said
