"""This module is the command line: it reads the words and calls the command.

Every command is a module of ``daemon.commands`` and is imported only when it is called, so that
``ulna --help`` waits for nothing, and ``ulna worklist`` not for torch.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from daemon.errors import ConfigurationInvalid, DaemonError
from dicom_io.errors import DicomIoError
from models.errors import ModelError

COMMANDS = {
    "serve": "run the daemon: receive, analyze, report, send",
    "demo": "show the whole way on sample radiographs, with a PACS of its own",
    "check": "check configuration, bundle, store, disk and destinations",
    "send": "send files to a DICOM node (C-STORE)",
    "analyze": "analyze files without a daemon",
    "predictor": "judge radiographs that are dropped on a page",
    "explain": "say which part, side and projection files show, and why",
    "worklist": "list the studies in the order in which to read them",
    "requeue": "try a failed study again, or send its results again",
    "forget": "remove a study with its instances, results and files",
    "evaluate": "measure how good a bundle is on labeled radiographs",
    "bundle": "list, show, verify, create, assemble or import bundles of networks",
    "train": "train an ensemble on labeled radiographs and write its bundle",
}

EPILOG = """\
ulna is for research; it is not for diagnostic use and never states that a study is normal.

first steps:
  ulna demo                              see it work, nothing to configure
  ulna predictor                         drop a radiograph on a page, nothing to configure
  ulna check --config config.toml        what would keep the daemon from working
  ulna serve --config config.toml        run it

exit status: 0 all went well, 1 something did not, 2 wrong use or a configuration that cannot be used
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    # Before torch is loaded: its threads spin while they wait for each other, and where other programs want
    # the processor too, a batch takes ten times as long (benchmarks/busy_machine.py).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser, commands = _parser()
    name = next((word for word in words if not word.startswith("-")), "")
    if name in COMMANDS:
        module = importlib.import_module(f"daemon.commands.{name}")
        module.configure(commands.choices[name])
    options = parser.parse_args(words)
    try:
        status: int = module.run(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody to tell
        return 1
    except ConfigurationInvalid as error:
        print(f"ulna {name}: {error}", file=sys.stderr)
        return 2
    except (DaemonError, DicomIoError, ModelError, OSError) as error:
        print(f"ulna {name}: {error}", file=sys.stderr)
        return 1
    except _database_errors() as error:  # looked up only when something has gone wrong
        # Its words quote the statement and its values, which may be a patient's.
        reason = f"the store cannot be used ({type(error).__name__}); see [storage] in the configuration"
        print(f"ulna {name}: {reason}", file=sys.stderr)
        return 1
    return status


def _database_errors() -> type[Exception]:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  # takes a second, which `--help` need not wait

    return SQLAlchemyError


def _parser() -> tuple[argparse.ArgumentParser, "argparse._SubParsersAction[argparse.ArgumentParser]"]:
    parser = argparse.ArgumentParser(
        prog="ulna",
        description="Triage of upper-extremity radiographs between DICOM nodes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ulna {version('ulna')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        commands.add_parser(
            name,
            help=summary,
            description=summary[:1].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    return parser, commands
