"""This module names the stages, for whoever only starts them or looks at them and needs no store."""

from enum import StrEnum

CANNOT_START = 2
"""Exit status of what cannot work with this configuration; starting it again would not help."""


class StageName(StrEnum):
    """The stages, in the order of the data's way."""

    RECEIVER = "receiver"
    WATCHER = "watcher"
    ANALYZER = "analyzer"
    REPORTER = "reporter"
    SENDER = "sender"
    HOUSEKEEPER = "housekeeper"
    WEB = "web"
