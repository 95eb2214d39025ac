"""A clock that steps keeps nothing waiting until it has caught up."""

from datetime import timedelta

from daemon.clock import now
from daemon.config.configuration import read_config
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.stages.reporter import Reporter
from tests.daemon.store_factory import open_study, record, unreadable
from tests.sr_templates.builders import bundle


def test_reporter_lets_the_longest_wait_begin_where_the_clock_stepped_back(sqlite_only, spool, decoder):
    record(sqlite_only, unreadable(), now=now() + timedelta(hours=1))
    reporter = Reporter(sqlite_only, spool, decoder, read_config(None, environment={}), bundle=bundle())
    assert not reporter.step(StageProcess(StageName.REPORTER, sqlite_only))
    assert open_study(sqlite_only).collecting_since <= now()
