"""SparkLayer: replies into its client and through the handlers, which read what a refusal says."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx

from connector.clock import SteppedClock
from connector.engine.settling import settle
from connector.errors import PlatformError
from connector.ports import Doubt
from connector.settings import ConnectionSettings
from connector.sparklayer import CallGate, Credentials, GatePolicy, SparkLayerClient
from connector.state.inbox import Row
from contracts.entities import Price, PriceList, PriceRow, Product, Stock, StockLevel, Variant
from handlers.outcome import Context, Failed, Rejected, Task
from handlers.sparklayer import handlers
from tests.fakes.entity_directory import FakeEntityDirectory
from tests.fakes.intents import FakeIntents
from tests.fakes.sku_directory import FakeSkuDirectory
from tests.fuzz.playing import SECRETS, Fuzzed, leaked, told
from tests.fuzz.replies import Played, Reply, reply

_NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
_TOKEN = {"access_token": SECRETS[2], "expires_in": 3600, "token_type": "Bearer"}
_ERRORS = [
    {"property": "variants[0].sku", "message": "'A-1' is taken", "code": "duplicate-sku"},
    {"property": "[1].sku", "message": "Resource `A-2` not found", "code": "resource-not-found"},
    {"property": "0.pricing[0].price", "message": "too large", "code": "invalid"},
]
_BODIES: tuple[Any, ...] = (
    {"id": "pp_1", "external_id": "sparkpay:1", "variants": [{"id": "pv_1", "external_id": "v1", "sku": "A-1"}]},
    [{"slug": "base", "name": "Base", "source": "api"}],
    {"data": [{"slug": "base", "name": "Base"}], "pagination": {"page": 1, "total_pages": 1}},
    [{"id": "sl_1", "external_id": "default", "name": "Default"}],
    {
        "type": "about:blank",
        "title": "resource-already-exists",
        "status": 409,
        "detail": "A conflict",
        "errors": _ERRORS,
    },
    {"title": "validation-failed", "detail": "Line 2 is wrong", "errors": _ERRORS},
    [{"line": 1, "field": "sku", "message": "SKU A-1 not found"}, {"line": 2, "field": "price", "message": "bad"}],
    {},
    [],
)
_CALLS = ("product", "price", "stock", "price lists", "stock of", "prices of", "token")


@dataclass(frozen=True)
class Exchange:
    """One piece of work, the reply to the token call, and those to all other calls."""

    work: str
    doubt: Doubt
    token: Reply
    replies: tuple[Reply, ...]


class SparkLayerReplies(Fuzzed):
    """A handler answers for every task, and the client raises only its errors."""

    name = "sparklayer replies"

    def make(self, rng: Random) -> Exchange:
        token, known = Reply(200, (), json.dumps(_TOKEN).encode()), SECRETS[1:3]
        if rng.random() < 0.2:  # then nobody is told the access token
            token, known = reply(rng, (_TOKEN,), SECRETS[1:2]), SECRETS[1:2]
        doubt = rng.choice((Doubt.NONE, Doubt.NONE, Doubt.UNSEEN))
        replies = tuple(reply(rng, _BODIES, known) for _ in range(rng.choice((1, 2, 4))))
        return Exchange(rng.choice(_CALLS), doubt, token, replies)

    async def feed(self, given: Exchange) -> str:
        def answer(request: httpx.Request, played: Reply) -> Reply:
            return given.token if request.url.path.endswith("/auth/token") else played

        clock = SteppedClock(_NOW)
        transport = Played(given.replies, answer)
        client = SparkLayerClient(
            "https://site.example",
            "acme",
            Credentials("client", SECRETS[1]),
            transport=transport,
            clock=clock,
            gate=CallGate(GatePolicy(), clock),
        )
        async with client:
            try:
                return await self._work(client, given.work, given.doubt)
            except PlatformError as error:
                return told(error)
            finally:
                assert transport.calls < 200, "one piece of work makes no storm of calls"

    async def _work(self, client: SparkLayerClient, work: str, doubt: Doubt) -> str:
        match work:
            case "price lists":
                await client.price_lists.all()
            case "stock of":
                await client.stock.fetch(["A-1"])
            case "prices of":
                await client.prices.get_sku("A-1")
            case "token":
                await client.check_token()
            case _:
                return await self._apply(client, work, doubt)
        return "rows"

    async def _apply(self, client: SparkLayerClient, kind: str, doubt: Doubt) -> str:
        directory = FakeSkuDirectory()
        directory.claim("sparkpay:1", "A-1", "v1")
        directory.claim("sparkpay:1", "A-2", "v2")
        entities = {
            "product": [
                Product(key=f"sparkpay:{at}", title="T", variants=(Variant(id=f"v{at}", sku=f"A-{at}"),))
                for at in (1, 2)
            ],
            "price": [
                Price(sku=f"A-{at}", currency="USD", lists=(PriceList(list="base", rows=(PriceRow(amount="1.5"),)),))
                for at in (1, 2)
            ],  # type: ignore[arg-type]
            "stock": [
                Stock(sku=f"A-{at}", levels=(StockLevel(level=at), StockLevel(location="north", level=at)))
                for at in (1, 2)
            ],
        }[kind]
        tasks = [Task("acme", entity.key, entity, doubt=doubt) for entity in entities]
        settings = ConnectionSettings().with_values({"stock.mode": "per_warehouse"})
        context = Context(settings, directory, _NOW, FakeEntityDirectory(), FakeIntents())
        outcomes = await handlers(client)[kind].apply(tasks, context)
        assert len(outcomes) == len(tasks)
        for task, outcome in zip(tasks, outcomes, strict=True):
            row = Row("acme", "sparklayer", kind, task.key, _NOW, "e", False, 1, "t", 0, 0, b"k", b"v")
            delay = outcome.retry_after if isinstance(outcome, Failed) and outcome.retry_after is not None else 1.0
            settled = settle(row, outcome, now=_NOW, policy=settings.apply, counted=False, delay=delay)
            if isinstance(outcome, Rejected | Failed):
                assert outcome.message.strip()
                assert not leaked(str(settled)), f"{leaked(str(settled))} in {settled}"
        return " and ".join(sorted({type(outcome).__name__ for outcome in outcomes}))
