"""``ulna serve``: run the daemon, or one of its stages."""

import argparse
import sys

from daemon import app
from daemon.commands.arguments import add_config, config_of, config_path
from daemon.errors import DaemonError, StageAlreadyRunning
from daemon.process.ports import listen_addresses, require_free
from daemon.process.stage_name import CANNOT_START, StageName
from models.errors import ModelError

# The stages of a service that was killed may still be on their way out.
_PATIENCE_SECONDS = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument(
        "--only",
        type=StageName,
        choices=list(StageName),
        metavar="STAGE",
        help=f"run one stage alone, for example on another machine that shares the store: "
        f"{', '.join(StageName)}",
    )
    parser.epilog = (
        "Without --only all stages run as processes of one service. It stops within ten seconds after\n"
        "SIGTERM or Ctrl-C; work that was under way is found again at the next start, also after SIGKILL."
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    config = config_of(options)
    path = config_path(options)
    try:
        if options.only is None:
            for address in listen_addresses(config):
                require_free(address, patience_seconds=_PATIENCE_SECONDS)
            return app.serve(config, [] if path is None else ["--config", str(path)])
        app.run_stage(options.only, config)
    except StageAlreadyRunning as error:
        # Whoever runs it may be on his way out, and then another try helps.
        print(f"ulna {options.only}: {error}", file=sys.stderr)
        return 1
    except (DaemonError, ModelError) as error:
        print(f"ulna {options.only or 'serve'}: {error}", file=sys.stderr)
        return CANNOT_START
    return 0
