"""This module brings the schema of a store up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from daemon.errors import SchemaTooNew
from daemon.store.database import Store

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x756C6E61  # "ulna", for pg_advisory_xact_lock: two machines may start at the same time


def migrate(store: Store) -> None:
    """Run the migrations that are missing, in one transaction.

    Raises
    ------
    SchemaTooNew
        A newer ulna has migrated the store.
    """
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    scripts = ScriptDirectory.from_config(configuration)
    with store.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise SchemaTooNew(
                f"the store has schema {current}, this ulna knows up to {scripts.get_current_head()}; "
                "run the newer ulna, or restore the backup that was taken before the upgrade"
            )
        if current != scripts.get_current_head():
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
