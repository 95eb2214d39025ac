"""``ulna send``: send files to a DICOM node."""

import argparse
from pathlib import Path

from rich.progress import Progress

from daemon.commands.console import console, error_console
from daemon.commands.files import files_below
from dicom_io.network.scu import Address, parse_address, parse_ae_title
from dicom_io.network.store_scu import SendOutcome, send_files


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--to",
        type=_address,
        required=True,
        metavar="AET@HOST:PORT",
        help="for example ORTHANC@localhost:4242",
    )
    parser.add_argument(
        "--calling",
        type=_ae_title,
        default="ULNA",
        metavar="AET",
        help="how we name ourselves (default: ULNA)",
    )
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="DICOM files, or folders of them")


def run(options: argparse.Namespace) -> int:
    """Send, and name what was not accepted."""
    files = list(files_below(options.paths))
    with Progress(console=error_console()) as progress:
        task = progress.add_task(f"to {options.to}", total=len(files))
        outcomes = send_files(
            files,
            options.to,
            calling_ae_title=options.calling,
            on_progress=lambda _outcome: progress.advance(task),
        )
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed:
        error_console().print(f"not sent: {_name(outcome)}: {outcome.error}")
    console().print(f"{len(outcomes) - len(failed)} of {len(outcomes)} sent to {options.to}")
    return 1 if failed or not outcomes else 0


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _ae_title(text: str) -> str:
    try:
        return parse_ae_title(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _name(outcome: SendOutcome) -> str:
    return outcome.sop_instance_uid or str(outcome.path)
