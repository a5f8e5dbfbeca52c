"""The schema of a database: bringing it up to date, and saying what is wrong with it."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from connector.errors import UserFault
from connector.state.tables import metadata

_LOCK = 0x7061796C  # "payl": PostgreSQL's advisory lock for migrations


def upgrade(connection: sa.Connection, where: str) -> None:
    """Bring the schema to the newest version, within the caller's transaction and one process at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = _config()
    config.attributes["connection"] = connection
    found = _refuse_newer(connection, config, where)
    if found is None:
        _refuse_foreign(connection, where)
    if found != ScriptDirectory.from_config(config).get_current_head():
        command.upgrade(config, "head")
    _refuse_incomplete(connection, where)


def check(connection: sa.Connection, where: str) -> None:
    """Raise `UserFault` where the schema is missing, too old, too new or incomplete."""
    config = _config()
    found = _refuse_newer(connection, config, where)
    if found is None:
        raise UserFault(f"{where} has no PayLayer tables yet: start `paylayer run` once, it makes them")
    if found != ScriptDirectory.from_config(config).get_current_head():
        raise UserFault(f"{where} was made by an older PayLayer: start `paylayer run` once, it brings it up to date")
    _refuse_incomplete(connection, where)


def _refuse_incomplete(connection: sa.Connection, where: str) -> None:
    missing = sorted(set(metadata.tables) - set(sa.inspect(connection).get_table_names()))
    if missing:
        raise UserFault(f"{where} lacks the table {', '.join(missing)}: restore it from a copy or use a new database")


def _refuse_foreign(connection: sa.Connection, where: str) -> None:
    """A database without our mark that has tables of our names is somebody else's."""
    taken = sorted(set(metadata.tables) & set(sa.inspect(connection).get_table_names()))
    if taken:
        raise UserFault(f"{where} belongs to another program (its table {', '.join(taken)}): name another database")


def _refuse_newer(connection: sa.Connection, config: Config, where: str) -> str | None:
    """The revision of the database; none for an empty one."""
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise UserFault(f"{where} was made by a newer PayLayer (schema {found}): install that version")
    return found


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
