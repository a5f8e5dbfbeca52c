"""Watches one Spark Pay store and publishes what changes there."""

import asyncio
from contextlib import aclosing

from connector.clock import Clock
from connector.ports import Hints, Memory, Outlet, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ReferenceData
from connector.sparkpay.catalogue import Catalogue
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.gone import GoneProducts
from connector.sparkpay.hinted import HintedReads
from connector.sparkpay.live import CATALOGUE, REFERENCE, LivePoll
from connector.sparkpay.observer import Observer, Told
from connector.sparkpay.outlines import Outlines
from connector.sparkpay.pace import paces
from connector.sparkpay.product_state import DEFAULT_MAPPING, OnProblem, ProductMapping, log_problem
from connector.sparkpay.reference import ReferenceBook
from connector.sparkpay.selection import TOLD_KINDS, Selection
from connector.sparkpay.store_identity import StoreIdentity
from connector.sparkpay.sweep import Sweeps
from connector.sparkpay.webhook_trust import WebhookTrust
from connector.sparkpay.whole_walk import WholeWalk

_WHILE_SYNCING = 5.0
_WITHOUT_SYNC = 60.0
"""Seconds until a sweep looks whether there is anything for it to do."""


class Poller:
    """The only reader of a connection: live poll, sweeps and full syncs, which may run side by side as tasks.

    Every method raises the typed errors of `connector.errors` and then has stored no position that it did not reach;
    calling it again goes on from there. `CredentialsRefused` and `ConfirmationNeeded` mean that a person must act.
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
        hints: Hints | None = None,
    ) -> None:
        """`hints`: what webhooks named; without them every change is found by looking."""
        self._memory = memory
        self._clock = clock
        self._trust = WebhookTrust(clock, settings.poll.webhook_slack)
        identity = StoreIdentity(memory, settings, connection)
        self.reference = ReferenceBook(client, settings, clock, check_store=identity.check)
        self._catalogue = Catalogue(client, self.reference)
        self._observer = Observer(
            client,
            self._catalogue,
            memory,
            outlet,
            reference=self.reference,
            settings=settings,
            connection=connection,
            mapping=mapping,
            on_problem=on_problem,
        )
        outlines = Outlines()
        gone = GoneProducts(client, memory, self._observer, outlines, settings, connection)
        self._live = LivePoll(
            client,
            self._catalogue,
            self._observer,
            memory,
            reference=self.reference,
            gone=gone,
            settings=settings,
            outlines=outlines,
            on_changed=self._trust.polled,
        )
        self._hinted = hints and HintedReads(hints, {"products": self._live.tell_named}, clock, self._trust)
        self._whole = WholeWalk(client, self._catalogue, self._observer, self._live, gone, outlines)
        self._sweeps = Sweeps(client, self._whole, memory, gone=gone, settings=settings, clock=clock, outlines=outlines)
        self._paces = paces(settings, interval_seconds, CATALOGUE, REFERENCE)
        self._full_syncs = 0
        self._looking = False
        self._selections: dict[str, Selection] = {}
        self._compared: ReferenceData | None = None
        self._turn = asyncio.Lock()

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
            due = [name for name, pace in self._paces.items() if pace.due <= now]
            if due:
                await self._look(due, Priority.LIVE)
            return max(0.0, min(pace.due for pace in self._paces.values()) - self._clock.monotonic())

    async def _begin_looking(self, now: float) -> None:
        """A store that was never looked at is about to be walked as a whole: the first look can wait its turn."""
        if await self._live.is_new():
            for pace in self._paces.values():
                pace.due = now + pace.idle
        self._looking = True

    async def sweep_step(self) -> float:
        """Go on with a sweep if one is due; returns the seconds until there is more to do."""
        if not self._full_syncs and await self._sweeps.seconds_until_due() <= 0:
            await self._sweeps.advance()
            await self._compare_reference()
        return _WHILE_SYNCING if self._full_syncs else min(await self._sweeps.seconds_until_due(), _WITHOUT_SYNC)

    async def hint_step(self) -> float:
        """Read what webhooks named; returns the seconds until it may be called again."""
        return await self._hinted.step() if self._hinted else 0.0

    async def poll_once(self, priority: Priority = Priority.LIVE) -> Told:
        """Look at every resource now."""
        async with self._turn:
            return await self._look(list(self._paces), priority)

    async def catch_up(self, progress: Progress | None = None, priority: Priority = Priority.LIVE) -> Told:
        """Look at everything and sweep once, now: after it nothing that differs is unpublished."""
        async with self._turn:
            told = await self._look(list(self._paces), priority, afresh=True)
            if progress is not None:
                await progress(published=told.published, skipped=told.skipped)
            told += await self._sweeps.run_all(progress)
            await self._compare_reference()
        return told

    async def full_sync(
        self,
        run_id: str,
        progress: Progress | None = None,
        *,
        force: bool = False,
        only: frozenset[str] | None = None,
    ) -> Told:
        """Read and publish the whole catalogue. Cancelled or failed, the same run goes on after the last stretch.

        `force` publishes what has not changed as well, with the ids and times it had. What changes meanwhile is found
        by the live poll, which watches from the start of the first walk on. `only` limits what is told to some kinds
        (none or empty: all); the others are left for the live poll and the sweeps to find, as are deleted products.
        """
        kinds = TOLD_KINDS & (only or TOLD_KINDS)
        if not kinds:
            return Told()
        selection = None if kinds == TOLD_KINDS else self._selections.setdefault(run_id, Selection(kinds))
        name = f"full:{run_id}"
        position = await self._memory.cursor(name)
        after = int(position["after"]) if position else 0
        await self._live.begin(Priority.SYNC)
        total = Told()
        self._full_syncs += 1
        try:
            walk = (
                self._whole.stretches(after, force=force)
                if selection is None
                else self._whole.chosen(after, selection, force=force)
            )
            async with aclosing(walk) as stretches:
                async for stretch in stretches:
                    await self._memory.save_cursor(name, {"after": stretch.until})
                    total += stretch.told
                    if progress is not None:
                        told = stretch.told
                        await progress(read=stretch.read, published=told.published, skipped=told.skipped)
        finally:
            self._full_syncs -= 1
        if selection is None:
            await self._sweeps.set_baseline()
        self._selections.pop(run_id, None)
        await self._memory.save_cursor(name, None)
        return total

    async def close(self) -> None:
        """Give up a sweep that is under way; call it when the poller is not needed any more."""
        await self._sweeps.stop()

    async def _look(self, due: list[str], priority: Priority, *, afresh: bool = False) -> Told:
        changed, told = await self._live.poll(due, priority, afresh=afresh)
        if self._hinted:
            await self._hinted.learn()
        for name in due:
            slack = self._trust.factor(name)
            self._paces[name].looked(self._clock.monotonic(), found=name in changed, slack=slack)
        await self._compare_reference()
        return told

    async def _compare_reference(self) -> None:
        """Other statuses, types, warehouses or groups may change any product: then all are walked again.

        Products hidden in a store are read by themselves.
        """
        known = self.reference.known
        if known is self._compared or known is None:
            return
        before, self._compared = self._compared, known
        if before is not None and _shared(before) != _shared(known):
            await self._sweeps.soon()


def _shared(data: ReferenceData) -> tuple[object, ...]:
    """What concerns more than single products, without the times."""
    tables = (data.variant_groups, data.product_statuses, data.customer_types, data.warehouses)
    untimed = tuple(
        {id_: {name: value for name, value in row.items() if name != "updated_at"} for id_, row in table.items()}
        for table in tables
    )
    return (data.store_id, data.image_base, dict(data.inventory_settings), *untimed)
