"""INSERT .. ON CONFLICT DO UPDATE, which both dialects spell alike but SQLAlchemy keeps apart."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from connector.state.database import Database

Insert = postgresql.Insert | sqlite.Insert


def insert(db: Database, table: sa.Table) -> Insert:
    """An INSERT of the database's own dialect, with its ON CONFLICT methods."""
    return postgresql.insert(table) if db.dialect == "postgresql" else sqlite.insert(table)


def upsert(
    db: Database, table: sa.Table, *, keep: Collection[str] = (), where: sa.ColumnElement[bool] | None = None
) -> Insert:
    """Insert, or replace every column of the row with that primary key but those in `keep`, where `where` holds."""
    statement = insert(db, table)
    key = [column.name for column in table.primary_key.columns]
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in key and column.name not in keep
    }
    return statement.on_conflict_do_update(index_elements=key, set_=changed, where=where)
