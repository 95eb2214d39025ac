"""What a report sees of a study in the store."""

from daemon.pipeline.stored import reportable_study
from daemon.spool import Spool
from daemon.store.database import Store
from tests.daemon.store_factory import NOW, after, analyze_all, claim, received, record


def test_a_report_is_of_the_time_of_its_newest_instance_in_the_zone_of_the_site(
    sqlite_only: Store, spool: Spool
):
    record(sqlite_only, received(1, 1), now=NOW)
    record(sqlite_only, received(1, 2), now=after(60))
    analyze_all(sqlite_only)
    about = reportable_study(claim(sqlite_only), spool)
    assert about is not None
    assert about.analyzed_at == after(60)
    assert about.analyzed_at.tzinfo == NOW.astimezone().tzinfo


def test_a_report_knows_what_computed_the_numbers(sqlite_only: Store, spool: Spool):
    record(sqlite_only, received(1, 1))
    analyze_all(sqlite_only)
    about = reportable_study(claim(sqlite_only), spool)
    assert about is not None
    assert about.engine == "torch float32"
