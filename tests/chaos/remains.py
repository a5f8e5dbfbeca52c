"""What a failing seed leaves to be looked into: tables, topics, and what SparkLayer was asked."""

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from tests.chaos.verdict import Scene

_TABLES = ("inbox", "observations", "sku_claims", "links", "side_states", "side_pauses", "cursors")


def leave(folder: Path, url: str, scene: Scene, journal: Any) -> None:
    """Write it all into the folder, one JSON document per line."""
    for table in _TABLES:
        _write(folder / f"table-{table}.jsonl", rows(url, table))
    _write(folder / "requests-sparklayer.jsonl", journal)
    events = sorted(
        (event for of_key in scene.topics.events.values() for event in of_key),
        key=lambda event: (event.record.topic, event.record.partition, event.record.offset),
    )
    _write(
        folder / "events.jsonl",
        (
            {
                "at": [event.record.topic, event.record.partition, event.record.offset],
                "key": event.key,
                "time": event.version.time,
                "id": event.version.id,
                "source": event.source,
                "deleted": event.deleted,
                "data": event.data,
            }
            for event in events
        ),
    )


def rows(url: str, table: str) -> list[Mapping[str, Any]]:
    """All of a table, read with the driver alone."""
    query = f"SELECT * FROM {table}"  # noqa: S608
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(query)]
        finally:
            connection.close()
    return asyncio.run(_postgresql(url, query))


async def _postgresql(url: str, query: str) -> list[Mapping[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def _write(path: Path, documents: Iterable[object]) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(document, default=_plain, ensure_ascii=False) + "\n" for document in documents)


def _plain(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
