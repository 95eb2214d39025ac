"""The kinds of results, for the configuration as well, which loads nothing of the store."""

from enum import StrEnum


class ResultKind(StrEnum):
    """The kinds of results that `daemon.pipeline.kinds` builds, as destinations ask for them."""

    STRUCTURED_REPORT = "sr"
    SECONDARY_CAPTURE = "sc"
