"""What the database says of each key, read with the driver alone."""

import asyncio
import sqlite3
from dataclasses import dataclass

import asyncpg

_COLUMNS = "entity, key, state, event_id, error_code, waiting_for, problem_code, attempts, error_message"
_QUERY = f"SELECT {_COLUMNS} FROM inbox WHERE side = '%s'"  # noqa: S608


@dataclass(frozen=True, slots=True)
class InboxRow:
    entity: str
    key: str
    state: str
    event_id: str
    error_code: str | None
    waiting_for: str | None
    problem_code: str | None
    attempts: int
    error_message: str | None

    @property
    def busy(self) -> bool:
        """Whether the connector still means to do something about it by itself, now."""
        return self.state in ("pending", "retrying") or (self.state == "waiting" and self.waiting_for is None)


def rows(url: str, side: str) -> dict[tuple[str, str], InboxRow]:
    """What is wanted of one side, by (entity, key)."""
    query = _QUERY % side
    found = _sqlite(url, query) if url.startswith("sqlite") else asyncio.run(_postgresql(url, query))
    return {(row.entity, row.key): row for row in found}


def _sqlite(url: str, query: str) -> list[InboxRow]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)
    try:
        return [InboxRow(*row) for row in connection.execute(query)]
    finally:
        connection.close()


async def _postgresql(url: str, query: str) -> list[InboxRow]:
    connection = await asyncpg.connect(url)
    try:
        return [InboxRow(*row.values()) for row in await connection.fetch(query)]
    finally:
        await connection.close()
