"""Gives connections to processes: whoever holds the lease works, and a dead process loses its leases within seconds."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from connector.clock import Clock
from connector.engine.book import ConnectionBook
from connector.engine.policies import Backoff
from connector.errors import Unavailable
from connector.state.connections import Connection
from connector.state.workers import Workers

log = structlog.get_logger("paylayer.supervisor")
BEAT_SECONDS = 1.0
STOP_SECONDS = 9
LOST_AFTER_SECONDS = 3.5  # below the lease's life: a process that cannot reach the database stops before another starts

Job = Callable[[Connection], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class _Running:
    task: asyncio.Task[None]
    version: int


@dataclass(slots=True)
class Supervisor:
    """Runs one task per connection and job (`poll`, `apply:<side>`) whose lease this process holds."""

    worker: str
    jobs: Mapping[str, Job]
    workers: Workers
    book: ConnectionBook
    clock: Clock
    rng: random.Random = field(default_factory=random.Random)
    backoff: Backoff = field(default_factory=Backoff)
    _running: dict[str, _Running] = field(default_factory=dict)
    _crashes: dict[str, int] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _beaten_at: float = 0.0
    last_tick: float = 0.0

    async def run(self) -> None:
        """Until cancelled; then every task is stopped and the leases are given back."""
        self._beaten_at = self.clock.monotonic()
        try:
            while True:
                await self.step()
                await self.clock.sleep(BEAT_SECONDS)
        finally:
            await self._stop(list(self._running))
            await self.workers.leave(self.worker)

    async def step(self) -> None:
        """One heartbeat: keep, take and give up leases, start and stop tasks accordingly.

        Raises `Unavailable` when this process is not on the list of workers any more: it has to start anew.
        """
        self.last_tick = self.clock.monotonic()
        try:
            listed = await self.workers.beat(self.worker)
            self._beaten_at = self.clock.monotonic()
            held, wanted = await self._leases() if listed else (set(), {})
        except Exception as error:  # noqa: BLE001 - whatever the database's driver raises: the beat failed, so say and judge
            await self._missed(error)
            return
        await self._stop([name for name in self._running if name not in held])
        if not listed:
            raise Unavailable(
                "the database does not list this process as a worker any more; it ends to be started anew"
            )
        for name in sorted(held):
            await self._keep(name, wanted[name])

    async def _leases(self) -> tuple[set[str], dict[str, Connection]]:
        known = await self.book.all()
        active = {id_: found for id_, found in known.items() if found.state == "active"}
        wanted = {f"{job}:{id_}": found for id_, found in active.items() for job in self.jobs}
        return (await self.workers.acquire(self.worker, sorted(wanted)) if wanted else set()), wanted

    async def _missed(self, error: Exception) -> None:
        """Without the database nobody knows who holds a lease: stop before another process may start."""
        if self._running and self.clock.monotonic() - self._beaten_at > LOST_AFTER_SECONDS:
            log.critical("leases_lost", error=str(error))
            await self._stop(list(self._running), beating=False)
        else:
            log.warning("heartbeat_failed", error=str(error))

    async def _keep(self, name: str, connection: Connection) -> None:
        running = self._running.get(name)
        if running is not None and running.task.done():
            self._crashed(name, running.task)
            running = None
        elif running is not None and running.version != connection.version:
            log.info("settings_changed", job=name)
            await self._stop([name])
            running = None
        if running is None and self.clock.monotonic() >= self._not_before.get(name, 0.0):
            job = self.jobs[name.removesuffix(f":{connection.id}")]
            task = asyncio.create_task(job(connection), name=name)
            self._running[name] = _Running(task, connection.version)

    def _crashed(self, name: str, task: asyncio.Task[None]) -> None:
        """A job ends only by a fault of ours or of the database: it is tried again, ever more slowly."""
        error = None if task.cancelled() else task.exception()
        del self._running[name]
        self._crashes[name] = self._crashes.get(name, 0) + 1
        wait = self.backoff.delay(self._crashes[name], self.rng)
        self._not_before[name] = self.clock.monotonic() + wait
        log.error("job_ended", job=name, retry_in=round(wait, 1), exc_info=error)

    async def _stop(self, names: list[str], *, beating: bool = True) -> None:
        """Cancel tasks and wait for them, for at most nine seconds; the heart goes on beating meanwhile."""
        stopping = {self._running.pop(name).task for name in names if name in self._running}
        for task in stopping:
            task.cancel()
        for _ in range(STOP_SECONDS):
            if not stopping:
                return
            _, stopping = await asyncio.wait(stopping, timeout=BEAT_SECONDS)
            if beating and stopping:
                await self.workers.beat(self.worker)
