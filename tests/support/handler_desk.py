"""What an applier does with handlers, as little of it as a test needs, against the SparkLayer sandbox."""

import copy
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from connector.clock import SteppedClock
from connector.ports import Doubt
from connector.sandbox.sparklayer import SitePolicy, SparkLayerSite, create_app
from connector.settings import ConnectionSettings
from connector.sparklayer import CallGate, Credentials, GatePolicy, SparkLayerClient
from contracts.entities import KINDS, Entity, Price, Product, Stock
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Seen, Task
from handlers.sparklayer import handlers
from handlers.sparklayer.product_plan import wanted_skus
from tests.fakes.entity_directory import FakeEntityDirectory
from tests.fakes.intents import FakeIntents
from tests.fakes.sku_directory import FakeSkuDirectory

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


@dataclass
class Row:
    """What is remembered of one entity."""

    entity: Entity | None
    applied_hash: str | None = None
    ledger: Mapping[str, Any] = field(default_factory=dict)
    pending: bool = True
    doubt: Doubt = Doubt.NONE


class Desk:
    """A site, its handlers, and the memory of what was applied."""

    def __init__(self, *, policy: Mapping[str, Any] | None = None, **settings: str) -> None:
        self.clock = SteppedClock(NOW)
        self.site = SparkLayerSite(clock=self.clock.now)
        keys = {"site_id": "acme", "client_id": "id-1", "client_secret": "secret-1"}
        self.app = create_app(self.site, SitePolicy(**{**keys, **(policy or {})}), sleep=self._sleep)
        self.faults, self.journal = self.app.state.faults, self.app.state.journal
        self.client = SparkLayerClient(
            "http://site",
            "acme",
            Credentials("id-1", "secret-1"),
            transport=httpx.ASGITransport(self.app),
            clock=self.clock,
            gate=CallGate(GatePolicy(), self.clock),
        )
        self.settings = ConnectionSettings().with_values(
            {key.replace("__", "."): value for key, value in settings.items()}
        )
        self.handlers = handlers(self.client)
        self.skus = FakeSkuDirectory()
        self.known = FakeEntityDirectory()
        self.intents = FakeIntents()
        self.rows: dict[tuple[str, str], Row] = {}
        self.source: str | None = None  # of the events
        self.now = NOW
        self.meanwhile: Callable[[], Awaitable[object]] | None = None  # once, while the site takes its time
        self._asked = 0
        self._heirs: list[str] = []

    async def _sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()

    def restart(self, *, look_only: bool = False) -> None:
        """Handlers that have learned nothing yet."""
        self.handlers = handlers(self.client, look_only=look_only)

    def forget(self, *, look_only: bool = False) -> None:
        """The memory is lost; what is wanted is known from elsewhere, all of it in doubt."""
        self.restart(look_only=look_only)
        self.rows = {name: Row(row.entity, doubt=Doubt.UNSEEN) for name, row in self.rows.items()}
        self.skus = FakeSkuDirectory()
        for (kind, key), row in self.rows.items():
            if kind == "product":
                self.skus.want(key, wanted_skus(row.entity if isinstance(row.entity, Product) else None), pending=True)

    async def recover(self, kind: str) -> dict[str, Outcome]:
        """Everything of a kind as a rebuild does it: looked at first, then decided."""
        keys = sorted(key for of, key in self.rows if of == kind)
        outcomes = dict(zip(keys, await self.run(kind, *keys), strict=True))
        seen = [key for key in keys if isinstance(outcomes[key], Seen)]
        return {**outcomes, **dict(zip(seen, await self.run(kind, *seen), strict=True))} if seen else outcomes

    async def apply(self, *entities: Entity) -> list[Outcome]:
        """Entities of one kind, each with its newest state, in one batch."""
        kind = next(name for name, kind in KINDS.items() if isinstance(entities[0], kind.model))
        for entity in entities:
            self.put(kind, entity.key, entity)
        return await self.run(kind, *(entity.key for entity in entities))

    async def delete(self, kind: str, key: str) -> Outcome:
        """The entity is gone in its store."""
        self.put(kind, key, None)
        return (await self.run(kind, key))[0]

    def put(self, kind: str, key: str, entity: Entity | None) -> None:
        """A newer wanted state, not applied yet."""
        row = self.rows.setdefault((kind, key), Row(None))
        row.entity, row.pending = entity, True
        if kind == "product":
            self.skus.want(key, wanted_skus(entity if isinstance(entity, Product) else None), pending=True)

    async def run_and_die(self, kind: str, *keys: str) -> None:
        """Apply what is wanted of these keys, and die before anything can be written down, but that it was sent."""
        rows, skus, before = copy.deepcopy(self.rows), copy.deepcopy(self.skus), len(self.intents.displaced)
        await self.run(kind, *keys)
        self.rows, self.skus = rows, skus
        for product, sku, part in self.intents.displaced[before:]:
            self._displace(product, sku, part)
        for key in keys:
            rows[kind, key].doubt = rows[kind, key].doubt or Doubt.SENT
            rows[kind, key].applied_hash = None
        self.restart()

    async def run(self, kind: str, *keys: str, attempts: int = 0) -> list[Outcome]:
        """Apply what is wanted of these keys and remember what came of it."""
        tasks = [
            Task(
                "acme",
                key,
                row.entity,
                applied_hash=row.applied_hash,
                ledger=row.ledger,
                attempts=attempts,
                doubt=row.doubt,
                source=self.source,
            )
            for key in keys
            for row in [self.rows[kind, key]]
        ]
        context = Context(self.settings, self.skus, self.now, self.known, self.intents)
        outcomes = list(await self.handlers[kind].apply(tasks, context))
        for key, outcome in zip(keys, outcomes, strict=True):
            self._remember(kind, key, outcome)
        for outcome in outcomes:  # last, as the inbox does it: whatever else became of those in this batch
            for left in outcome.displaced if isinstance(outcome, Applied | Rejected | Failed) else ():
                self._displace(left.product, left.sku, left.part)
        return outcomes

    async def settle(self, *keys: str) -> list[Outcome]:
        """Products and everything that they reopen, one at a time, until nothing is left to do; the last outcomes."""
        last: dict[str, Outcome] = {}
        queue = deque(keys)
        for _ in range(20):
            if not queue:
                return [last[key] for key in keys]
            key = queue.popleft()
            (outcome,) = await self.run("product", key)
            last[key] = outcome
            done = outcome.applied if isinstance(outcome, Rejected) else outcome
            queue.extend(self._heirs)
            self._heirs.clear()
            if isinstance(done, Applied):
                queue.extend(done.reopen)
            elif not isinstance(outcome, Rejected):
                queue.append(key)
        raise AssertionError(f"no end of it: {list(queue)}")

    def calls(self) -> list[str]:
        """`METHOD route` of the calls since the last time, tokens aside."""
        entries = [entry for entry in self.journal.since(self._asked) if "auth/token" not in entry.path]
        self._asked = max((entry.n for entry in self.journal.since(0)), default=0)
        return [f"{entry.method} {entry.route}" for entry in entries]

    def variant(self, part: str) -> tuple[str, str]:
        """SKU and status of a variant on the site."""
        found = self.site.catalogue.variant(part)
        assert found is not None, part
        return found["sku"], found["status"]

    def _displace(self, product: str, sku: str, part: str) -> None:
        self.skus.void(product, sku, part)
        row = self.rows["product", product]
        row.applied_hash, row.pending = None, True

    def _remember(self, kind: str, key: str, outcome: Outcome) -> None:
        row = self.rows[kind, key]
        done = outcome.applied if isinstance(outcome, Rejected) else outcome
        if isinstance(done, Applied):
            row.applied_hash, row.ledger, row.doubt = done.hash, done.ledger, Doubt.NONE
            if isinstance(outcome, Applied) and row.entity is not None:
                self.known.there(kind, key, **done.refs)
        elif isinstance(outcome, Seen):
            row.ledger, row.doubt = outcome.ledger, Doubt.SEEN
        elif row.doubt is Doubt.SEEN:
            row.doubt = Doubt.UNSEEN
        if isinstance(outcome, Failed) and outcome.uncertain:
            row.applied_hash = None
        claims = outcome.claims if isinstance(outcome, Applied | Rejected | Seen) else None
        if kind == "product" and claims is not None:
            self._heirs += self.skus.heirs(key, claims)
            self.skus.claims[key] = tuple(claims)
        if isinstance(outcome, Applied | Rejected):
            row.pending = False
            if kind == "product":
                entity = row.entity if isinstance(row.entity, Product) else None
                self.skus.want(key, wanted_skus(entity), pending=False)


def rope(number: int, *skus: str | None, **changes: Any) -> Product:
    """A product of Spark Pay with one variant per SKU."""
    parts: Sequence[str] = changes.pop("parts", [f"vi-{number}{at}" for at in range(len(skus))])
    variants = changes.pop("variants", None) or [
        {"id": part, "sku": sku, "position": at}
        for at, (part, sku) in enumerate(zip(parts, skus, strict=True), start=1)
    ]
    body = {"key": f"sparkpay:{number}", "title": f"Rope {number}", "slug": f"rope-{number}", "variants": variants}
    return Product.model_validate({**body, **changes})


def priced(sku: str, lists: dict[str, Any]) -> Price:
    """Lists as `{name: {quantity: amount}}`, or whole lists."""
    rows = [
        {
            "list": code,
            "name": {"ct-7": "Dealers"}.get(code),
            "rows": [{"from_quantity": q, "amount": str(a)} for q, a in breaks.items()]
            if isinstance(breaks, dict)
            else breaks,
        }
        for code, breaks in lists.items()
    ]
    return Price.model_validate({"sku": sku, "currency": "USD", "lists": rows})


def stocked(sku: str, *levels: dict[str, Any], **changes: Any) -> Stock:
    """Levels of a SKU."""
    return Stock.model_validate({"sku": sku, "levels": levels, **changes})
