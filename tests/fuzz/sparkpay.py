"""Spark Pay: replies into its client, and rows into everything that reads products."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from pydantic import SecretStr

from connector.clock import SteppedClock
from connector.errors import PlatformError
from connector.settings import ConnectionSettings
from connector.sparkpay import answers
from connector.sparkpay.answers import StrangeAnswer, UnreadableAnswer
from connector.sparkpay.bundle import Parent, ProductBundle
from connector.sparkpay.calls import RetryPolicy
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.ledger import Ledger
from connector.sparkpay.product_state import Problem, state_of
from connector.sparkpay.query import Query
from connector.sparkpay.row_shapes import check_rows
from contracts.events import decode, encode
from tests.fakes.sparkpay_ports import FakeBudget
from tests.fuzz import values
from tests.fuzz.playing import SECRETS, Fuzzed, leaked, told
from tests.fuzz.replies import Played, Reply, reply
from tests.support.sparkpay_bundles import combination, known, option, price_row, product

_ROW = {
    "id": 7,
    "item_number": "A-1",
    "price": 12.5,
    "updated_at": "2026-11-22T10:00:00-06:00",
    "variants": [{"id": 3}],
}
_BODIES = (
    {"products": [_ROW, {**_ROW, "id": 8}], "total_count": 2, "next_page": None},
    {"products": [], "total_count": 0},
    _ROW,
    {"is_inventory_tracked": True},
    {"error": "bad", "details": "Cannot insert the value NULL into column x"},
)
_CALLS = ("page", "get", "select_many", "create", "update", "delete", "request", "single")


@dataclass(frozen=True)
class Exchange:
    """One call and what comes back."""

    call: str
    replies: tuple[Reply, ...]


class SparkPayReplies(Fuzzed):
    """The client gives rows or one of its errors, whatever the server says."""

    name = "sparkpay replies"

    def make(self, rng: Random) -> Exchange:
        return Exchange(
            rng.choice(_CALLS), tuple(reply(rng, _BODIES, SECRETS[:1]) for _ in range(rng.choice((1, 1, 2))))
        )

    async def feed(self, given: Exchange) -> str:
        clock = SteppedClock(datetime(2026, 11, 22, tzinfo=UTC))
        client = SparkPayClient(
            "https://shop.example",
            SecretStr(SECRETS[0]),
            budget=FakeBudget(),
            transport=Played(given.replies),
            clock=clock,
            policy=RetryPolicy(attempts=2, throttled_attempts=2),
            jitter=lambda: 0.5,
        )
        async with client:
            try:
                await _call(client, given.call)
            except PlatformError as error:
                return told(error)
            finally:
                assert client.server_clock.now().tzinfo is not None
                assert clock.monotonic() < 600, "no answer makes a call wait so long"
        return "rows"


async def _call(client: SparkPayClient, call: str) -> None:
    match call:
        case "page":
            await client.page("products", Query())
        case "get":
            await client.get("products", 7)
        case "select_many":
            async for page in client.select_many("products", [7, 8]):
                assert page.complete is not None
        case "create":
            await client.create("products", {"item_name": "x"})
        case "update":
            await client.update("products", 7, {"item_name": "x"})
        case "delete":
            await client.delete("products", 7)
        case "request":
            await client.request("POST", "inventory/settings", body={})
        case _:
            await client.single("inventory/settings")


@dataclass(frozen=True)
class Rows:
    """A product as the API would send it, in JSON."""

    kind: str
    rows: bytes
    settings: Mapping[str, str]


class SparkPayRows(Fuzzed):
    """Any JSON value in any field makes entities, a reported problem, or an answer that is called strange."""

    name = "sparkpay rows"

    def make(self, rng: Random) -> Rows:
        options = [option(1, 10, "Red"), option(2, 11, "Long", price_adjustment=2, price_adjustment_type="+ dollars")]
        rows: dict[str, Any] = {
            "product": product(updated_at="2026-11-22T10:00:00-06:00", use_variant_inventory=rng.random() < 0.5),
            "options": options,
            "combinations": [combination(5, "A-1", options), combination(6, "A-2", options[:1])],
            "prices": [price_row(1, "9.50", customer_type_id=7, starting_quantity=10), price_row(2, "8")],
            "pictures": [{"id": 1, "product_id": 501, "url": "/a.jpg", "sort_order": 1}],
            "parent": product(id=900, price=3, is_child_product=False),
        }
        kind = rng.choice(("plain", "variants", "child"))
        if kind == "child":
            rows["product"] |= {"is_child_product": True, "use_pricing_from_parent": True}
        for name in rng.sample(sorted(rows), rng.choice((1, 1, 2, 3))):
            rows[name] = values.changed(rng, rows[name])
        chosen = {"store.timezone": "America/Chicago", "b2b.customer_type_ids": "all"}
        if rng.random() < 0.3:
            chosen["stock.mode"] = "per_warehouse"
        return Rows(kind, values.written(rng, rows), chosen)

    async def feed(self, given: Rows) -> str:
        try:
            rows = answers.parse(given.rows)
            bundle = _bundle(given.kind, rows)
        except (UnreadableAnswer, StrangeAnswer) as error:
            return told(error)
        settings = ConnectionSettings().with_values(given.settings)
        problems: list[Problem] = []
        now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        state = state_of(bundle, known(), settings, now=now, on_problem=problems.append)
        for problem in problems:
            assert problem.message.strip()
            assert problem.code
            assert not leaked(problem.message)
        if state is None or state.product is None:
            assert problems or state is not None
            return "problem" if problems else "not pushed"
        ledger = Ledger("acme", force=False)
        parts = [part for part in state.parts.values() if part is not None]
        entities = [("product", state.key, state.product)]
        entities += [
            (str(kind), sku, each) for kind, part in state.parts.items() if part for sku, each in part.by_sku.items()
        ]  # type: ignore[misc]
        for kind, key, entity in entities:
            ledger.changed(kind, key, entity, before=None, read_at=now, changed_at=state.changed_at, skus=state.claims)
        for event in ledger.events:
            assert decode(*encode(event)) == event, "what is published can be read"
        return "entities" if len(parts) == len(state.parts) else "entities and problem"


def _bundle(kind: str, rows: Any) -> ProductBundle:
    """As the client and the catalogue put it together."""
    found = answers.row_of(rows)
    lists = {}
    for name in ("options", "combinations", "prices", "pictures"):
        if not isinstance(found.get(name), list):
            raise StrangeAnswer(f"no list of {name}")
        check_rows(found[name], name)
        lists[name] = tuple(found[name])
    whole, head = found.get("product"), found.get("parent")
    check_rows([whole, head], "products")
    bundle = ProductBundle(product=whole, **lists)  # type: ignore[arg-type]
    if kind == "plain":
        return replace(bundle, options=(), combinations=())
    return replace(bundle, parent=Parent(head, lists["prices"])) if kind == "child" else bundle  # type: ignore[arg-type]
