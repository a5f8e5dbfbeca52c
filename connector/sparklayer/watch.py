"""Watches one SparkLayer site and publishes what changes there, for the kinds that a flow takes from it."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from connector.choice import Choice
from connector.clock import Clock
from connector.pace import IdleLooks, Pace, ahead_of_others
from connector.ports import Echoes, Findings, Known, Memory, NoEchoes, NoFindings, Outlet, Priority, Progress
from connector.settings import ConnectionSettings
from connector.sparklayer.client import SparkLayerClient
from connector.sparklayer.customer_stream import AT_ONCE, CustomerStream
from connector.sparklayer.group_stream import GroupStream
from connector.sparklayer.people import People
from connector.sparklayer.price_stream import PriceStream
from connector.sparklayer.purchase_stream import PurchaseStream
from connector.sparklayer.stock_stream import StockStream
from connector.sparklayer.stream import Stream, kept_in, report
from connector.sparklayer.telling import Teller, Told

_LONGEST_PAUSE = 60.0  # whoever waits for longer counts as stuck
_MINUTE, _HOUR = 60.0, 3600.0
_LATE = "late-orders"
_LOOKED_AT = frozenset({"customer", "order"})
"""What catching up looks at as always: orders have a feed, and a round of all customers takes a call for each."""
NEVER_TOLD = frozenset({"product"})
"""SparkLayer has no list of products, and nobody makes them there."""


def kinds_told(settings: ConnectionSettings) -> frozenset[str]:
    """The kinds that this site is read for."""
    there = settings.kinds_from("sparklayer") - NEVER_TOLD
    if settings.orders.api == "orders_v1":
        there -= {"order"}  # the older interface has no list of orders
    return there


@dataclass(slots=True)
class _Look:
    """Something that is looked at in a rhythm of its own."""

    name: str
    run: Callable[[Priority], Awaitable[Told]]
    pace: Pace
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class SiteWatch:
    """The only reader of a connection's site: live looks and full syncs, which may run side by side as tasks.

    Every method raises the typed errors of `connector.errors` and then has stored no position that it did not reach;
    calling it again goes on from there. `CredentialsRefused` and `ConfirmationNeeded` mean that a person must act.
    """

    def __init__(  # noqa: PLR0917 - the whole world of a watch, as of a poller
        self,
        client: SparkLayerClient,
        memory: Memory,
        outlet: Outlet,
        settings: ConnectionSettings,
        connection: str,
        clock: Clock,
        *,
        known: Known,
        echoes: Echoes | None = None,
        interval_seconds: float = 5.0,
        findings: Findings | None = None,
        idle: IdleLooks | None = None,
    ) -> None:
        """`findings` keep what cannot be mapped; `idle` are the looks of all readers of the process."""
        findings = findings or NoFindings()
        self._clock = clock
        self._memory = memory
        self._idle = idle or IdleLooks(math.inf)
        watch = settings.watch
        teller = Teller(memory, outlet, echoes if echoes is not None else NoEchoes(), connection, findings)
        people = People(client.customers, client.customers_v1, clock, v1=settings.customers.api == "v1")
        told = kinds_told(settings)
        on_problem = kept_in(findings)
        customers = CustomerStream(
            people,
            known,
            teller,
            memory,
            settings=settings,
            connection=connection,
            clock=clock,
            on_problem=on_problem,
        )
        purchases = PurchaseStream(
            client.purchases,
            people,
            customers if "customer" in told else None,
            teller,
            memory,
            settings=settings,
            clock=clock,
            on_problem=on_problem,
        )
        stock = StockStream(
            client.stock,
            client.stock_locations,
            known,
            teller,
            memory,
            settings=settings,
            clock=clock,
            on_problem=on_problem,
        )
        prices = PriceStream(
            client.price_lists,
            client.prices,
            known,
            teller,
            memory,
            settings=settings,
            clock=clock,
            on_problem=on_problem,
        )
        tight = interval_seconds
        groups = GroupStream(
            client.customer_groups, teller, memory, settings=settings, clock=clock, on_problem=on_problem
        )
        # In the order in which one needs the other: whom an order names is told before it.
        possible: list[tuple[Stream, Pace]] = [
            (groups, Pace(min(tight, watch.lists_seconds), watch.lists_seconds)),
            (customers, _steady(_HOUR * AT_ONCE / watch.customers_per_hour)),
            (prices, Pace(min(tight * 4, watch.lists_seconds), watch.lists_seconds)),
            (stock, _steady(watch.stock_seconds)),
            (purchases, Pace(tight, watch.purchases_seconds)),
        ]
        watched = [(stream, pace) for stream, pace in possible if stream.kind in told]
        for stream, pace in watched:
            pace.ahead = ahead_of_others(connection, stream.kind)
        self._streams = [stream for stream, _ in watched]
        self._looks = {stream.kind: _Look(stream.kind, stream.look, pace) for stream, pace in watched}
        if "order" in told:
            late = _steady(settings.orders.sweep_minutes * _MINUTE)
            self._looks[_LATE] = _Look(_LATE, purchases.look_up_unconfirmed, late)
        self._idle.join(self, [look.pace for look in self._looks.values()])

    @property
    def steps(self) -> Mapping[str, Callable[[], Awaitable[float]]]:
        """A loop for each kind, so that none waits for another: what is due is done, and says when there is more."""
        return {name: partial(self._step, look) for name, look in self._looks.items()}

    async def step(self) -> float:
        """All of them, one after the other; returns the seconds until something is due again."""
        return min([await self._step(look) for look in self._looks.values()], default=_LONGEST_PAUSE)

    async def _step(self, look: _Look) -> float:
        async with look.turn:
            if look.pace.due <= self._clock.monotonic():
                told = await look.run(Priority.LIVE)
                self._looked(look, told)
        return min(_LONGEST_PAUSE, max(0.0, look.pace.due - self._clock.monotonic()))

    def _looked(self, look: _Look, told: Told) -> None:
        look.pace.looked(self._clock.monotonic(), found=told.published > 0, slack=self._idle.slack)

    async def catch_up(self, progress: Progress | None = None, priority: Priority = Priority.LIVE) -> Told:
        """Look at everything, now: after it nothing of that which differs is unpublished, but of customers."""
        told = Told()
        for stream in self._streams:
            look = self._looks[stream.kind]
            async with look.turn:
                if stream.kind in _LOOKED_AT:
                    of_stream = await stream.look(priority)
                    await report(progress, of_stream)
                else:
                    of_stream = await stream.whole("catch-up", priority, progress, force=False)
                self._looked(look, of_stream)
            told += of_stream
        return told

    async def full_sync(
        self,
        run_id: str,
        progress: Progress | None = None,
        *,
        force: bool = False,
        only: frozenset[str] | None = None,
    ) -> Told:
        """Read and publish all that the site has of its kinds, or of some of them. The same run goes on where it was.

        `force` publishes what has not changed as well, with the ids and times it had.
        """
        name = f"full:{run_id}"
        position = await self._memory.cursor(name) or {}
        done = [str(kind) for kind in position.get("done", ())]
        told = Told()
        for stream in self._streams:
            if stream.kind in done or (only and stream.kind not in only):
                continue
            told += await stream.whole(run_id, Priority.SYNC, progress, force=force)
            done.append(stream.kind)
            await self._memory.save_cursor(name, {"done": done})
        await self._memory.save_cursor(name, None)
        return told

    async def sync_chosen(
        self,
        run_id: str,  # noqa: ARG002
        choice: Choice,  # noqa: ARG002
        progress: Progress | None = None,  # noqa: ARG002
        *,
        force: bool = False,  # noqa: ARG002
        only: frozenset[str] = frozenset(),  # noqa: ARG002
    ) -> Told:
        """A choice is of the store's rows, in the store's own language: nothing is read here."""
        return Told()

    async def close(self) -> None:
        """Nothing is left open, and there is one reader less."""
        self._idle.leave(self)


def _steady(seconds: float) -> Pace:
    return Pace(seconds, seconds)
