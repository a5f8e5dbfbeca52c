"""A database that is thrown away, for work that must leave no trace."""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa

from connector.app.core import Core, open_core
from connector.ports import Doubt
from connector.state.connections import Connection
from connector.state.tables import cursors, inbox, intents, links, observations, side_states, sku_claims

_KNOWN = (inbox, sku_claims, observations, cursors, links, side_states, intents)
"""What is wanted, what was applied and what was seen; not what somebody asked for, decided or counted."""
_PIECE = 500


@asynccontextmanager
async def scratch_core(core: Core, connections: Sequence[Connection]) -> AsyncIterator[Core]:
    """A new database with these connections and nothing else."""
    with tempfile.TemporaryDirectory(prefix="paylayer-dry-run-") as folder:
        url = f"sqlite:///{Path(folder) / 'dry-run.sqlite3'}"
        async with open_core(core.settings.model_copy(update={"database_url": url}), core.clock) as made:
            for connection in connections:
                await made.connections.add(
                    connection.id, connection.sparkpay, connection.sparklayer, connection.settings
                )
            yield made


async def copy_known(core: Core, scratch: Core, connection: str) -> None:
    """Everything that is known of a connection's entities, some hundred rows at a time, by primary key."""
    for table in _KNOWN:
        keys = [column for column in table.primary_key.columns if column.name != "connection"]
        statement = sa.select(table).where(table.c.connection == connection).order_by(*keys).limit(_PIECE)
        page = statement
        while True:
            async with core.database.read() as transaction:
                rows = [dict(row) for row in (await transaction.execute(page)).mappings()]
            if not rows:
                break
            async with scratch.database.begin() as writing:
                await writing.execute(sa.insert(table), rows)
            last = [sa.bindparam(None, rows[-1][column.name], type_=column.type) for column in keys]
            page = statement.where(sa.tuple_(*keys) > sa.tuple_(*last))


async def doubt_what_was_never_applied(scratch: Core, connection: str) -> None:
    """Nobody knows whether it is there: its handler looks before it writes."""
    statement = (
        sa.update(inbox)
        .where(inbox.c.connection == connection, inbox.c.applied_at.is_(None), inbox.c.doubt == int(Doubt.NONE))
        .values(doubt=int(Doubt.UNSEEN))
    )
    async with scratch.database.begin() as transaction:
        await transaction.execute(statement)
