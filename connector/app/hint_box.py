"""Where webhooks leave what they say: stored together, one transaction for all that came within a few milliseconds."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.state.hints import HintStore, Told

GATHER_SECONDS = 0.005


@dataclass(slots=True)
class _Batch:
    told: set[Told] = field(default_factory=set)
    stored: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(slots=True)
class HintBox:
    """One writer for all requests of a process. What comes while it writes is its next transaction."""

    store: HintStore
    clock: Clock
    wake: Callable[[str], None]  # told of each connection that has something to read now
    _batch: _Batch | None = None
    _writer: asyncio.Task[None] | None = None

    async def put(self, told: Iterable[Told]) -> None:
        """Return when it is stored. Raises what the database raises."""
        if self._batch is None:
            self._batch = _Batch()
        batch = self._batch
        batch.told.update(told)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="webhooks")
        await asyncio.shield(batch.stored)

    async def _write(self) -> None:
        while self._batch is not None:
            await self.clock.sleep(GATHER_SECONDS)
            batch, self._batch = self._batch, None
            try:
                await self.store.store(batch.told)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait for it are told
                batch.stored.set_exception(error)
                batch.stored.exception()  # told, even where nobody waits any more
            else:
                batch.stored.set_result(None)
                for connection in {connection for connection, _, _ in batch.told}:
                    self.wake(connection)
