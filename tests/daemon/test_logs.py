"""The log is one line for each event, and holds no patient data, whoever writes it."""

import json
import logging
import subprocess
import sys
import textwrap

import pytest
from pydicom.dataset import Dataset

from daemon.errors import UnknownStudy
from daemon.logs import JsonFormatter, TextFormatter, describe, keep_foreign_words_out
from dicom_io.errors import MissingUid

NAME = "Testcase^Wrist"


@pytest.fixture(params=["text", "json"])
def lines(request):
    """Give the lines that a logger's records become."""
    formatter = JsonFormatter("analyzer") if request.param == "json" else TextFormatter("analyzer")
    written: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Lines()
    handler.setFormatter(formatter)
    handler.addFilter(keep_foreign_words_out)
    loggers = [logging.getLogger(name) for name in ("daemon", "pydicom", "somebody")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
    yield written
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = True


def fail_like_pydicom() -> None:
    ds = Dataset()
    ds.PatientName = NAME
    raise ValueError(f"cannot write {ds.PatientName}")


def log_failure(logger: logging.Logger) -> None:
    try:
        fail_like_pydicom()
    except ValueError:
        logger.exception("report failed", extra={"study_instance_uid": "1.2.3"})


def test_foreign_exception_in_our_record_keeps_its_words_to_itself(lines):
    log_failure(logging.getLogger("daemon.stages.reporter"))
    (line,) = lines
    assert NAME not in line
    assert "Testcase" not in line
    assert "builtins.ValueError" in line
    assert "fail_like_pydicom" in line
    assert "1.2.3" in line


def test_foreign_record_keeps_only_its_place(lines):
    logger = logging.getLogger("pydicom.valuerep")
    logger.warning("invalid value %s for VR PN", NAME, extra={"value": NAME})
    log_failure(logger)
    assert len(lines) == 2
    assert not [line for line in lines if "Testcase" in line]
    assert "pydicom.valuerep:" in lines[0]


def test_foreign_record_with_a_broken_format_is_withheld_too(lines):
    logging.getLogger("somebody").error("%d people", NAME)
    (line,) = lines
    assert "Testcase" not in line


def test_our_exception_is_told_in_its_words(lines):
    try:
        raise UnknownStudy("no study 1.2.3 in the store")
    except UnknownStudy:
        logging.getLogger("daemon.x").exception("requeue failed")
    assert "UnknownStudy: no study 1.2.3 in the store" in lines[0]


def test_cause_of_our_exception_is_withheld(lines):
    try:
        try:
            fail_like_pydicom()
        except ValueError as error:
            raise MissingUid("StudyInstanceUID") from error
    except MissingUid:
        logging.getLogger("daemon.x").exception("instance refused")
    assert "Testcase" not in lines[0]
    assert "StudyInstanceUID is missing" in lines[0]


def test_describe_tells_ours_from_others():
    assert describe(MissingUid("StudyInstanceUID")) == "MissingUid: StudyInstanceUID is missing or empty"
    assert describe(ValueError(NAME)) == "builtins.ValueError"


def test_record_is_one_line_whatever_it_holds(lines):
    logging.getLogger("daemon.x").info(
        "instance refused", extra={"reason": 'a "quoted"\nreason', "empty": ""}
    )
    (line,) = lines
    assert "\n" not in line


def test_text_line_reads_from_left_to_right():
    record = logging.makeLogRecord(
        {
            "name": "daemon.x",
            "msg": "views analyzed",
            "levelname": "INFO",
            "created": 0.25,
            "views": 3,
            "ms": 7,
        }
    )
    assert TextFormatter("analyzer").format(record) == (
        "1970-01-01T00:00:00.250+00:00 INFO    analyzer    views analyzed views=3 ms=7"
    )


def test_json_line_has_the_same_fields():
    record = logging.makeLogRecord(
        {"name": "daemon.x", "msg": "views analyzed", "levelname": "INFO", "created": 0.25, "views": 3}
    )
    assert json.loads(JsonFormatter("analyzer").format(record)) == {
        "time": "1970-01-01T00:00:00.250+00:00",
        "level": "info",
        "stage": "analyzer",
        "event": "views analyzed",
        "views": 3,
    }


def run_with_logs(program: str, format_: str = "text") -> str:
    """Run a program with the log set up, and return what it wrote to standard error."""
    set_up = f"from daemon import logs; logs.set_up(level='info', format_={format_!r}, stage='analyzer')\n"
    script = set_up + textwrap.dedent(program)
    return subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60
    ).stderr


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize(
    "program",
    [
        "raise ValueError('Testcase^Wrist')",
        """
        import threading
        def fail():
            raise ValueError("Testcase^Wrist")
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        """,
    ],
    ids=["main", "thread"],
)
def test_uncaught_exception_keeps_its_words_to_itself(program, format_):
    written = run_with_logs(program, format_)
    assert "Testcase" not in written
    assert "builtins.ValueError" in written


def test_warning_of_a_library_keeps_its_words_to_itself():
    written = run_with_logs(
        """
        import logging, warnings
        warnings.warn("Invalid value for VR PN: Testcase^Wrist")
        logging.getLogger("pynetdicom.acse").error("bad name Testcase^Wrist")
        logging.getLogger("daemon.x").info("listening", extra={"port": 11112})
        """
    )
    assert "Testcase" not in written
    assert "pynetdicom.acse:" in written
    assert written.rstrip().endswith("INFO    analyzer    listening port=11112")


def test_level_is_that_of_the_configuration():
    written = run_with_logs("import logging; logging.getLogger('daemon.x').debug('detail')")
    assert written == ""
