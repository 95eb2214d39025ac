"""This module sets logging up: one event a line, text or JSON, and no patient data.

Messages of other libraries may quote data elements, and so may their exceptions. Of foreign records
only the place is kept, and of foreign exceptions the type and the frames.
"""

import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

OWN_ROOMS = ("daemon", "dicom_io", "models", "sr_templates")

log = logging.getLogger(__name__)
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up(*, level: str, format_: str, stage: str) -> None:
    """Send the log of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(stage) if format_ == "json" else TextFormatter(stage))
    handler.addFilter(keep_foreign_words_out)
    # What a library has to say below a warning is of use to nobody once its words are withheld.
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for room in OWN_ROOMS:
        logging.getLogger(room).setLevel(level.upper())
    warnings.simplefilter("default")
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    sys.excepthook = _log_uncaught
    threading.excepthook = sys.unraisablehook = _log_uncaught_elsewhere


def keep_foreign_words_out(record: logging.LogRecord) -> bool:
    """Replace what a record says that is not ours by the place that it came from."""
    if record.name.split(".", 1)[0] not in OWN_ROOMS:
        for key in vars(record).keys() - _STANDARD_FIELDS:
            del record.__dict__[key]
        record.msg, record.args = "message of a library withheld", ()
        record.__dict__["where"] = f"{record.name}:{record.lineno}"
    return True


class TextFormatter(logging.Formatter):
    """``time LEVEL stage event key=value ...``."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = " ".join(f"{key}={_quoted(value)}" for key, value in _fields(record).items())
        return f"{moment} {record.levelname:<7} {self._stage:<11} {record.getMessage()} {fields}".rstrip()


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self._stage = stage

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "stage": self._stage,
            "event": record.getMessage(),
        }
        return json.dumps(line | _fields(record), default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = {key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS}
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = describe(record.exc_info[1])
        fields["frames"] = _frames(record.exc_info[2])
    return fields


def describe(error: BaseException) -> str:
    """Name an error; its words are kept only where they are ours and so hold no patient data."""
    kind = type(error)
    own = kind.__module__.split(".", 1)[0] in OWN_ROOMS
    return f"{kind.__name__}: {error}" if own else f"{kind.__module__}.{kind.__name__}"


def _frames(stack: TracebackType | None) -> str:
    return " < ".join(
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}:{frame.name}"
        for frame in reversed(traceback.extract_tb(stack))
    )


def _log_uncaught(kind: type[BaseException], error: BaseException, stack: TracebackType | None) -> None:
    """Tell of an exception that ends the process; Python would print its words."""
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("uncaught exception", exc_info=(kind, error, stack))


def _log_uncaught_elsewhere(event: "threading.ExceptHookArgs | UnraisableHookArgs") -> None:
    """Tell of an exception that ends a thread, or that Python could not raise."""
    if event.exc_value is not None and not isinstance(event.exc_value, SystemExit):
        log.error("uncaught exception", exc_info=event.exc_value)


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text) if not text or any(letter in text for letter in ' "=\n') else text
