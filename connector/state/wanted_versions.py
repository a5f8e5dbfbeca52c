"""Which version of many entities is wanted now, of any connections, sides and kinds, in one query."""

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from connector.state.columns import json_text, moment_of
from connector.state.database import Database
from contracts.events import Version

Identity = tuple[str, str, str, str]  # connection, side, entity, key
_CHUNK = 1000
_FOUND = """i.connection, i.side, i.entity, i.key, i.version_time, i.event_id,
    (i.state = 'applied' AND i.applied_event_id = i.event_id AND i.problem_code IS NULL) AS whole"""
_NAMES = ("connections", "sides", "entities", "keys")

# CROSS JOIN: SQLite then keeps this order, and looks each wanted row up by its primary key.
_SQLITE = sa.text(
    f"""
    SELECT {_FOUND} FROM json_each(:wanted) AS w CROSS JOIN inbox AS i
    ON i.connection = json_extract(w.value, '$[0]') AND i.side = json_extract(w.value, '$[1]')
       AND i.entity = json_extract(w.value, '$[2]') AND i.key = json_extract(w.value, '$[3]')
    """  # noqa: S608
)
_POSTGRESQL = sa.text(
    f"""
    SELECT {_FOUND} FROM unnest(:connections, :sides, :entities, :keys) AS w (connection, side, entity, key)
    JOIN inbox AS i USING (connection, side, entity, key)
    """  # noqa: S608
).bindparams(*(sa.bindparam(name, type_=postgresql.ARRAY(sa.Text)) for name in _NAMES))


class Wanted(NamedTuple):
    """The newest wanted version, and whether the platform has all of it."""

    version: Version
    applied: bool


async def wanted_versions(db: Database, identities: Collection[Identity]) -> dict[Identity, Wanted]:
    """The newest wanted version of each, applied or not; what the inbox does not know is left out."""
    found: dict[Identity, Wanted] = {}
    wanted = sorted(set(identities))
    if not wanted:
        return found
    async with db.read() as transaction:
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            if db.dialect == "sqlite":
                rows = await transaction.execute(_SQLITE, {"wanted": json_text(chunk)})
            else:
                columns = (list(column) for column in zip(*chunk, strict=True))
                rows = await transaction.execute(_POSTGRESQL, dict(zip(_NAMES, columns, strict=True)))
            for row in rows:
                identity = (row.connection, row.side, row.entity, row.key)
                found[identity] = Wanted(Version(moment_of(row.version_time), row.event_id), bool(row.whole))
    return found
