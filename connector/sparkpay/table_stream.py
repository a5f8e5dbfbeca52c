"""The small tables of a store, watched: each look reads a table as a whole, so it also shows what is gone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connector.ports import Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.gone import Gone
from connector.sparkpay.record import Batch
from connector.sparkpay.record_observer import RecordObserver
from connector.sparkpay.run_position import RunPosition
from connector.sparkpay.sender import Sender
from connector.sparkpay.small_tables import Reading, SmallTable
from connector.sparkpay.stream import ReadNamed
from connector.sparkpay.told import Told

_WATCHED = "live:tables"


class TableStream:
    """Implements `Stream` for tables of a few rows."""

    def __init__(  # noqa: PLR0917 - the whole world of a stream
        self,
        tables: Sequence[SmallTable],
        client: SparkPayClient,
        memory: Memory,
        sender: Sender,
        settings: ConnectionSettings,
        connection: str,
    ) -> None:
        self.kinds = frozenset(table.kind for table in tables)
        self.looks: Mapping[str, int] = {}
        self.named: Mapping[str, ReadNamed] = {}  # no event tells of them
        self._memory = memory
        self._tables = {f"{table.kind}:{table.resource}": table for table in tables}
        self.slow = tuple(self._tables)
        self._observers = {
            table.kind: RecordObserver(
                client, memory, sender, kind=table.kind, resource=table.resource, connection=connection
            )
            for table in tables
        }
        self._gone = {
            table.kind: Gone(
                table.kind, table.resource, client, memory, self._observers[table.kind], settings, connection
            )
            for table in tables
        }

    async def is_new(self) -> bool:
        """See `Stream`."""
        return await self._memory.cursor(_WATCHED) is None

    async def poll(
        self,
        resources: Iterable[str],
        priority: Priority,
        *,
        afresh: bool = False,  # noqa: ARG002 - every look reads everything
    ) -> tuple[set[str], Told]:
        """See `Stream`."""
        changed: set[str] = set()
        total = Told()
        readings = {name: await self._tables[name].read(priority) for name in resources}
        for name, reading in readings.items():
            told, _ = await self._tell(self._tables[name], reading, priority, force=False)
            total += told
            if told.published:
                changed.add(name)
        await self._memory.save_cursor(_WATCHED, {"begun": True})
        return changed, total

    async def full_sync(
        self, run_id: str, progress: Progress | None, *, force: bool, only: frozenset[str] | None
    ) -> Told:
        """See `Stream`."""
        position = self._position(run_id)
        if await position.after() is None:
            return Told()
        total = Told()
        readings = [
            (table, await table.read(Priority.SYNC))
            for table in self._tables.values()
            if not only or table.kind in only
        ]
        for table, reading in readings:
            told, batch = await self._tell(table, reading, Priority.SYNC, force=force)
            total += told
            if progress is not None:
                await progress(read=len(batch.ids), published=told.published, skipped=told.skipped)
        await self._memory.save_cursor(_WATCHED, {"begun": True})
        await position.done()
        return total

    async def tell_some(self, ids: Iterable[int], kinds: frozenset[str], *, force: bool) -> Told:
        """See `Stream`: the tables are read as a whole, they have a few rows."""
        wanted, total = frozenset(ids), Told()
        for table in self._tables.values():
            if table.kind in kinds:
                batch = await (await table.read(Priority.SYNC))()
                some = replace(batch, records=[one for one in batch.records if one.id in wanted])
                total += await self._observers[table.kind].observe(some, priority=Priority.SYNC, force=force)
        return total

    async def forget_run(self, run_id: str) -> None:
        """See `Stream`."""
        await self._position(run_id).forget()

    async def has_walked(self) -> bool:
        """See `Stream`: a look compares with everything, there is nothing to sweep."""
        return False

    async def seconds_until_sweep(self, *, first: bool) -> float:  # noqa: ARG002
        """See `Stream`."""
        return math.inf

    async def sweep(self) -> Told:
        """See `Stream`."""
        return Told()

    async def sweep_all(self, progress: Progress | None) -> Told:  # noqa: ARG002
        """See `Stream`."""
        return Told()

    async def stop(self) -> None:
        """See `Stream`."""

    async def _tell(
        self, table: SmallTable, reading: Reading, priority: Priority, *, force: bool
    ) -> tuple[Told, Batch]:
        batch = await reading()
        told = await self._observers[table.kind].observe(batch, priority=priority, force=force)
        known = await self._memory.numbers(table.kind, 0, None)
        return told + await self._gone[table.kind].tell([id_ for id_ in known if id_ not in batch.ids], priority), batch

    def _position(self, run_id: str) -> RunPosition:
        return RunPosition(self._memory, f"full:{run_id}:tables")
