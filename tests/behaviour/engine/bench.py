"""An applier with handlers and an office that do what a test says, over a real database and a stepped clock."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.bus.dead_letters import Refusal
from connector.bus.incoming import Incoming
from connector.bus.record import Place
from connector.clock import SteppedClock
from connector.engine.applier import Applier
from connector.engine.metrics import Metrics
from connector.engine.policies import Backoff
from connector.engine.tally import Tally
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.state.claims import SideDirectory, SkuClaims
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.entities import SideEntities
from connector.state.inbox import Arrival, Inbox, Row
from connector.state.intents import SideIntents
from connector.state.pauses import SidePauses
from connector.state.runs import Runs
from connector.state.vault import Vault
from contracts.entities import Customer, Product, Stock, StockLevel, Variant
from contracts.events import Event, changed, encode, entity_name, is_deletion
from handlers.outcome import Applied, Context, Outcome, Task

START = datetime(2026, 1, 1, tzinfo=UTC)
SIDE = "sparklayer"
Answer = Callable[[Task], Outcome]


def stock(sku: str, level: int = 5, version: int = 1, *, source: str = "wms") -> Event:
    entity = Stock(sku=sku, levels=(StockLevel(level=level),))
    return changed(entity, connection="acme", source=source, time=START + timedelta(seconds=version))


def customer(key: str, email: str, *, source: str = "erp", version: int = 1) -> Event:
    entity = Customer(key=key, email=email)
    return changed(entity, connection="acme", source=source, time=START + timedelta(seconds=version))


def product(key: str, *skus: str, refs: dict[str, str] | None = None, source: str = "erp", version: int = 1) -> Event:
    variants = tuple(Variant(id=f"v{order}", sku=sku) for order, sku in enumerate(skus))
    entity = Product(key=key, refs=refs or {}, variants=variants)
    return changed(entity, connection="acme", source=source, time=START + timedelta(seconds=version))


def arrival(event: Event, priority: Priority = Priority.LIVE, value: bytes | None = None) -> Arrival:
    key, encoded, headers = encode(event)
    return Arrival(
        connection=event.connection, side=SIDE, entity=entity_name(event), key=event.data.key, version_time=event.time,
        event_id=event.id, deleted=is_deletion(event), priority=int(priority), topic="paylayer.stock", partition=1,
        offset=7, record_key=key, value=encoded if value is None else value, headers=headers,
    )  # fmt: skip


def incoming(event: Event, priority: Priority = Priority.LIVE) -> Incoming:
    key, value, headers = encode(event)
    return Incoming(event, "paylayer.stock", 1, 7, key, value, tuple(headers), None, priority)


@dataclass
class FakeHandler:
    """Answers each task as told; `meanwhile` happens between being called and answering."""

    entity: str = "stock"
    batch: int = 100
    after: Sequence[str] = ()
    answer: Answer = lambda _task: Applied("h")
    meanwhile: Callable[[], Awaitable[None]] | None = None
    calls: list[list[Task]] = field(default_factory=list)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        assert context.now.tzinfo is not None
        self.calls.append(list(tasks))
        if self.meanwhile is not None:
            await self.meanwhile()
        return [self.answer(task) for task in tasks]

    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]


@dataclass
class FakeOffice:
    """Keeps what is refused, or fails; `watch` sees the moment of the posting."""

    posted: list[Refusal] = field(default_factory=list)
    error: Exception | None = None
    watch: Callable[[], Awaitable[None]] | None = None

    async def refuse(self, record: Any, side: str, refusal: Refusal) -> Place:
        if self.error is not None:
            raise self.error
        if self.watch is not None:
            await self.watch()
        self.posted.append(refusal)
        return Place(f"{record.topic}.{side}.dlt", record.partition, len(self.posted) - 1)


@dataclass
class Bench:
    """Everything about one connection."""

    db: Database
    clock: SteppedClock
    inbox: Inbox
    pauses: SidePauses
    runs: Runs
    connections: Connections
    claims: SkuClaims
    office: FakeOffice = field(default_factory=FakeOffice)
    handler: FakeHandler = field(default_factory=FakeHandler)
    metrics: Metrics = field(default_factory=Metrics)

    @classmethod
    async def made(cls, db: Database) -> "Bench":
        clock = SteppedClock(START)
        connections = Connections(db, Vault("behaviour-tests-0123456789-0123456789"), clock)
        bench = cls(
            db, clock, Inbox(db, clock), SidePauses(db, clock), Runs(db, clock), connections, SkuClaims(db, clock)
        )
        await bench.connect("acme")
        return bench

    async def connect(self, id_: str, **values: str) -> None:
        settings = ConnectionSettings().with_values({name.replace("__", "."): text for name, text in values.items()})
        layer = SparkLayerAccess("http://layer.test", "tools", "test", "client", "secret")
        await self.connections.add(id_, SparkPayAccess("http://pay.test", "token"), layer, settings)

    def applier(self, *others: FakeHandler, **values: str) -> Applier:
        settings = ConnectionSettings().with_values({name.replace("__", "."): text for name, text in values.items()})
        office: Any = self.office
        return Applier(
            "acme",
            SIDE,
            settings=settings,
            handlers={handler.entity: handler for handler in (self.handler, *others)},
            inbox=self.inbox,
            directory=SideDirectory(self.db, "acme", SIDE),
            entities=SideEntities(self.db, "acme", SIDE),
            intents=SideIntents(self.db, self.clock, "acme", SIDE),
            office=office,
            pauses=self.pauses,
            clock=self.clock,
            metrics=self.metrics,
            tally=Tally(self.runs),
            rng=random.Random(1),
            backoff=Backoff(jitter=0.0),
        )

    async def put(self, *events: Event, priority: Priority = Priority.LIVE) -> None:
        await self.inbox.put([arrival(event, priority) for event in events])

    async def row(self, key: str, entity: str = "stock") -> Row:
        found = await self.inbox.get("acme", SIDE, entity, key)
        assert found is not None
        return found

    async def states(self) -> dict[str, int]:
        counts = (await self.inbox.counts("acme"))["acme", SIDE, "stock"]
        return {name: getattr(counts, name) for name in ("waiting", "retrying", "rejected", "applied")}
