"""One connection between both sandboxes with everything of the service but Kafka and the processes, in one task.

What a producer publishes is handed to the sinks of both sides; time moves only as the play says.
"""

import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connector.app.both_ways import echoes, two_way
from connector.app.core import Core, open_core
from connector.bus.dead_letters import Refusal
from connector.bus.incoming import Incoming
from connector.bus.record import Place
from connector.clock import SteppedClock
from connector.engine.applier import Applier
from connector.engine.book import ConnectionBook
from connector.engine.linking import Linker
from connector.engine.metrics import Metrics
from connector.engine.policies import Backoff
from connector.engine.sink import InboxSink
from connector.engine.tally import Tally
from connector.mapping_rules import mapping_of
from connector.ports import Priority
from connector.settings import ConnectionSettings, Settings
from connector.sparklayer import Credentials, SparkLayerClient
from connector.sparklayer.gate import CallGate, GatePolicy
from connector.sparklayer.watch import SiteWatch
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.poller import Poller
from connector.state.claims import SideDirectory
from connector.state.entities import SideEntities
from connector.state.intents import SideIntents
from connector.state.known import KnownThere
from connector.state.links import Links
from connector.state.observations import SourceMemory
from connector.state.pauses import SidePauses
from contracts.events import Event, encode
from contracts.topics import SIDES
from handlers import sparklayer as to_sparklayer
from handlers import sparkpay as to_sparkpay
from tests.fakes.sparkpay_ports import FakeBudget
from tests.support.both_platforms import KEY, SECRET, SITE, STORE, TOKEN, Platforms, over

ID = "acme"
READS = ("batch-fetch", "/auth/token", "/batch-get")
STEPS = 200  # of one applier in a row; more means that it goes in circles


@dataclass
class Bus:
    """Hands what is published to both sides, in order."""

    events: list[tuple[Event, Priority]] = field(default_factory=list)
    offset: int = 0

    async def publish(self, events: Sequence[Event], priority: Priority, target: str | None = None) -> None:
        """Implements `connector.ports.Outlet`."""
        assert target is None
        self.events += [(event, priority) for event in events]

    def take(self) -> list[Incoming]:
        """What came since the last time, as the intake hands it on."""
        taken, self.events = self.events, []
        found: list[Incoming] = []
        for event, priority in taken:
            key, value, headers = encode(event)
            self.offset += 1
            found.append(Incoming(event, "paylayer.any", 0, self.offset, key, value, tuple(headers), None, priority))
        return found


@dataclass
class Office:
    """Keeps refusals."""

    refusals: list[Refusal] = field(default_factory=list)

    async def refuse(self, record: Any, side: str, refusal: Refusal) -> Place:
        """As `DeadLetterOffice.refuse`."""
        self.refusals.append(refusal)
        return Place(f"{record.topic}.{side}.dlt", 0, len(self.refusals))


@dataclass
class World:
    """Everything that a play needs."""

    core: Core
    clock: SteppedClock
    platforms: Platforms
    bus: Bus
    office: Office
    poller: Poller
    watch: SiteWatch
    sinks: dict[str, InboxSink]
    appliers: dict[str, Applier]
    merchant: SparkLayerClient  # whoever works in SparkLayer's own pages
    writes: Counter[str]  # by side, of PayLayer

    async def look(self, *sides: str) -> None:
        """One poll of both sides or of one."""
        if not sides or "sparkpay" in sides:
            await self.poller.catch_up()
        if not sides or "sparklayer" in sides:
            await self.watch.catch_up()

    async def deliver(self) -> int:
        """What was published arrives at both sides; how many events."""
        incoming = self.bus.take()
        for sink in self.sinks.values():
            assert not [answer for answer in await sink.take(incoming) if answer is not None]
        return len(incoming)

    async def apply(self, side: str) -> None:
        """Apply all that is due on a side."""
        applier = self.appliers[side]
        for _ in range(STEPS):
            busy = [name for name in applier.handlers if await applier.step(name) == 0.0]
            if not busy:
                return
        raise AssertionError(f"{side} is applied to without an end")

    async def round(self) -> int:
        """A poll of both sides, and all that follows; how many writes PayLayer made."""
        before = sum(self.writes.values())
        await self.look()
        await self.deliver()
        for side in SIDES:
            await self.apply(side)
        return sum(self.writes.values()) - before


@asynccontextmanager
async def world(folder: Path, template: Path, **values: str) -> AsyncIterator[World]:
    """Empty platforms, and a connection with these settings (`flow__stock="both"`)."""
    clock = SteppedClock()
    file = folder / "state.sqlite3"
    shutil.copyfile(template, file)
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(open_core(_settings(file), clock))
        platforms = over(core)
        await platforms.add(**values)
        yield await _built(stack, core, clock, platforms)


async def make_template(file: Path) -> Path:
    """An empty database, whose schema takes longer to make than a play."""
    async with open_core(_settings(file), SteppedClock()):
        return file


def _settings(file: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{file}", secret_key=SecretStr(KEY))


async def _built(stack: AsyncExitStack, core: Core, clock: SteppedClock, platforms: Platforms) -> World:
    writes: Counter[str] = Counter()
    connection = await core.connections.get(ID)
    settings = connection.settings
    memories = {side: SourceMemory(core.database, clock, ID, side) for side in SIDES}
    sifts = {side: echoes(core.database, clock, connection, memories[side], side) for side in SIDES}
    store = await stack.enter_async_context(_store_client(platforms, clock, writes))
    site = await stack.enter_async_context(_site_client(platforms, clock, writes))
    bus, office = Bus(), Office()
    poller = Poller(
        store, memories["sparkpay"], bus, settings, ID, clock, interval_seconds=1.0, echoes=sifts["sparkpay"]
    )
    watch = SiteWatch(
        site,
        memories["sparklayer"],
        bus,
        settings,
        ID,
        clock,
        known=KnownThere(core.database, ID, "sparklayer", shown_by=("sparkpay",)),
        echoes=sifts["sparklayer"],
        interval_seconds=1.0,
    )
    handlers = {"sparkpay": to_sparkpay.handlers(store), "sparklayer": to_sparklayer.handlers(site)}
    metrics = Metrics()
    book = ConnectionBook(core.connections, clock)
    sinks = {
        side: InboxSink(
            side,
            inbox=core.inbox,
            book=book,
            linker=Linker(core.inbox, core.claims, Links(core.database), side),
            clock=clock,
            metrics=metrics,
            wake=lambda *_: None,
        )
        for side in SIDES
    }
    appliers = {
        side: _applier(core, clock, settings, side, handlers=handlers[side], office=office, metrics=metrics)
        for side in SIDES
    }
    merchant = await stack.enter_async_context(_site_client(platforms, clock, Counter()))
    return World(core, clock, platforms, bus, office, poller, watch, sinks, appliers, merchant, writes)


def _applier(
    core: Core,
    clock: SteppedClock,
    settings: ConnectionSettings,
    side: str,
    *,
    handlers: Any,
    office: Any,
    metrics: Metrics,
) -> Applier:
    return Applier(
        ID,
        side,
        settings=settings,
        handlers=handlers,
        inbox=core.inbox,
        directory=SideDirectory(core.database, ID, side),
        entities=SideEntities(core.database, ID, side),
        intents=SideIntents(core.database, clock, ID, side),
        office=office,
        pauses=SidePauses(core.database, clock),
        clock=clock,
        metrics=metrics,
        tally=Tally(core.runs),
        rng=random.Random(1),
        backoff=Backoff(jitter=0.0),
        two_way=two_way(core.database, clock, ID, side, mapping_of("")),
    )


def _store_client(platforms: Platforms, clock: SteppedClock, writes: Counter[str]) -> SparkPayClient:
    def on_call(method: str, _route: str, _status: int | None, _seconds: float) -> None:
        writes["sparkpay"] += method != "GET"

    return SparkPayClient(
        STORE,
        SecretStr(TOKEN),
        budget=FakeBudget(),
        transport=platforms.transport(STORE),
        clock=clock,
        on_call=on_call,
    )


def _site_client(platforms: Platforms, clock: SteppedClock, writes: Counter[str]) -> SparkLayerClient:
    def on_call(method: str, route: str, _status: int | None, _seconds: float) -> None:
        writes["sparklayer"] += method != "GET" and not any(part in route for part in READS)

    return SparkLayerClient(
        SITE,
        "tools",
        Credentials("id-1", SECRET),
        transport=platforms.transport(SITE),
        clock=clock,
        gate=CallGate(GatePolicy(), clock),
        on_call=on_call,
    )
