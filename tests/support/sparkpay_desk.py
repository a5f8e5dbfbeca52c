"""What an applier does with the handlers of the Spark Pay side, against the sandbox store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import SecretStr

from connector.clock import SteppedClock
from connector.ports import Doubt
from connector.sandbox.sparkpay import SandboxPolicy, SparkPayStore, create_app
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from contracts.entities import KINDS, Entity
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Task
from handlers.sparkpay import handlers
from tests.fakes.entity_directory import FakeEntityDirectory
from tests.fakes.intents import FakeIntents
from tests.fakes.sku_directory import FakeSkuDirectory
from tests.fakes.sparkpay_ports import FakeBudget

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
TOKEN = "store-token"


@dataclass
class Row:
    """What is remembered of one entity."""

    entity: Entity | None
    applied_hash: str | None = None
    ledger: Mapping[str, Any] = field(default_factory=dict)
    doubt: Doubt = Doubt.NONE


class StoreDesk:
    """A store, its handlers, and the memory of what was applied."""

    def __init__(self, *, policy: Mapping[str, Any] | None = None, **settings: str) -> None:
        self.clock = SteppedClock(NOW)
        self.store = SparkPayStore(clock=self.clock.now)
        self.app = create_app(
            self.store,
            SandboxPolicy(**{"token": TOKEN, "limit": 100_000, **(policy or {})}),
            sleep=self.clock.sleep,
        )
        self.faults, self.journal = self.app.state.faults, self.app.state.journal
        self.client = SparkPayClient(
            "http://shop",
            SecretStr(TOKEN),
            budget=FakeBudget(),
            transport=httpx.ASGITransport(self.app),
            clock=self.clock,
        )
        self.settings = ConnectionSettings().with_values(
            {key.replace("__", "."): value for key, value in settings.items()}
        )
        self.handlers = handlers(self.client)
        self.skus, self.known, self.intents = FakeSkuDirectory(), FakeEntityDirectory(), FakeIntents()
        self.rows: dict[tuple[str, str], Row] = {}
        self._asked = 0

    def restart(self) -> None:
        """Handlers that have learned nothing yet."""
        self.handlers = handlers(self.client)

    def put(self, kind: str, entity: Entity) -> None:
        """The newest wanted state; nothing is applied yet."""
        self.rows.setdefault((kind, entity.key), Row(None)).entity = entity

    def forget(self) -> None:
        """Nothing is known any more of what was applied: the database is lost."""
        self.rows = {name: Row(row.entity, doubt=Doubt.UNSEEN) for name, row in self.rows.items()}
        self.skus.claims.clear()

    async def apply(self, *entities: Entity) -> list[Outcome]:
        """Entities of one kind, each with its newest state, in one batch."""
        kind = next(name for name, kind in KINDS.items() if isinstance(entities[0], kind.model))
        for entity in entities:
            self.rows.setdefault((kind, entity.key), Row(None)).entity = entity
        return await self.run(kind, *(entity.key for entity in entities))

    async def delete(self, kind: str, key: str) -> Outcome:
        """The entity is gone elsewhere."""
        self.rows.setdefault((kind, key), Row(None)).entity = None
        return (await self.run(kind, key))[0]

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
            )
            for key in keys
            for row in [self.rows[kind, key]]
        ]
        context = Context(self.settings, self.skus, self.clock.now(), self.known, self.intents)
        outcomes: Sequence[Outcome] = await self.handlers[kind].apply(tasks, context)
        for key, outcome in zip(keys, outcomes, strict=True):
            row = self.rows[kind, key]
            done = outcome.applied if isinstance(outcome, Rejected) else outcome
            if isinstance(done, Applied):
                row.applied_hash, row.ledger, row.doubt = done.hash, done.ledger, Doubt.NONE
                if done.claims is not None:
                    self.skus.claims[key] = tuple(done.claims)
                if row.entity is not None:
                    self.known.there(kind, key, **done.refs)
            if isinstance(outcome, Failed) and outcome.uncertain:
                row.applied_hash = None
        return list(outcomes)

    def calls(self) -> list[str]:
        """`METHOD /route` of the calls since the last time."""
        entries = self.journal.since(self._asked)
        self._asked = max((entry.n for entry in self.journal.since(0)), default=0)
        return [f"{entry.method} {entry.route}" for entry in entries]

    def violations(self) -> Sequence[object]:
        """Requests that break the vendor's description."""
        return list(self.journal.violations)
