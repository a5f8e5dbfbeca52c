"""What a row costs while many others wait: storing it, finding it, settling it, and looking at the whole."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from connector.clock import SystemClock
from connector.ports import Priority
from connector.state.columns import micros
from connector.state.database import Database
from connector.state.inbox import Arrival, Inbox, SetApplied, SetRetry
from contracts.entities import Stock, StockLevel
from contracts.events import changed, encode
from tests.benchmarks.figures import Figure, at_most
from tests.benchmarks.measured_cpu import Spent

SIDE, ENTITY, CONNECTION = "sparklayer", "stock", "acme"
SMALL = 10_000
BATCH = 500
WHOLE = "a row, from storing to settled"
WARM, ROUNDS = 3, 12
_LEVELS = 1_000_000_000

Work = Callable[[], Awaitable[int]]


async def measure(folder: Path, url: str | None, rows: int, label: str) -> list[Figure]:
    """`rows` waiting rows against ten thousand, in CPU time, which the disk and other programs change least."""
    costs = {}
    for count in (SMALL, rows):
        database = await Database.open(url or f"sqlite:///{folder / f'{count}.sqlite3'}", create=True)
        try:
            await _fill(database, count)
            costs[count] = await _costs(database, count)
        finally:
            await database.close()
    figures = []
    for name, small in costs[SMALL].items():
        large = costs[rows][name]
        figures.append(Figure("backlog", f"{label}: {name}, {SMALL:,} waiting", small * 1e6, "us"))
        figures.append(Figure("backlog", f"{label}: {name}, {rows:,} waiting", large * 1e6, "us"))
        if name == WHOLE:
            figures.append(at_most("backlog", f"{label}: {name}, growth", (large / small - 1) * 100, "%", 25))
    return figures


async def _costs(database: Database, count: int) -> dict[str, float]:
    inbox = Inbox(database, SystemClock())
    rng = random.Random(1)
    version = 0

    async def put(keys: list[str]) -> int:
        nonlocal version
        version += 1
        await inbox.put([_arrival(key, version) for key in keys])
        return len(keys)

    async def newer() -> int:
        return await put([f"SKU-{number}" for number in rng.sample(range(count), BATCH)])

    async def new() -> int:
        return await put([f"NEW-{version}-{number}" for number in range(BATCH)])

    async def apply() -> int:
        found = await inbox.due(CONNECTION, SIDE, ENTITY, BATCH, SystemClock().now())
        await inbox.settle([SetApplied(row, hash="h") for row in found])
        return len(found)

    async def fail() -> int:
        found = await inbox.due(CONNECTION, SIDE, ENTITY, BATCH, SystemClock().now())
        due = SystemClock().now() + timedelta(hours=1)
        await inbox.settle([SetRetry(row, due_at=due, count_attempt=True, message="503") for row in found])
        return len(found)

    async def look() -> int:
        return len(await inbox.due_lanes(SystemClock().now()))

    async def sizes() -> int:
        return len(await inbox.backlog(CONNECTION, SIDE))

    async def busy() -> int:
        return int(await inbox.busy(CONNECTION))

    works: dict[str, Work] = {
        "storing a newer state": newer,
        "storing a new key": new,
        "finding and settling an applied row": apply,
        "finding and settling a failed row": fail,
        "one look for due lanes": look,
        "the size of a backlog": sizes,
        "whether anything is to do": busy,
    }
    spent = await Spent.of(database)
    costs = {name: await _cost(work, spent) for name, work in works.items()}
    costs[WHOLE] = costs["storing a new key"] + costs["finding and settling an applied row"]
    before = spent.seconds()
    await inbox.counts()
    costs["exact counts for people, once"] = spent.seconds() - before
    return costs


async def _cost(work: Work, spent: Spent) -> float:
    """CPU seconds for a row (or a call), of this process and the database together; the first rounds not counted."""
    for _ in range(WARM):
        await work()
    before = spent.seconds()
    done = 0
    for _ in range(ROUNDS):
        done += max(1, await work())
    return (spent.seconds() - before) / done


def _arrival(key: str, version: int) -> Arrival:
    event = changed(Stock(sku=key, levels=(StockLevel(level=_LEVELS + version),)), connection=CONNECTION, source="wms")
    record_key, value, headers = encode(event)
    return Arrival(
        connection=CONNECTION, side=SIDE, entity=ENTITY, key=key, version_time=event.time, event_id=event.id,
        deleted=False, priority=int(Priority.LIVE), topic="paylayer.stock", partition=1, offset=version,
        record_key=record_key, value=value, headers=headers,
    )  # fmt: skip


async def _fill(database: Database, count: int) -> None:
    """Waiting rows that look like those of an intake, made by the database itself."""
    model = _arrival("SKU-", 0)
    statement = sa.text(
        """
        WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
        INSERT INTO inbox (connection, side, entity, key, state, lane, queue, revision, version_time, event_id, deleted,
            topic, topic_partition, topic_offset, record_key, value, headers, refs, priority, received_at, due_at)
        SELECT :connection, :side, :entity, 'SKU-' || n, 'pending', :lane, 1, 1, :time + n, :event_id, :deleted,
            :topic, 1, n, :record_key, :value, '[["content-type", "YXBwbGljYXRpb24vY2xvdWRldmVudHMranNvbg=="]]', '{}',
            1, :time + n, :time + n
        FROM numbers
        """
    ).bindparams(
        sa.bindparam("deleted", value=False, type_=sa.Boolean),
        sa.bindparam("record_key", value=model.record_key, type_=sa.LargeBinary),
        sa.bindparam("value", value=model.value, type_=sa.LargeBinary),
        sa.bindparam("time", value=micros(model.version_time) - 10_000_000_000, type_=sa.BigInteger),
        connection=CONNECTION, side=SIDE, entity=ENTITY, lane=f"{CONNECTION}/{SIDE}/{ENTITY}",
        event_id=model.event_id, topic=model.topic, last=count - 1,
    )  # fmt: skip
    async with database.begin() as transaction:
        await transaction.execute(sa.delete(sa.table("inbox")))
        await transaction.execute(statement)
    if database.dialect == "postgresql":  # what it would do by itself within a minute, while we measure
        async with database.read() as connection:
            await connection.execute(sa.text("VACUUM ANALYZE inbox"))
