"""Sweeps: looking for what polling cannot see. Silent changes, rows without a time, deletions.

They never take more than their share of the store's budget, and wait while a full sync runs.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.clock import Clock
from connector.ports import Memory, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.gone import Gone
from connector.sparkpay.outlines import Outlines
from connector.sparkpay.pace import SweepPause
from connector.sparkpay.stretch import Stretch
from connector.sparkpay.told import Told
from connector.sparkpay.whole_walk import WholeWalk

BASELINE = "walked"
"""Cursor that is set when the first full sync is through: before it a sweep has nothing to compare with."""

_CHANGES = "sweep:changes"
_DELETIONS = "sweep:deletions"


class Sweeps:
    """The sweeps of the catalogue of one connection: when they are due, how far they are."""

    def __init__(
        self,
        client: SparkPayClient,
        whole: WholeWalk,
        memory: Memory,
        *,
        gone: Gone,
        settings: ConnectionSettings,
        clock: Clock,
        outlines: Outlines,
        pause: SweepPause,
    ) -> None:
        self._client = client
        self._whole = whole
        self._memory = memory
        self._gone = gone
        self._clock = clock
        self._outlines = outlines
        self._pause = pause
        poll = settings.poll
        self._every = {
            _CHANGES: timedelta(seconds=poll.stock_sweep_seconds),
            _DELETIONS: timedelta(seconds=poll.deletion_sweep_seconds),
        }
        self._running: tuple[str, AsyncGenerator[Stretch, None]] | None = None
        self._baseline = False
        self._outdated = False
        self._turn = asyncio.Lock()

    async def has_baseline(self) -> bool:
        """Whether the first full sync is through."""
        self._baseline = self._baseline or await self._memory.cursor(BASELINE) is not None
        return self._baseline

    @property
    def under_way(self) -> bool:
        """Whether one was begun and is not through."""
        return self._running is not None

    async def seconds_until_due(self) -> float:
        """How long nothing has to be done; infinite before the first full sync."""
        if not await self.has_baseline():
            return math.inf
        wait = self._pause.left()
        if self._running is not None:
            return wait
        return max(wait, min([await self._wait_for(name) for name in self._every]))

    async def advance(self) -> Told:
        """Do the next stretch of a sweep, a call or a few; the pause after it keeps to the share."""
        async with self._turn:
            if self._outdated:
                await self._stop()
            if self._running is None:
                await self._choose()
            return (await self._stretch())[0]

    async def run_all(self, progress: Progress | None = None) -> Told:
        """Everything once, now, whatever the share."""
        async with self._turn:
            return await self._run_all(progress)

    async def _run_all(self, progress: Progress | None) -> Told:
        await self._stop()
        whole = await self._memory.cursor(BASELINE) is not None and self._outlines.whole
        self._running = (_CHANGES, self._whole.differences() if whole else self._whole.stretches(0))
        total = Told()
        while self.under_way:
            told, read = await self._stretch()
            total += told
            if progress is not None:
                await progress(read=read, published=told.published, skipped=told.skipped)
        await self.set_baseline()
        return total

    async def stop(self) -> None:
        """Give up the sweep that runs; it begins again later."""
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        self._outdated = False
        if self._running is not None:
            running, self._running = self._running[1], None
            await running.aclose()

    async def set_baseline(self) -> None:
        """Every product has been published once; nothing is due now unless reference data changed meanwhile."""
        now = self._clock.now().isoformat()
        if not self._baseline:
            await self._memory.save_cursor(BASELINE, {"finished": now})
            self._baseline = True
        for name in self._every:
            if name != _CHANGES or not self._outdated:
                await self._memory.save_cursor(name, {"finished": now})

    async def soon(self) -> None:
        """Nothing that was compared holds any more: sweep the whole catalogue at the next occasion."""
        self._outlines.clear()
        self._outdated = True  # a stretch may be under way in another task
        await self._memory.save_cursor(_CHANGES, None)

    async def _choose(self) -> None:
        waits = {name: await self._wait_for(name) for name in self._every}
        name = min(waits, key=lambda each: waits[each])
        if name == _DELETIONS:
            self._running = (name, self._gone.walk(Priority.SYNC))
        elif self._outlines.whole:
            self._running = (name, self._whole.differences())
        else:
            position = await self._position(name)
            self._running = (name, self._whole.stretches(int(position.get("after", 0))))

    async def _stretch(self) -> tuple[Told, int]:
        """Publish until a call was made; what was told, and how many products were read."""
        assert self._running is not None  # noqa: S101 - chosen by the caller
        name, stretches = self._running
        before, told, read = self._client.order, Told(), 0
        try:
            while (stretch := await anext(stretches, None)) is not None:
                told += stretch.told
                read += stretch.read
                if name == _CHANGES and not self._outlines.whole and not self._outdated:
                    position = await self._position(name)
                    await self._memory.save_cursor(name, {**position, "after": stretch.until})
                if self._client.order > before:
                    break
        except BaseException:
            await self._stop()
            raise
        if stretch is None:
            self._running = None
        if stretch is None and not self._outdated:
            finished = {"finished": self._clock.now().isoformat()}
            await self._memory.save_cursor(name, finished)
            if name == _CHANGES:  # it has compared all ids as well
                await self._memory.save_cursor(_DELETIONS, finished)
        self._pause.spent(self._client.order - before)
        return told, read

    async def _wait_for(self, name: str) -> float:
        finished = (await self._position(name)).get("finished")
        if finished is None:
            return 0.0
        due = datetime.fromisoformat(finished) + self._every[name]
        return max(0.0, (due - self._clock.now()).total_seconds())

    async def _position(self, name: str) -> Mapping[str, Any]:
        return await self._memory.cursor(name) or {}
