"""Both platforms of `webhooks` in one process of their own: the sandboxes, a merchant's bulk edits, and what came when.

The job comes as arguments: the port of the store, the port of the site, the number of products.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.app.http_server import listen, serving
from connector.sandbox import sparklayer as layer
from connector.sandbox import sparkpay as pay
from tests.acceptance.system import SECRET, TOKEN

LIMIT = 1000
SHAPE = {"with_variants": 0.0, "option_only": 0.0, "kits": 0.0, "priced": 0.0}
_TITLE = re.compile(r'"title": ?"Bench (\d+)"')


def price_of(change: int) -> Decimal:
    """The price that a change sets: of each change another one."""
    return 10000 + Decimal(change) / 100


class Watched:
    """A sandbox, with the calls that concern the benchmark written down as they end."""

    def __init__(self, application: ASGIApp, note: Any) -> None:
        self._application = application
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        body = bytearray()

        async def received() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        answer = await self._application(scope, received, send)  # type: ignore[func-returns-value]
        if scope["type"] == "http":
            self._note(scope, bytes(body))
        return answer


class Notes:
    """When each change was written to the site, when each product was read from the store last, and how often."""

    def __init__(self) -> None:
        self.written: dict[int, float] = {}
        self.read_at: dict[int, float] = {}
        self.reads = 0
        self.rows = 0

    def of_site(self, scope: Scope, body: bytes) -> None:
        if scope["method"] == "GET" or scope["path"].startswith("/_sandbox"):
            return
        now = time.time()
        if found := _TITLE.search(body.decode()):
            self.written.setdefault(int(found[1]), now)
        elif b"price_list_slug" in body:
            for row in json.loads(body, parse_float=Decimal):
                for each in row["pricing"]:
                    price = Decimal(each["price"] or 0)
                    if price >= price_of(0):
                        self.written.setdefault(int((price - price_of(0)) * 100), now)

    def of_store(self, scope: Scope, _body: bytes) -> None:
        if scope["path"].endswith("/products/select_many"):
            ids = parse_qs(scope["query_string"].decode())["ids"][0].split(",")
            self.reads += 1
            self.rows += len(ids)
            self.read_at.update(dict.fromkeys(map(int, ids), time.time()))

    def show(self) -> dict[str, Any]:
        return {"written": self.written, "read_at": self.read_at, "reads": self.reads, "rows": self.rows}


class Desk:
    """`POST /edits` `[[product, change, kind], ...]`, `GET /products`, `GET /notes` and `GET /unequal`."""

    def __init__(
        self, store: pay.SparkPayStore, site: layer.SparkLayerSite, notes: Notes, products: Sequence[int]
    ) -> None:
        self._store = store
        self._site = site
        self._notes = notes
        self._products = products

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw, more = b"", True
        while more:
            message = await receive()
            raw, more = raw + message.get("body", b""), message.get("more_body", False)
        shown: Any = {}
        if scope["path"] == "/edits":
            for product, change, kind in json.loads(raw):
                fields = {"price": price_of(change)} if kind == "price" else {"item_name": f"Bench {change}"}
                self._store.change("products", product, fields)
        elif scope["path"] == "/notes":
            shown = self._notes.show()
        elif scope["path"] == "/products":
            shown = self._products
        else:
            shown = self._unequal()
        text = json.dumps(shown).encode()
        length = (b"content-length", str(len(text)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": text})

    def _unequal(self) -> list[int]:
        """Products that were edited and whose title or price is not the same at both."""
        return [id_ for id_ in self._products if not self._equal(self._store.get("products", id_) or {})]

    def _equal(self, row: Mapping[str, Any]) -> bool:
        product = self._site.product(str(row["id"]))
        prices = [
            Decimal(str(each["price"]))
            for breaks in self._site.prices(str(row["item_number"])).values()
            for each in breaks
        ]
        priced = row["price"] < price_of(0) or row["price"] in prices
        return product is not None and product["title"] == row["item_name"] and priced


def simple(facts: pay.CatalogueFacts) -> list[int]:
    """Products whose base price is the one on their row, whatever it is set to."""
    special = (
        *facts.hidden, *facts.discontinued, *facts.call_for_pricing, *facts.inactive_in_store,
        *facts.blank_item_number, *facts.on_sale, *facts.sale_past, *facts.sale_future, *facts.with_breaks,
    )  # fmt: skip
    return sorted(set(facts.plain) - set(special))


async def _main(pay_port: int, layer_port: int, desk_port: int, products: int) -> None:
    store = pay.SparkPayStore(clock=lambda: datetime.now(UTC), seed=5)
    facts = pay.fill_catalogue(store, pay.CatalogueShape(products=products, skus_at_least=0, **SHAPE), 5)  # type: ignore[arg-type]
    site = layer.SparkLayerSite(clock=lambda: datetime.now(UTC))
    notes = Notes()
    shop = pay.create_app(store, pay.SandboxPolicy(token=TOKEN, limit=LIMIT), dates=True)
    policy = layer.SitePolicy(site_id="acme-tools", client_id="client", client_secret=SECRET)
    other = layer.create_app(site, policy, dates=True)
    async with (
        serving(Watched(shop, notes.of_store), listen("127.0.0.1", pay_port), dates=False),
        serving(Watched(other, notes.of_site), listen("127.0.0.1", layer_port), dates=False),
        serving(Desk(store, site, notes, simple(facts)), listen("127.0.0.1", desk_port), dates=False) as task,
    ):
        await task


if __name__ == "__main__":
    asyncio.run(_main(*map(int, sys.argv[1:5])))
