"""One kind of a store's records, watched: customers with their addresses, orders with all that belongs to them."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta

from connector.clock import Clock
from connector.ports import Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.gone import Census, Gone
from connector.sparkpay.pace import SweepPause
from connector.sparkpay.record import Records
from connector.sparkpay.record_observer import RecordObserver
from connector.sparkpay.record_poll import RecordPoll
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.run_position import RunPosition
from connector.sparkpay.sender import Sender
from connector.sparkpay.stream import Found, ReadNamed, unheard
from connector.sparkpay.stretch import Stretch
from connector.sparkpay.told import Told


class RecordStream:
    """Implements `Stream` for one kind of records."""

    def __init__(  # noqa: PLR0917 - the whole world of a stream
        self,
        records: Records,
        client: SparkPayClient,
        memory: Memory,
        sender: Sender,
        reference: ReferenceBook,
        settings: ConnectionSettings,
        connection: str,
        clock: Clock,
        *,
        looks: Mapping[str, int],
        slow: Sequence[str],
        pause: SweepPause,
        on_found: Found = unheard,
        serves_nobody: bool = False,
    ) -> None:
        """`serves_nobody`: none is in scope. Those that were told before are heard of; without any, none is read."""
        self._idle = None if serves_nobody else False
        self.kinds = frozenset({records.kind})
        self.looks = {self._look(records.kind, name): weight for name, weight in looks.items()}
        self.slow = tuple(self._look(records.kind, name) for name in slow)
        self._records = records
        self._client = client
        self._memory = memory
        self._clock = clock
        self._pause = pause
        self._every = timedelta(seconds=settings.poll.deletion_sweep_seconds)
        self._observer = RecordObserver(
            client, memory, sender, kind=records.kind, resource=records.resource, connection=connection
        )
        self._gone = Gone(records.kind, records.resource, client, memory, self._observer, settings, connection)
        self._live = RecordPoll(
            records,
            client,
            memory,
            self._observer,
            reference=reference,
            gone=self._gone,
            settings=settings,
            on_found=on_found,
        )
        self.named: Mapping[str, ReadNamed] = {records.resource: self._tell_named}
        self._sweep_name = f"sweep:{records.kind}"
        self._walked = False
        self._sweeping: AsyncGenerator[Stretch, None] | None = None

    @staticmethod
    def _look(kind: str, resource: str) -> str:
        """The name of a look: two kinds may look at the same resource, each for its own sake."""
        return f"{kind}:{resource}"

    async def is_new(self) -> bool:
        """See `Stream`."""
        return await self._live.feeds.is_new()

    async def poll(
        self,
        resources: Iterable[str],
        priority: Priority,
        *,
        afresh: bool = False,  # noqa: ARG002 - nothing is hidden from these looks
    ) -> tuple[set[str], Told]:
        """See `Stream`."""
        if await self._is_idle():
            return set(), Told()
        names = {name.partition(":")[2] for name in resources}
        changed, told = await self._live.poll(names, priority)
        return {self._look(self._records.kind, name) for name in changed}, told

    async def full_sync(
        self,
        run_id: str,
        progress: Progress | None,
        *,
        force: bool,
        only: frozenset[str] | None,  # noqa: ARG002
    ) -> Told:
        """See `Stream`."""
        position = self._position(run_id)
        after = await position.after()
        total = Told()
        if after is None or await self._is_idle():
            return total
        await self._live.feeds.begin(Priority.SYNC)
        async with aclosing(self._stretches(after, force=force)) as stretches:
            async for stretch in stretches:
                await position.reached(stretch.until)
                total += stretch.told
                await _count(progress, stretch)
        await self._finished()
        await position.done()
        return total

    async def tell_some(
        self,
        ids: Iterable[int],
        kinds: frozenset[str],  # noqa: ARG002 - there is one
        *,
        force: bool,
    ) -> Told:
        """See `Stream`."""
        return Told() if await self._is_idle() else await self._tell(ids, Priority.SYNC, force=force)

    async def forget_run(self, run_id: str) -> None:
        """See `Stream`."""
        await self._position(run_id).forget()

    async def has_walked(self) -> bool:
        """See `Stream`."""
        self._walked = self._walked or await self._memory.cursor(self._sweep_name) is not None
        return self._walked

    async def seconds_until_sweep(self, *, first: bool) -> float:
        """See `Stream`. What was switched on after the first full sync is walked as soon as there is time."""
        if not first or await self._is_idle():
            return float("inf")
        rest = self._pause.left()
        position = await self._memory.cursor(self._sweep_name) or {}
        if self._sweeping is not None or "finished" not in position:
            return rest
        due = datetime.fromisoformat(position["finished"]) + self._every
        return max(rest, (due - self._clock.now()).total_seconds())

    async def sweep(self) -> Told:
        """See `Stream`: all records read anew within the share, deletions at the end."""
        if self._sweeping is None:
            position = await self._memory.cursor(self._sweep_name) or {}
            await self._live.feeds.begin(Priority.SYNC)
            self._sweeping = self._stretches(int(position.get("after", 0)))
        before = self._client.order
        try:
            stretch = await anext(self._sweeping, None)
        except BaseException:
            await self.stop()
            raise
        self._pause.spent(self._client.order - before)
        if stretch is None:
            self._sweeping = None
            await self._finished()
            return Told()
        await self._memory.save_cursor(self._sweep_name, {"after": stretch.until})
        return stretch.told

    async def sweep_all(self, progress: Progress | None) -> Told:
        """See `Stream`."""
        await self.stop()
        total = Told()
        if await self._is_idle():
            return total
        async with aclosing(self._stretches(0)) as stretches:
            async for stretch in stretches:
                total += stretch.told
                await _count(progress, stretch)
        await self._finished()
        return total

    async def stop(self) -> None:
        """See `Stream`."""
        if self._sweeping is not None:
            sweeping, self._sweeping = self._sweeping, None
            await sweeping.aclose()

    async def _tell_named(self, ids: Sequence[int]) -> Told:
        return Told() if await self._is_idle() else await self._tell(ids, Priority.LIVE)

    async def _is_idle(self) -> bool:
        """Whether nobody is in scope and nobody ever was, so that there is nothing to tell."""
        if self._idle is None:
            self._idle = not await self._memory.numbers(self._records.kind, 0, None)
        return self._idle

    async def _tell(self, ids: Iterable[int], priority: Priority, *, force: bool = False) -> Told:
        reader = object()
        self._observer.reads.begin(reader, self._client.order)
        try:
            return await self._live.tell(ids, priority, force=force)
        finally:
            self._observer.reads.end(reader)

    async def _stretches(self, after: int, *, force: bool = False) -> AsyncGenerator[Stretch, None]:
        """All records above `after` as they are; `force` publishes what is not new as well; deletions at the end.

        Of a walk that began in the middle nobody knows any more what it missed before: all ids are compared anew.
        """
        census = Census(self._gone, Priority.SYNC, after)
        reader = object()
        self._observer.reads.begin(reader, self._client.order)
        try:
            async with aclosing(self._records.whole(after, Priority.SYNC)) as batches:
                async for batch in batches:
                    orders = [one.read_order for one in batch.records]
                    self._observer.reads.begin(reader, min(orders, default=self._client.order))
                    told = await self._live.observe(batch, Priority.SYNC, force=force)
                    if told.stale and force:
                        told += await self._live.tell(told.stale, Priority.SYNC, force=True)
                    await census.count(max(batch.ids), set(batch.ids))
                    yield Stretch(census.until, len(batch.ids), told)
            if after == 0:
                yield Stretch(census.until, 0, await census.close())
                return
            async with aclosing(self._gone.walk(Priority.SYNC)) as rest:
                async for stretch in rest:
                    yield replace(stretch, until=max(stretch.until, census.until), read=0)
        finally:
            self._observer.reads.end(reader)

    async def _finished(self) -> None:
        await self._memory.save_cursor(self._sweep_name, {"finished": self._clock.now().isoformat()})

    def _position(self, run_id: str) -> RunPosition:
        return RunPosition(self._memory, f"full:{run_id}:{self._records.kind}")


async def _count(progress: Progress | None, stretch: Stretch) -> None:
    if progress is not None:
        told = stretch.told
        await progress(read=stretch.read, published=told.published, skipped=told.skipped)
