"""This module holds the arguments that several commands share."""

import argparse
import os
from pathlib import Path

from daemon.config.configuration import Config, read_config

DEFAULT_CONFIG = Path("/etc/ulna/config.toml")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Let a command take ``--config``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=os.environ.get("ULNA_CONFIG"),
        metavar="F",
        help=f"configuration file (default: $ULNA_CONFIG, else {DEFAULT_CONFIG} where it exists, "
        "else built-in defaults); ULNA_<SECTION>__<KEY> variables override single keys",
    )


def config_of(options: argparse.Namespace) -> Config:
    """Read the configuration that the options name."""
    return read_config(config_path(options))


def config_path(options: argparse.Namespace) -> Path | None:
    """Return the file that the options name, or the default one where it exists."""
    if options.config is not None:
        return Path(options.config)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None
