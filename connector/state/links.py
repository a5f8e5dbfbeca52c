"""Which names mean the same entity: `sparkpay:123` is what was made there for `erp:77`, and so is an e-mail address."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.state.among import among
from connector.state.claims import chunks
from connector.state.database import Database
from connector.state.tables import links

LINKED = frozenset({"product", "customer", "order"})
"""Kinds that are keyed by the id of the system that made them; all others carry a natural key."""


_LONGEST_NAME = 1000
"""Bytes; the entry of an index must fit into a third of PostgreSQL's page."""


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """One name of the entity that is known by that key."""

    connection: str
    entity: str
    name: str
    key: str


class Links:
    """Names and keys of all connections. A name of two keys is ambiguous, which is for the asker to refuse."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def keys_of(self, connection: str, entity: str, names: Sequence[str]) -> dict[str, frozenset[str]]:
        """The keys that each of these names stands for; names that stand for none are left out."""
        found: dict[str, set[str]] = {}
        asked = {_stored(name): name for name in names}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(asked)):
                rows = await transaction.execute(
                    sa.select(links.c.name, links.c.key).where(
                        links.c.connection == connection, links.c.entity == entity, among(links.c.name, chunk)
                    )
                )
                for row in rows:
                    found.setdefault(asked[row.name], set()).add(row.key)
        return {name: frozenset(keys) for name, keys in found.items()}

    async def names_of(self, connection: str, entity: str, keys: Sequence[str], *, system: str) -> dict[str, str]:
        """One name that a system has for each of these keys; keys without one are left out."""
        found: dict[str, str] = {}
        async with self._db.read() as transaction:
            for chunk in chunks(sorted(set(keys))):
                rows = await transaction.execute(
                    sa.select(links.c.key, sa.func.min(links.c.name))
                    .where(
                        links.c.connection == connection,
                        links.c.entity == entity,
                        among(links.c.key, chunk),
                        links.c.name.startswith(f"{system}:", autoescape=True),
                    )
                    .group_by(links.c.key)
                )
                found |= {row[0]: row[1] for row in rows}
        return found

    async def learn(self, learned: Sequence[Link], *, instead: str | None = None) -> None:
        """Store names. With `instead`, a key's other names that begin with it are forgotten (an old e-mail)."""
        if not learned:
            return

        async def work(transaction: AsyncConnection) -> None:
            if instead is not None:
                for link in learned:
                    await transaction.execute(
                        sa.delete(links).where(
                            links.c.connection == link.connection,
                            links.c.entity == link.entity,
                            links.c.key == link.key,
                            links.c.name.startswith(instead, autoescape=True),
                            links.c.name != _stored(link.name),
                        )
                    )
            await add(transaction, learned)

        await self._db.run(work)


async def add(transaction: AsyncConnection, added: Iterable[Link]) -> None:
    """Store names that are not there yet."""
    rows = [
        {"connection": link.connection, "entity": link.entity, "name": _stored(link.name), "key": link.key}
        for link in sorted(set(added))
    ]
    if rows:
        make = postgresql.insert if transaction.dialect.name == "postgresql" else sqlite.insert
        await transaction.execute(make(links).on_conflict_do_nothing(), rows)


def _stored(name: str) -> str:
    """The name, or where it is too long for an index its system with a digest."""
    raw = name.encode("utf-8", "surrogatepass")
    if len(raw) <= _LONGEST_NAME:
        return name
    return f"{name.partition(':')[0][:100]}:sha256-{hashlib.sha256(raw).hexdigest()}"


def named_by(connection: str, entity: str, key: str, refs: Mapping[str, str]) -> list[Link]:
    """The links that an entity's ids in other systems make."""
    if entity not in LINKED:
        return []
    names = (f"{system}:{id_}" for system, id_ in refs.items())
    return [Link(connection, entity, name, key) for name in names if name != key]
