"""``ulna requeue``: let a study be tried again."""

import argparse

from daemon.app import open_store_of
from daemon.clock import now
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console
from daemon.store.deliveries import requeue_study
from daemon.store.patients import confirm_patient


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument(
        "study_instance_uid", metavar="STUDY_UID", help="Study Instance UID; `ulna worklist` lists them"
    )
    parser.add_argument(
        "--confirm-patient",
        action="store_true",
        help="let a study that was corrected to another patient go on, though results went out under the "
        "first; remove those from the PACS before",
    )
    parser.epilog = (
        "Results that could not be delivered are sent again, as stored; where none failed, all results of\n"
        "the newest revision are. A report that could not be built is built again."
    )


def run(options: argparse.Namespace) -> int:
    """Requeue one study."""
    store = open_store_of(config_of(options))
    try:
        if options.confirm_patient:
            confirm_patient(store, options.study_instance_uid, now=now())
            console().print("the study is analyzed and reported anew, under the patient whom it names now")
            return 0
        count = requeue_study(store, options.study_instance_uid)
    finally:
        store.close()
    console().print(f"{count} deliveries are due again" if count else "the study is reported again")
    return 0
