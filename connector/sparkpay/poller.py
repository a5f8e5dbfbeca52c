"""Watches one Spark Pay store and publishes what changes there."""

import asyncio
import math
from collections.abc import Sequence

from connector.choice import Choice
from connector.clock import Clock
from connector.errors import ConfirmationNeeded, CredentialsRefused, PayLayerError
from connector.pace import IdleLooks
from connector.ports import Echoes, Findings, Hints, Memory, NoEchoes, NoFindings, Outlet, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparkpay.chosen import tell_chosen
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.hinted import HintedReads
from connector.sparkpay.pace import SweepPause, calls_per_second, paces
from connector.sparkpay.product_state import DEFAULT_MAPPING, OnProblem, ProductMapping, kept_in, log_problem
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.sender import Sender
from connector.sparkpay.store_identity import StoreIdentity
from connector.sparkpay.stream import Stream
from connector.sparkpay.streams import streams_of, tables_of
from connector.sparkpay.told import Told
from connector.sparkpay.webhook_trust import WebhookTrust

_WHILE_SYNCING = 5.0
_WITHOUT_SYNC = 60.0
"""Seconds until a sweep looks whether there is anything for it to do."""


class Poller:
    """The only reader of a connection: live poll, sweeps and full syncs, which may run side by side as tasks.

    What it reads is what the connection's flow names Spark Pay as a source of. Every method raises the typed errors of
    `connector.errors` and then has stored no position that it did not reach; calling it again goes on from there.
    `CredentialsRefused` and `ConfirmationNeeded` mean that a person must act.
    """

    def __init__(  # noqa: PLR0917 - the whole world of a poller
        self,
        client: SparkPayClient,
        memory: Memory,
        outlet: Outlet,
        settings: ConnectionSettings,
        connection: str,
        clock: Clock,
        *,
        interval_seconds: float = 5.0,
        mapping: ProductMapping = DEFAULT_MAPPING,
        on_problem: OnProblem = log_problem,
        echoes: Echoes | None = None,
        hints: Hints | None = None,
        findings: Findings | None = None,
        idle: IdleLooks | None = None,
    ) -> None:
        """`hints`: what webhooks named; without them every change is found by looking. `findings` keep problems.

        `idle` are the looks of all readers of the process.
        """
        findings = findings or NoFindings()
        self._client = client
        self._memory = memory
        self._clock = clock
        self._idle = idle or IdleLooks(math.inf)
        self._trust = WebhookTrust(clock, settings.poll.webhook_slack)
        identity = StoreIdentity(memory, settings, connection)
        self.reference = ReferenceBook(client, settings, clock, tables=tables_of(settings), check_store=identity.check)
        self._pause = SweepPause(settings, clock)
        self.streams: Sequence[Stream] = streams_of(
            client,
            memory,
            Sender(memory, outlet, echoes or NoEchoes(), findings),
            self.reference,
            settings,
            connection,
            clock,
            pause=self._pause,
            mapping=mapping,
            on_problem=kept_in(findings, on_problem),
            on_found=self._trust.polled,
        )
        named = {resource: read for stream in self.streams for resource, read in stream.named.items()}
        self._hinted = (
            HintedReads(hints, named, clock, self._trust, calls_per_second(settings)) if hints is not None else None
        )
        looks = {name: weight for stream in self.streams for name, weight in stream.looks.items()}
        slow = [name for stream in self.streams for name in stream.slow]
        self.paces = paces(settings, interval_seconds, looks, slow, connection=connection)
        self._full_syncs = 0
        self._looking = False
        self._swept = 0
        self._turn = asyncio.Lock()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of entities that the store is read for."""
        return frozenset[str]().union(*(stream.kinds for stream in self.streams))

    async def step(self) -> float:
        """Do what is due; returns the seconds until something is due again.

        A sweep waits behind all other traffic of the store. Where that may be heavy run `look_step` and `sweep_step` as
        two loops, so that looking does not wait for sweeping.
        """
        look, sweep = await self.look_step(), await self.sweep_step()
        return min(look, sweep)

    async def look_step(self) -> float:
        """Look at the resources that are due; returns the seconds until one is due again."""
        async with self._turn:
            now = self._clock.monotonic()
            if not self._looking:
                await self._begin_looking(now)
            due = [name for name, pace in self.paces.items() if pace.due <= now]
            if due:
                await self._look(due, Priority.LIVE)
            soonest = min((pace.due for pace in self.paces.values()), default=now + _WITHOUT_SYNC)
            return max(0.0, soonest - self._clock.monotonic())

    async def _begin_looking(self, now: float) -> None:
        """A part that was never looked at is about to be walked as a whole: the first look can wait its turn."""
        self._idle.join(self, self.paces.values())
        for stream in self.streams:
            if await stream.is_new():
                for name in (*stream.looks, *stream.slow):
                    self.paces[name].begin_later(now, slack=self._idle.slack)
        self._looking = True

    async def sweep_step(self) -> float:
        """Go on with a sweep if one is due; returns the seconds until there is more to do.

        The parts of the store take turns, so that a long sweep of one does not hold up the others.
        """
        if self._full_syncs or not self.streams:
            return _WHILE_SYNCING if self._full_syncs else _WITHOUT_SYNC
        first = any([await stream.has_walked() for stream in self.streams])
        for turn in range(len(self.streams)):
            place = (self._swept + turn) % len(self.streams)
            if await self.streams[place].seconds_until_sweep(first=first) <= 0:
                self._swept = place + 1
                await self.streams[place].sweep()
                break
        waits = [await stream.seconds_until_sweep(first=first) for stream in self.streams]
        return min([*waits, _WITHOUT_SYNC])

    async def hint_step(self) -> float:
        """Read what webhooks named; returns the seconds until it may be called again."""
        return await self._hinted.step() if self._hinted is not None else 0.0

    async def poll_once(self, priority: Priority = Priority.LIVE) -> Told:
        """Look at every resource now."""
        async with self._turn:
            return await self._look(list(self.paces), priority)

    async def catch_up(self, progress: Progress | None = None, priority: Priority = Priority.LIVE) -> Told:
        """Look at everything and sweep once, now: after it nothing that differs is unpublished."""
        async with self._turn:
            told = await self._look(list(self.paces), priority, afresh=True)
            if progress is not None:
                await progress(published=told.published, skipped=told.skipped)
            for stream in self.streams:
                told += await stream.sweep_all(progress)
        return told

    async def full_sync(
        self,
        run_id: str,
        progress: Progress | None = None,
        *,
        force: bool = False,
        only: frozenset[str] | None = None,
    ) -> Told:
        """Read and publish everything. Cancelled or failed, the same run goes on after the last stretch.

        `force` publishes what has not changed as well, with the ids and times it had. What changes meanwhile is found
        by the live poll, which watches from the start of the first walk on. `only` limits what is told to some kinds
        (none or empty: all).
        """
        total = Told()
        self._full_syncs += 1
        try:
            for stream in self.streams:
                if not only or stream.kinds & only:
                    total += await stream.full_sync(run_id, progress, force=force, only=only)
        finally:
            self._full_syncs -= 1
        for stream in self.streams:
            await stream.forget_run(run_id)
        return total

    async def sync_chosen(
        self,
        run_id: str,
        choice: Choice,
        progress: Progress | None = None,
        *,
        force: bool = False,
        only: frozenset[str] = frozenset(),
    ) -> Told:
        """Read and publish a part of the store, see `tell_chosen`. The same run goes on where it was."""
        return await tell_chosen(self.streams, self._client, self._memory, run_id, choice, only, progress, force=force)

    async def close(self) -> None:
        """Give up a sweep that is under way; call it when the poller is not needed any more."""
        self._idle.leave(self)
        for stream in self.streams:
            await stream.stop()

    async def _look(self, due: list[str], priority: Priority, *, afresh: bool = False) -> Told:
        """Look at each part of the store; what fails in one does not keep the others from being looked at."""
        told, failure = Told(), None
        if self._hinted is not None:
            await self._hinted.learn()
        for stream in self.streams:
            mine = [name for name in due if name in stream.looks or name in stream.slow]
            if not mine:
                continue
            try:
                changed, more = await stream.poll(mine, priority, afresh=afresh)
            except (CredentialsRefused, ConfirmationNeeded):
                raise
            except PayLayerError as error:
                failure = failure or error
                continue
            told += more
            for name in mine:
                slack = self._trust.factor(name.rpartition(":")[2]) * self._idle.slack
                self.paces[name].looked(self._clock.monotonic(), found=name in changed, slack=slack)
        if failure is not None:
            raise failure
        return told
