"""Observing one connection's store: the live poll, and the syncs that people ask for, side by side."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

import structlog

from connector.clock import Clock
from connector.engine.lookout import Lookout
from connector.engine.metrics import Metrics
from connector.engine.places import SyncPlaces
from connector.engine.policies import Backoff
from connector.engine.standstill import Access, Standstill
from connector.engine.tally import CallsOfRun, Tally
from connector.engine.usage import CallMeter
from connector.errors import ConfirmationNeeded, CredentialsRefused, PayLayerError, UserFault
from connector.sparkpay.poller import Poller
from connector.state.pauses import BY_HAND, PauseKind, SidePauses
from connector.state.runs import Run, Runs

log = structlog.get_logger("paylayer.producer")
SIDE = "sparkpay"
LOOK_SECONDS = 0.5
SHORTEST_SECONDS = 0.05


@dataclass(slots=True)
class SparkPayProducer:
    """Turns what a store shows into events, for as long as this process holds the connection's lease."""

    connection: str
    poller: Poller
    runs: Runs
    meter: CallMeter
    tally: Tally
    pauses: SidePauses
    lookout: Lookout
    places: SyncPlaces
    clock: Clock
    until_settled: Callable[[str], Awaitable[None]]  # returns when everything published so far is applied or refused
    rng: random.Random = field(default_factory=random.Random)
    backoff: Backoff = field(default_factory=lambda: Backoff(first_seconds=2.0))
    metrics: Metrics | None = None
    access: Access | None = None  # after a refusal of the token; without it only a person ends that pause
    standstill: Standstill = field(init=False)
    last_tick: float = 0.0

    def __post_init__(self) -> None:
        self.standstill = Standstill(
            self.connection, SIDE, self.pauses, self.clock, self.rng, self.metrics, self.access
        )

    async def run(self) -> None:
        """Poll, sweep and serve sync requests until cancelled."""
        self.last_tick = self.clock.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forever(self.poller.look_step), name=f"poll:{self.connection}")
                group.create_task(self._forever(self.poller.sweep_step), name=f"sweep:{self.connection}")
                group.create_task(self._forever(self._hint_step), name=f"hints:{self.connection}")
                group.create_task(self._serve_requests(), name=f"sync:{self.connection}")
        finally:
            await self.poller.close()

    async def _forever(self, step: Callable[[], Awaitable[float]]) -> None:
        """Repeat a step of the poller; what fails leaves its cursors and is tried again, ever more slowly."""
        failures = 0
        while True:
            self.last_tick = self.clock.monotonic()
            if (standing := self.lookout.pause(self.connection, SIDE)) is not None:
                if standing.probe_is_due(self.clock.now()) and await self.standstill.ask(standing):
                    await self.lookout.look()
                else:
                    await self.clock.sleep(LOOK_SECONDS)
                continue
            try:
                pause = await step()
            except (CredentialsRefused, ConfirmationNeeded) as error:
                await self._pause(error)
            except PayLayerError as error:
                failures += 1
                wait = self.backoff.delay(failures, self.rng)
                log.warning("poll_failed", connection=self.connection, error=str(error), retry_in=round(wait, 1))
                await self.clock.sleep(wait)
            else:
                failures = 0
                await self.clock.sleep(max(pause, SHORTEST_SECONDS))

    async def _hint_step(self) -> float:
        """Read what webhooks named, as soon as they have."""
        await self.lookout.hinted(self.connection)
        return await self.poller.hint_step()

    async def _serve_requests(self) -> None:
        for run in await self.runs.unfinished(self.connection):
            async with self._place(run):
                await self._serve(run)  # a process before this one began it: it goes on where its cursor stands
        while True:
            if self.lookout.paused(self.connection, SIDE):
                await self.clock.sleep(LOOK_SECONDS)
            elif (asked := await self.runs.next_requested(self.connection)) is not None:
                async with self._place(asked):
                    await self._serve(await self.runs.start(asked.id))
            else:
                await self.lookout.sync_requested(self.connection)

    def _place(self, run: Run) -> AbstractAsyncContextManager[None]:
        """Walks wait for a place; looking for what changed is short enough to begin at once."""
        walks = (run.full or run.entities) and run.state != "applying"
        return self.places.taken() if walks else nullcontext()

    async def _serve(self, run: Run) -> None:
        log.info("sync_started", connection=self.connection, run=run.id, full=run.full, entities=run.entities or "all")
        counting = CallsOfRun(self.connection, run.id, self.runs, self.meter)
        await counting.begin()
        try:
            await self._read(run)
        except (CredentialsRefused, ConfirmationNeeded, UserFault) as error:
            if not isinstance(error, UserFault):
                await self._pause(error)
            await self.runs.fail(run.id, str(error))
            return
        await self.runs.reading_done(run.id)
        await self.until_settled(self.connection)
        await counting.add()
        await self.tally.save()
        await self.runs.settle_counts(run.id)
        await self.runs.finish(run.id)
        log.info("sync_finished", connection=self.connection, run=run.id)

    async def _read(self, run: Run) -> None:
        """Read and publish everything that the run asks for; a failure of the platform only delays it."""
        if run.state == "applying":
            return

        async def progress(*, read: int = 0, published: int = 0, skipped: int = 0) -> None:
            await self.runs.progress(run.id, read=read, published=published, skipped=skipped)

        failures = 0
        while True:
            try:
                if run.entities:
                    await self.poller.full_sync(run.id, progress, force=run.full, only=frozenset(run.entities))
                elif run.full:
                    await self.poller.full_sync(run.id, progress, force=True)
                else:
                    await self.poller.catch_up(progress)
            except (CredentialsRefused, ConfirmationNeeded, UserFault):
                raise
            except PayLayerError as error:
                failures += 1
                wait = self.backoff.delay(failures, self.rng)
                log.warning("sync_interrupted", connection=self.connection, run=run.id, error=str(error), retry_in=wait)
                await self.clock.sleep(wait)
            else:
                return

    async def _pause(self, error: CredentialsRefused | ConfirmationNeeded) -> None:
        reason = str(error)
        kind: PauseKind = BY_HAND  # what somebody has to confirm is never tried again by itself
        if isinstance(error, CredentialsRefused):
            kind = "credentials"
            reason += f". Give it a valid token: paylayer connections update {self.connection} --sparkpay-token ..."
        await self.standstill.begin(reason, kind)
        await self.lookout.look()
