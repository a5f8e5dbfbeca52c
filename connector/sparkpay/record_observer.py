"""Turns readings of customers or orders into change events: what is as it was is not told again."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from connector.errors import NotFound
from connector.ports import Memory, Priority
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.ledger import SOURCE, Ledger
from connector.sparkpay.read_order import ReadOrder
from connector.sparkpay.record import Batch, Record
from connector.sparkpay.sender import Sender
from connector.sparkpay.told import Told


class RecordObserver:
    """Publishes what changed of one kind at one connection, one batch at a time."""

    def __init__(
        self, client: SparkPayClient, memory: Memory, sender: Sender, *, kind: str, resource: str, connection: str
    ) -> None:
        self._client = client
        self._memory = memory
        self._sender = sender
        self._kind = kind
        self._resource = resource
        self._connection = connection
        self._lock = asyncio.Lock()
        self.reads = ReadOrder()

    async def observe(self, batch: Batch, *, priority: Priority = Priority.LIVE, force: bool = False) -> Told:
        """Publish what is new in these and remember it. `force` repeats what is not, with the ids it had.

        What is not wanted is told only where it was told before: then whoever has it must hear of it. Raises what the
        bus and the database raise; then nothing is remembered.
        """
        async with self._lock:
            fresh = [one for one in batch.records if not self.reads.is_stale(one.id, one.read_order)]
            stale = tuple(one.id for one in batch.records if self.reads.is_stale(one.id, one.read_order))
            before = await self._memory.observed(self._kind, [one.key for one in fresh]) if fresh else {}
            ledger = Ledger(self._connection, force=force)
            for one in fresh:
                known = before.get(one.key)
                if one.wanted or (known is not None and not known.deleted):
                    ledger.changed(
                        self._kind,
                        one.key,
                        one.entity,
                        before=known,
                        read_at=one.read_at,
                        changed_at=one.changed_at,
                        number=one.id,
                    )
            published = await self._sender.send(ledger, priority)
            self._read(one.id for one in fresh)
            self._taken(fresh)
            return Told(published, batch.skipped, stale)

    async def tell_gone(self, gone_ids: Mapping[int, int], priority: Priority) -> Told:
        """Publish that these are gone, which the requests with these numbers said."""
        async with self._lock:
            gone = [id_ for id_, order in gone_ids.items() if not self.reads.is_stale(id_, order)]
            keys = await self._memory.keyed(self._kind, gone) if gone else {}
            before = await self._memory.observed(self._kind, [key for found in keys.values() for key in found])
            ledger = Ledger(self._connection, force=False)
            now = self._client.server_clock.now()
            for id_, found in keys.items():
                for key in found:
                    ledger.deleted(
                        self._kind, key, before=before.get(key), read_at=now, refs={SOURCE: str(id_)}, number=id_
                    )
            published = await self._sender.send(ledger, priority)
            self._read(gone)
            for id_ in gone:
                self.reads.take(id_, gone_ids[id_])
            return Told(published)

    async def confirm_gone(self, ids: Sequence[int], priority: Priority = Priority.LIVE) -> dict[int, int]:
        """Those that the platform answers 404 for, with the number of the request that said so."""
        found: dict[int, int] = {}
        for id_ in ids:
            try:
                await self._client.get(self._resource, id_, fields=("id",), priority=priority)
            except NotFound:
                found[id_] = self._client.order
        return found

    def _read(self, ids: Iterable[int]) -> None:
        """Problems are kept by the row's id: what cannot be mapped may have no other key."""
        self._sender.findings.read(self._kind, [f"{SOURCE}:{id_}" for id_ in ids])

    def _taken(self, records: Sequence[Record]) -> None:
        for one in records:
            self.reads.take(one.id, one.read_order)
