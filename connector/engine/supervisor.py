"""Gives connections to processes: whoever holds the lease works, and a dead process loses its leases within seconds."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from connector.clock import Clock
from connector.engine.book import ConnectionBook
from connector.engine.policies import Backoff
from connector.errors import PayLayerError, Unavailable
from connector.state.connections import Connection
from connector.state.lease import Lease, LeaseLost
from connector.state.workers import Workers

log = structlog.get_logger("paylayer.supervisor")
BEAT_SECONDS = 1.0
EAGER_SECONDS = 0.25
HEIR_SECONDS = 6.0  # this process may have been started because one was killed, whose leases expire within seconds
STOP_SECONDS = 8.5  # of the ten that an orchestrator gives
LOST_AFTER_SECONDS = 3.0  # below the lease's life: a process that cannot reach the database stops before another starts
_MOMENT = 0.1  # most jobs end within it
_LAST_WORDS_SECONDS = 0.5  # for the database, when the process ends

Job = Callable[[Connection, Lease], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class _Running:
    task: asyncio.Task[None]
    version: int
    lease: Lease


@dataclass(slots=True)
class Supervisor:
    """Runs one task per connection and job (`poll`, `apply:<side>`) whose lease this process holds.

    `jobs` are by role and name. A job that is told to stop may take seconds for its last calls; meanwhile the lease is
    kept, and nothing else waits for it.
    """

    worker: str
    jobs: Mapping[str, Mapping[str, Job]]
    workers: Workers
    book: ConnectionBook
    clock: Clock
    rng: random.Random = field(default_factory=random.Random)
    backoff: Backoff = field(default_factory=Backoff)
    starts_per_beat: Mapping[str, int] = field(default_factory=dict)  # by role; none named = all at once
    needed: Callable[[str, Connection], bool] = lambda _job, _connection: True  # a job without work costs no lease
    _running: dict[str, _Running] = field(default_factory=dict)
    _ending: dict[str, _Running] = field(default_factory=dict)
    _crashes: dict[str, int] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _beaten_at: float = 0.0
    last_tick: float = 0.0

    async def run(self) -> None:
        """Until cancelled; then every task is stopped and the leases are given back, each as soon as it is free."""
        self._beaten_at = began = self.clock.monotonic()
        try:
            while True:
                await self.step()
                heir = not self._running and self.clock.monotonic() < began + HEIR_SECONDS
                await self.clock.sleep(EAGER_SECONDS if heir else BEAT_SECONDS)
        finally:
            await self._end()

    async def step(self) -> None:
        """One heartbeat: keep, take and hand over leases, start and stop tasks accordingly.

        Raises `Unavailable` when this process is not on the list of workers any more: it has to start anew.
        """
        began = self.last_tick = self.clock.monotonic()
        try:
            listed = await self.workers.beat(self.worker)
            wanted = await self._wanted() if listed else {}
            names = {role: sorted(found) for role, found in wanted.items()}
            holding = await self.workers.acquire(self.worker, names) if any(names.values()) else None
        except Exception as error:  # noqa: BLE001 - whatever the database's driver raises: the beat failed, so say and judge
            await self._missed(error)
            return
        since = {} if holding is None else holding.since
        surplus = set() if holding is None else set(holding.surplus)
        self._renew(began, since)
        jobs = {name: found for of_role in wanted.values() for name, found in of_role.items()}
        await self._stop(name for name, job in self._running.items() if since.get(name) != job.lease.since)
        if not listed:
            raise Unavailable(
                "the database does not list this process as a worker any more; it ends to be started anew"
            )
        await self._hand_over(surplus)
        await self._stop(self._outdated(jobs))
        for role, found in wanted.items():
            left = self.starts_per_beat.get(role, len(found))
            for name in [name for name in found if name in since and name not in surplus]:  # whole connections first
                job, connection = found[name]
                left -= self._keep(name, job, connection, since[name], start=left > 0)

    def _renew(self, began: float, since: Mapping[str, datetime]) -> None:
        """The heartbeat that was sent after `began` keeps these leases a little longer."""
        self._beaten_at = began
        for name, job in [*self._running.items(), *self._ending.items()]:
            if since.get(name) == job.lease.since:
                job.lease.until = self._lost_at()

    def _lost_at(self) -> float:
        return self._beaten_at + LOST_AFTER_SECONDS

    async def _wanted(self) -> dict[str, dict[str, tuple[Job, Connection]]]:
        """By role and lease: what there is to do."""
        active = [found for found in (await self.book.all()).values() if found.state == "active"]
        return {
            role: {
                f"{name}:{found.id}": (job, found)
                for found in active
                for name, job in jobs.items()
                if self.needed(name, found)
            }
            for role, jobs in self.jobs.items()
        }

    async def _missed(self, error: Exception) -> None:
        """Without the database nobody knows who holds a lease: stop before another process may start."""
        if self._running and self.clock.monotonic() >= self._lost_at():
            log.critical("leases_lost", error=str(error))
            await self._stop(list(self._running))
        else:
            log.warning("heartbeat_failed", error=str(error))

    def _outdated(self, jobs: Mapping[str, tuple[Job, Connection]]) -> list[str]:
        """Running jobs whose connection was changed."""
        changed = [name for name, running in self._running.items() if running.version != jobs[name][1].version]
        for name in changed:
            log.info("settings_changed", job=name)
        return changed

    def _keep(self, name: str, job: Job, connection: Connection, since: datetime, *, start: bool) -> bool:
        """Have the job running, if it may start now; whether it was started."""
        if name in self._running and self._running[name].task.done():
            self._ended(name, self._running[name].task)
        if start and name not in self._running and name not in self._still_ending() and self._may_start(name):
            lease = Lease(name, self.worker, since, self.clock, self._lost_at())
            task = asyncio.create_task(job(connection, lease), name=name)
            self._running[name] = _Running(task, connection.version, lease)
            return True
        return False

    def _may_start(self, name: str) -> bool:
        return self.clock.monotonic() >= self._not_before.get(name, 0.0)

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        """A job ends only by a fault of ours or of the database: it is tried again, ever more slowly."""
        error = None if task.cancelled() else task.exception()
        del self._running[name]
        if _only(LeaseLost, error):
            log.warning("lease_lost", job=name)
            return
        self._crashes[name] = self._crashes.get(name, 0) + 1
        wait = self.backoff.delay(self._crashes[name], self.rng)
        self._not_before[name] = self.clock.monotonic() + wait
        log.error("job_ended", job=name, retry_in=round(wait, 1), **_told(error))

    async def _stop(self, names: Iterable[str]) -> None:
        """Tell tasks to end. Most do at once; the others are forgotten when they have."""
        stopping = {name: self._running.pop(name) for name in list(names) if name in self._running}
        for running in stopping.values():
            running.task.cancel()
        self._ending |= stopping
        if stopping:
            await asyncio.wait([running.task for running in stopping.values()], timeout=_MOMENT)

    def _still_ending(self) -> dict[str, _Running]:
        for name in [name for name, running in self._ending.items() if running.task.done()]:
            task = self._ending.pop(name).task
            error = None if task.cancelled() else task.exception()
            if error is not None and not _only(LeaseLost, error):
                log.error("job_did_not_end_well", job=name, **_told(error))
        return self._ending

    async def _hand_over(self, names: set[str]) -> None:
        """Give leases to a process that has fewer, each as soon as its task has ended."""
        if not names:
            return
        if told := sorted(names & self._running.keys()):
            log.info("handing_over", jobs=told)
        await self._stop(told)
        if free := sorted(names - self._still_ending().keys()):
            await self.workers.release(self.worker, free)

    async def _end(self) -> None:
        """Stop everything, for a few seconds at most; the heart beats and leases are given back meanwhile."""
        began_to_end = self.clock.monotonic()
        last = began_to_end + STOP_SECONDS
        await self._stop(list(self._running))
        await self._say(self.workers.retire(self.worker))
        while (ending := self._still_ending()) and self.clock.monotonic() < last:
            began = self.clock.monotonic()
            if await self._say(self.workers.beat(self.worker)):
                self._renew(began, {name: job.lease.since for name, job in ending.items()})
            await self._say(self.workers.keep(self.worker, list(ending)))
            await asyncio.wait([job.task for job in ending.values()], timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        await self._say(self.workers.leave(self.worker))
        seconds = round(self.clock.monotonic() - began_to_end, 1)
        log.info("jobs_ended", seconds=seconds, cut_off=sorted(self._still_ending()))

    async def _say(self, words: Coroutine[Any, Any, object]) -> object:
        """Tell the database, if it listens; if not, what is held runs out by itself."""
        try:
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                return await words
        except Exception as error:  # noqa: BLE001 - the process ends, whatever the database says
            log.warning("farewell_failed", error=f"{type(error).__name__}: {error}")
            return None


def _only(kind: type[Exception], error: BaseException | None) -> bool:
    """Whether it was nothing but this; a task group bundles what its tasks raise."""
    if isinstance(error, BaseExceptionGroup):
        return all(_only(kind, each) for each in error.exceptions)
    return isinstance(error, kind)


def _told(error: BaseException | None) -> dict[str, Any]:
    """Our own errors say everything in a sentence; of others the place in the code is needed."""
    if not _only(PayLayerError, error):
        return {"exc_info": error}
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return {"error": str(error)}
