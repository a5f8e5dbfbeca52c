"""Writing arrivals into the inbox: the newest version of each key wins, a few hundred rows at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.state.columns import headers_text, json_text, micros
from connector.state.inbox_rows import Arrival, PutResult
from connector.state.tables import READY, lane

CHUNK = 500

_COLUMNS: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "connection": sa.Text,
    "side": sa.Text,
    "entity": sa.Text,
    "key": sa.Text,
    "lane": sa.Text,
    "version_time": sa.BigInteger,
    "event_id": sa.Text,
    "deleted": sa.Boolean,
    "topic": sa.Text,
    "topic_partition": sa.Integer,
    "topic_offset": sa.BigInteger,
    "record_key": sa.LargeBinary,
    "value": sa.LargeBinary,
    "headers": sa.Text,
    "refs": sa.Text,
    "replay": sa.Text,
    "priority": sa.SmallInteger,
}
_KEY = ("connection", "side", "entity", "key")
_CARRIED = [name for name in _COLUMNS if name not in (*_KEY, "lane", "priority")]
_OPEN = "inbox.state IN ('pending', 'waiting', 'retrying')"
_CLEARED = ("waiting_for", "waiting_since", "error_status", "error_code", "error_message")


def _conflict(binary: str, least: str) -> str:
    """What happens to a row that is there: `binary` makes texts compare by code point, as Python compares them.

    A row that was ready may be in an applier's hands just now. If that one dies before it says what it sent, nobody
    knows what the platform has, so the new state is sent even if it looks like what was applied last.
    """
    same = "excluded.version_time = inbox.version_time AND excluded.event_id = inbox.event_id"
    return f"""
        ON CONFLICT (connection, side, entity, key) DO UPDATE SET
            {", ".join(f"{name} = excluded.{name}" for name in _CARRIED)},
            state = 'pending', queue = {READY}, revision = inbox.revision + 1, attempts = 0, due_at = excluded.due_at,
            priority = CASE WHEN {_OPEN} THEN {least}(inbox.priority, excluded.priority) ELSE excluded.priority END,
            received_at = CASE WHEN {_OPEN} THEN inbox.received_at ELSE excluded.received_at END,
            applied_hash = CASE WHEN inbox.queue <> {READY} THEN inbox.applied_hash END,
            {", ".join(f"{name} = NULL" for name in _CLEARED)}
        WHERE excluded.version_time > inbox.version_time
           OR (excluded.version_time = inbox.version_time AND excluded.event_id {binary} > inbox.event_id {binary})
           OR ({same} AND excluded.replay IS NOT NULL AND inbox.state = 'rejected')
    """


_INSERTED = f"{', '.join(_COLUMNS)}, state, queue, revision, received_at, due_at"
_FIXED = f"'pending', {READY}, 1, :now, :now"

_SQLITE = sa.text(
    f"INSERT INTO inbox ({_INSERTED}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}, {_FIXED})"  # noqa: S608
    + _conflict("COLLATE BINARY", "min")
)

_ARRAYS = ", ".join(f":{name}" for name in _COLUMNS)
_POSTGRESQL = sa.text(
    f"""
    WITH arrived ({", ".join(_COLUMNS)}) AS (SELECT * FROM unnest({_ARRAYS})),
    before AS (
        SELECT count(*) FILTER (
            WHERE inbox.version_time = arrived.version_time AND inbox.event_id = arrived.event_id
                  AND NOT (arrived.replay IS NOT NULL AND inbox.state = 'rejected')
        ) AS repeated
        FROM arrived JOIN inbox USING (connection, side, entity, key)
    ),
    put AS (
        INSERT INTO inbox ({_INSERTED})
        SELECT {", ".join(_COLUMNS)}, 'pending', {READY}, 1, CAST(:now AS bigint), CAST(:now AS bigint) FROM arrived
        {_conflict('COLLATE "C"', "least")}
        RETURNING (xmax = 0) AS fresh
    )
    SELECT (SELECT count(*) FILTER (WHERE fresh) FROM put) AS new,
           (SELECT count(*) FILTER (WHERE NOT fresh) FROM put) AS newer,
           (SELECT repeated FROM before) AS repeated
    """  # noqa: S608
).bindparams(*(sa.bindparam(name, type_=postgresql.ARRAY(type_)) for name, type_ in _COLUMNS.items()))

_KEYS = sa.text(
    "SELECT key, version_time, event_id, state FROM inbox "
    "WHERE connection = :connection AND side = :side AND entity = :entity "
    "AND key IN (SELECT value FROM json_each(:keys))"
)


def fold(arrivals: Iterable[Arrival]) -> tuple[list[Arrival], PutResult]:
    """The newest arrival of each key, sorted by key, and how many of the others were repeats or older.

    The most urgent priority among them stays; of two copies of one event the replayed one.
    """
    newest: dict[tuple[str, str, str, str], Arrival] = {}
    repeated = stale = 0
    for arrival in arrivals:
        held = newest.get(arrival.identity)
        if held is None:
            newest[arrival.identity] = arrival
            continue
        if held.version == arrival.version:
            repeated += 1
            winner = arrival if arrival.replay and not held.replay else held
        else:
            stale += 1
            winner = arrival if arrival.version > held.version else held
        newest[arrival.identity] = replace(winner, priority=min(held.priority, arrival.priority))
    return [newest[identity] for identity in sorted(newest)], PutResult(repeated=repeated, stale=stale)


async def put(connection: AsyncConnection, arrivals: Sequence[Arrival], now: datetime) -> PutResult:
    """Write folded arrivals of different keys, sorted by key; one transaction of the caller's."""
    total = PutResult()
    write = _put_postgresql if connection.dialect.name == "postgresql" else _put_sqlite
    for start in range(0, len(arrivals), CHUNK):
        done = await write(connection, arrivals[start : start + CHUNK], micros(now))
        total = added(total, done)
    return total


def added(one: PutResult, other: PutResult) -> PutResult:
    """Both together."""
    return PutResult(
        one.new + other.new, one.newer + other.newer, one.repeated + other.repeated, one.stale + other.stale
    )


def _values(arrival: Arrival) -> tuple[Any, ...]:
    """In the order of `_COLUMNS`, as the drivers take them."""
    return (
        arrival.connection,
        arrival.side,
        arrival.entity,
        arrival.key,
        lane(arrival.connection, arrival.side, arrival.entity),
        micros(arrival.version_time),
        arrival.event_id,
        arrival.deleted,
        arrival.topic,
        arrival.partition,
        arrival.offset,
        arrival.record_key,
        arrival.value,
        headers_text(arrival.headers),
        json_text(dict(arrival.refs)) if arrival.refs else "{}",
        arrival.replay,
        int(arrival.priority),
    )


async def _put_postgresql(connection: AsyncConnection, arrivals: Sequence[Arrival], now: int) -> PutResult:
    columns = zip(*map(_values, arrivals), strict=True)
    parameters: dict[str, Any] = dict(zip(_COLUMNS, map(list, columns), strict=True))
    counted = (await connection.execute(_POSTGRESQL, {**parameters, "now": now})).one()
    # An arrival that another transaction overtook while this one waited counts as stale, whichever it was.
    repeated = min(counted.repeated, len(arrivals) - counted.new - counted.newer)
    return PutResult(counted.new, counted.newer, repeated, len(arrivals) - counted.new - counted.newer - repeated)


async def _put_sqlite(connection: AsyncConnection, arrivals: Sequence[Arrival], now: int) -> PutResult:
    """The write lock is held already, so what is read here is what the statement will meet."""
    new = newer = repeated = stale = 0
    writes: list[dict[str, Any]] = []
    for (connection_id, side, entity), group in groupby(arrivals, key=lambda arrival: arrival.identity[:3]):
        batch = list(group)
        scope = {"connection": connection_id, "side": side, "entity": entity}
        keys = json_text([arrival.key for arrival in batch])
        found = {row.key: row for row in await connection.execute(_KEYS, {**scope, "keys": keys})}
        for arrival in batch:
            there = found.get(arrival.key)
            if there is None:
                new += 1
            else:
                mine, theirs = (micros(arrival.version_time), arrival.event_id), (there.version_time, there.event_id)
                if mine < theirs:
                    stale += 1
                    continue
                if mine == theirs and not (arrival.replay is not None and there.state == "rejected"):
                    repeated += 1
                    continue
                newer += 1
            writes.append({**dict(zip(_COLUMNS, _values(arrival), strict=True)), "now": now})
    if writes:
        await connection.execute(_SQLITE, writes)
    return PutResult(new, newer, repeated, stale)
