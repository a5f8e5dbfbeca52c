"""Observing one platform of a connection: live looks, and the syncs that people ask for, side by side."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from connector.choice import Choice
from connector.clock import Clock
from connector.engine.lookout import Lookout
from connector.engine.metrics import Metrics
from connector.engine.places import SyncPlaces
from connector.engine.policies import Backoff
from connector.engine.standstill import Access, Standstill
from connector.engine.tally import CallsOfRun, Tally
from connector.engine.usage import CallMeter
from connector.errors import ConfirmationNeeded, CredentialsRefused, PayLayerError, UserFault
from connector.ports import Progress
from connector.state.pauses import BY_HAND, Pause, PauseKind, SidePauses
from connector.state.runs import Run, Runs
from connector.state.unmapped import UnmappedEntities
from contracts.entities import KINDS

log = structlog.get_logger("paylayer.producer")
LOOK_SECONDS = 0.5
SHORTEST_SECONDS = 0.05
OTHERS_SECONDS = (0.2, 2.0)  # the first pause, and the longest, while another side's platform is read for a run
READING = frozenset({"reading"})
OF_PRODUCTS = frozenset({"price", "stock"})  # Spark Pay has them in its products, which are read for them
_KEYS = {"sparkpay": "a valid token: {} --sparkpay-token ...", "sparklayer": "valid keys: {} --client-secret ..."}

Step = Callable[[], Awaitable[float]]
"""Does what is due, and says in how many seconds there is more to do."""


class Reader(Protocol):
    """Reads one platform for a sync; raises the typed errors of `connector.errors` and then goes on where it was."""

    async def catch_up(self, progress: Progress) -> object:
        """Publish whatever differs from what was published."""
        ...

    async def full_sync(
        self, run_id: str, progress: Progress, *, force: bool, only: frozenset[str] | None = None
    ) -> object:
        """Publish everything, or some kinds; with `force` also what has not changed."""
        ...

    async def sync_chosen(
        self, run_id: str, choice: Choice, progress: Progress, *, force: bool, only: frozenset[str]
    ) -> object:
        """Publish what is new of a part, or with `force` all of it."""
        ...

    async def close(self) -> None:
        """Nothing is asked any more."""
        ...


@dataclass(slots=True)
class Producer:
    """Turns what a platform shows into events, for as long as this process holds the lease of connection and side.

    A sync is one run, whatever it reads. One producer leads it: it starts the run, waits for the `others` that read
    their platforms for the same run, and ends it when all is applied. One that does not lead only reads its part.
    """

    connection: str
    side: str
    reader: Reader
    steps: Mapping[str, Step]
    runs: Runs
    meter: CallMeter
    tally: Tally
    pauses: SidePauses
    lookout: Lookout
    places: SyncPlaces
    clock: Clock
    until_settled: Callable[[str], Awaitable[None]]  # returns when everything published so far is applied or refused
    leads: bool = True
    others: frozenset[str] = frozenset()
    rng: random.Random = field(default_factory=random.Random)
    backoff: Backoff = field(default_factory=lambda: Backoff(first_seconds=2.0))
    metrics: Metrics | None = None
    access: Access | None = None  # after a refusal of the credentials; without it only a person ends that pause
    version: int | None = None  # of the connection as it is given here: what it meets pauses no newer one
    unmapped: UnmappedEntities | None = None  # what the reader tells that it could not map
    standstill: Standstill = field(init=False)
    last_tick: float = 0.0

    def __post_init__(self) -> None:
        self.standstill = Standstill(
            self.connection, self.side, self.pauses, self.clock, self.rng, self.metrics, self.access, self.version
        )

    async def run(self) -> None:
        """Look and serve sync requests until cancelled."""
        self.last_tick = self.clock.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for name, step in self.steps.items():
                    group.create_task(self._forever(step), name=f"{name}:{self.connection}:{self.side}")
                serving = self._lead() if self.leads else self._follow()
                group.create_task(serving, name=f"sync:{self.connection}:{self.side}")
        finally:
            await self.reader.close()

    async def _forever(self, step: Step) -> None:
        """Repeat a step; what fails leaves its positions and is tried again, ever more slowly."""
        failures = 0
        while True:
            self.last_tick = self.clock.monotonic()
            if (standing := self._standing) is not None:
                if standing.probe_is_due(self.clock.now()) and await self.standstill.ask(standing):
                    await self.lookout.look()
                else:
                    await self.clock.sleep(LOOK_SECONDS)
                continue
            try:
                pause = await step()
                await self._save_unmapped()
            except (CredentialsRefused, ConfirmationNeeded) as error:
                await self._pause(error)
            except PayLayerError as error:
                failures += 1
                wait = self.backoff.delay(failures, self.rng)
                log.warning("poll_failed", **self._who, error=str(error), retry_in=round(wait, 1))
                await self.clock.sleep(wait)
            else:
                failures = 0
                await self.clock.sleep(max(pause, SHORTEST_SECONDS))

    async def _lead(self) -> None:
        for run in await self.runs.unfinished(self.connection):
            async with self._place(run):
                await self._serve(run)  # a process before this one began it: it goes on where its cursor stands
        while True:
            if self._standing is not None:
                await self.clock.sleep(LOOK_SECONDS)
            elif (asked := await self.runs.next_requested(self.connection)) is not None:
                async with self._place(asked):
                    await self._serve(await self.runs.start(asked.id))
            else:
                await self.lookout.sync_requested(self.connection)

    async def _follow(self) -> None:
        """Read this side's part of every run that was started, side by side with the one that leads it."""
        while True:
            if self._standing is not None:
                await self.clock.sleep(LOOK_SECONDS)
            elif (run := await self.runs.to_read(self.connection, self.side)) is not None:
                async with self._place(run):
                    if await self._read_or_fail(run):
                        await self.runs.part_read(run, self.side)
            else:
                await self.clock.sleep(LOOK_SECONDS)  # the run that was read last may be under way for hours
                await self.lookout.sync_requested(self.connection, READING)

    def _place(self, run: Run) -> AbstractAsyncContextManager[None]:
        """Walks wait for a place; looking for what changed is short enough to begin at once."""
        walks = (run.full or run.entities) and run.state != "applying"
        return self.places.taken() if walks else nullcontext()

    async def _serve(self, run: Run) -> None:
        log.info("sync_started", **self._who, run=run.id, full=run.full, entities=run.entities or "all")
        counting = CallsOfRun(self.connection, run.id, self.runs, self.meter)
        await counting.begin()
        if run.state != "applying" and not (await self._read_or_fail(run) and await self._others_have_read(run)):
            return
        await self.runs.reading_done(run.id)
        await self.until_settled(self.connection)
        await counting.add()
        await self.tally.save()
        await self.runs.settle_counts(run.id)
        await self.runs.finish(run.id)
        log.info("sync_finished", **self._who, run=run.id)

    async def _read_or_fail(self, run: Run) -> bool:
        """Whether everything was read; a run that a person has to do something for fails with that sentence."""
        try:
            await self._read(run)
        except (CredentialsRefused, ConfirmationNeeded, UserFault) as error:
            if not isinstance(error, UserFault):
                await self._pause(error)
            await self.runs.fail(run.id, str(error))
            return False
        return True

    async def _others_have_read(self, run: Run) -> bool:
        """Wait for the other sides' parts; false where one of them has failed the run."""
        pause, longest = OTHERS_SECONDS
        while not self.others <= await self.runs.parts_read(run.id):
            if (await self.runs.get(run.id)).over:
                return False
            await self.clock.sleep(pause)
            pause = min(longest, pause * 1.2)
        return True

    async def _read(self, run: Run) -> None:
        """Read and publish everything that the run asks for; a failure of the platform only delays it."""

        async def progress(*, read: int = 0, published: int = 0, skipped: int = 0) -> None:
            await self.runs.progress(run.id, read=read, published=published, skipped=skipped)

        failures = 0
        while True:
            try:
                if run.choice is not None:
                    kinds = frozenset(run.entities)
                    await self.reader.sync_chosen(run.id, run.choice, progress, force=run.full, only=kinds)
                elif run.entities:
                    await self.reader.full_sync(run.id, progress, force=run.full, only=frozenset(run.entities))
                    await self._all_read(run, frozenset(run.entities))
                elif run.full:
                    await self.reader.full_sync(run.id, progress, force=True)
                    await self._all_read(run, frozenset(KINDS))
                else:
                    await self.reader.catch_up(progress)
                await self._save_unmapped()
            except (CredentialsRefused, ConfirmationNeeded, UserFault):
                raise
            except PayLayerError as error:
                failures += 1
                wait = self.backoff.delay(failures, self.rng)
                log.warning("sync_interrupted", **self._who, run=run.id, error=str(error), retry_in=wait)
                await self.clock.sleep(wait)
            else:
                return

    async def _save_unmapped(self) -> None:
        if self.unmapped is not None:
            await self.unmapped.save()

    async def _all_read(self, run: Run, kinds: frozenset[str]) -> None:
        """What could not be mapped before the run and was not met in it is not there any more."""
        if self.unmapped is not None and run.started_at is not None:
            with_products = kinds | {"product"} if kinds & OF_PRODUCTS else kinds
            await self.unmapped.not_seen_since(with_products, run.started_at)

    async def _pause(self, error: CredentialsRefused | ConfirmationNeeded) -> None:
        reason = str(error)
        kind: PauseKind = BY_HAND  # what somebody has to confirm is never tried again by itself
        if isinstance(error, CredentialsRefused):
            kind = "credentials"
            reason += ". Give it " + _KEYS[self.side].format(f"paylayer connections update {self.connection}")
        await self.standstill.begin(reason, kind)
        await self.lookout.look()

    @property
    def _standing(self) -> Pause | None:
        """The pause of the side; where only writing stands still, it is read as always."""
        pause = self.lookout.pause(self.connection, self.side)
        return pause if pause is not None and pause.stops_reading else None

    @property
    def _who(self) -> dict[str, str]:
        return {"connection": self.connection, "side": self.side}
