"""The demo from beginning to end: synchronise, change while running, refuse, mend, replay, compare."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Console

from connector.app.letters import FoundLetter, LetterFilter, LetterOffice
from connector.app.replays import ReplayOffice, ReplayOrder
from connector.demo import scenario
from connector.demo.oracle import Comparison, Excuse, compare
from connector.demo.report import show_progress
from connector.demo.result import Calls, DemoResult, Phase, Refused, Synchronised, Verdict, WindowUse
from connector.demo.stage import CONNECTION, Stage
from connector.demo.trading import JUDGE, Market
from connector.errors import Unavailable
from connector.sandbox.sparkpay import SparkPayStore

MENDED = Decimal("9999.00")
_PAGE = 1000
_REFERENCE_CALLS = 7
_ROWS_PER_PRICE_CALL, _ROWS_PER_STOCK_CALL = 1000, 500


@dataclass(slots=True)
class Play:
    """One run of the demo; `result` at the end."""

    on: Stage
    facts: scenario.Facts
    console: Console
    market: Market
    _began: float = field(init=False)
    _phases: list[Phase] = field(default_factory=list)
    _changes: Counter[str] = field(default_factory=Counter)
    _replays: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self.on.core.clock.monotonic()

    async def perform(self) -> DemoResult:
        """Play all acts. Raises `Unavailable` when one does not come to its end."""
        await self._act("first full sync", self._first_sync, least=self._least_first())
        await self._act("second full sync, nothing changed", self._second_sync, least=(self._least_walk(), 0))
        await self._act("changes while it runs", self._edits)
        await self._act("customers and orders arrive", self._open)
        await self._act("orders placed in SparkLayer", self._trade)
        await self._act("mend one refused price and replay it", self._mend)
        comparison = self._compare()
        letters = await self._letters()
        return DemoResult(
            synchronised=self._synchronised(),
            phases=tuple(self._phases),
            window=await self._window(),
            verdict=Verdict(
                comparison.fields_compared,
                tuple(
                    f"{d.entity} {d.key} {d.field}: expected {d.expected}, found {d.found}"
                    for d in comparison.differences
                ),
            ),
            seconds=self._seconds(),
            refused=tuple(_refused(letter) for letter in letters),
            replays=tuple(self._replays),
            changes=dict(self._changes),
        )

    async def _act(self, name: str, act: Callable[[], Any], *, least: tuple[int, int] | None = None) -> None:
        self._say(name)
        before, began = await self._calls(), self.on.core.clock.monotonic()
        changed = await act()
        after = await self._calls()
        spent = [after[side] - before[side] for side in ("sparkpay", "sparklayer")]
        bounds = least or (None, None)
        self._phases.append(
            Phase(
                name,
                self.on.core.clock.monotonic() - began,
                changed,
                Calls(spent[0], bounds[0]),
                Calls(spent[1], bounds[1]),
            )
        )

    async def _first_sync(self) -> int:
        run = await self.on.sync(full=True)
        self._say("published", done=run.published)
        held = self._synchronised()
        self._say("on SparkLayer", note=f"{held.products} products, {held.variants} variants, {held.prices} prices")
        for letter in await self._letters():
            self._say("refused", note=f"{letter.report()['key']}: {letter.report()['message']}")
        return held.products + 2 * held.variants

    async def _second_sync(self) -> int:
        run = await self.on.sync(full=True)
        self._say("unchanged", done=run.unchanged, of=run.published)
        return 0

    async def _edits(self) -> int:
        store, facts = self.on.store, self.facts
        acts: Sequence[tuple[str, Callable[[SparkPayStore, scenario.Facts], list[scenario.Change]]]] = (
            ("price{} changed", scenario.edit_prices),
            ("stock level{} changed", scenario.edit_stock),
            ("product{} renamed", scenario.rename_products),
            ("product{} switched off", scenario.switch_off),
            ("product{} deleted", scenario.delete),
        )
        changed: set[tuple[str, str]] = set()
        for words, act in acts:
            done = act(store, facts)
            own = {(change.entity, change.key) for change in done}
            count = len({key for key in own if key[0] == done[0].entity})
            words = words.format("" if count == 1 else "s")  # noqa: PLW2901 - the same words, in the right number
            self._changes[words] += count
            changed |= own
            self._say(words, done=count)
        await self.on.sync(full=False)
        return len(changed)

    async def _open(self) -> int:
        customers, orders = self.market.open()
        self._changes |= {"customers signed up": customers, "orders in Spark Pay": orders}
        self._say("customers signed up", done=customers)
        self._say("orders in Spark Pay", done=orders)
        await self.on.sync(full=False)
        return customers + orders

    async def _trade(self) -> int:
        """Orders go to Spark Pay; what becomes of them there comes back."""
        placed = await self.market.place()
        self._changes["orders placed in SparkLayer"] += placed
        self._say("orders placed in SparkLayer", done=placed)
        shipped, cancelled = self.market.ship_and_cancel()
        self._changes |= {"order shipped": shipped, "order cancelled": cancelled}
        self._say("shipped and cancelled in Spark Pay", done=shipped + cancelled)
        await self.on.sync(full=False)
        return placed + shipped + cancelled

    async def _mend(self) -> int:
        """Take the price that SparkLayer refused, lower it in the letter, and send the letter again."""
        office = LetterOffice(self.on.core)
        letter = next((found for found in await self._letters() if found.report()["entity"] == "price"), None)
        if letter is None:
            raise Unavailable("the price that SparkLayer does not take is not among the dead letters")
        event = json.loads(letter.stored.value or b"{}")
        for price_list in event["data"]["lists"]:
            price_list["rows"] = [{"from_quantity": 1, "amount": str(MENDED)}]
        await office.edit(letter.stored.id, json.dumps(event))
        order = ReplayOrder(LetterFilter(ids=(letter.stored.id,)))
        await ReplayOffice(self.on.core).run(order, self.on.service.publisher, by="demo")
        await self.on.service.until_settled(CONNECTION)
        self._replays.append(f"price of {event['data']['sku']}: set to {MENDED} and sent again")
        self._say("replayed", note=self._replays[-1])
        return 1

    def _compare(self) -> Comparison:
        self._say("comparing both platforms, field by field")
        store, facts = self.on.store, self.facts
        mended = store.get("products", facts.unacceptable_price) or {}
        sku = str(mended.get("item_number"))
        names = ("base", *(f"ct-{id_}" for id_ in facts.catalogue.customer_type_ids))
        lists = {f"sp-{name}-usd": ((1, MENDED),) for name in names}
        excused: Mapping[str, Excuse] = {f"price:{sku}": Excuse("edited and replayed", lists)}
        return compare(
            store.dump(),
            self.on.site.dump(),
            settings=JUDGE,
            now=self.on.core.clock.now(),
            excused=excused,
            placed=self.market.placed,
        )

    def _least_first(self) -> tuple[int, int]:
        """What a first sync costs at best: reading by the call-cost table, one call per product, bulk for the rest."""
        store = self.on.store
        skus = len(store.rows("variant_inventory")) + len(store.rows("products"))
        lists = 1 + len(store.rows("customer_types"))
        bulk = math.ceil(skus * lists / _ROWS_PER_PRICE_CALL) + math.ceil(skus / _ROWS_PER_STOCK_CALL)
        return _REFERENCE_CALLS + self._least_walk(), len(store.rows("products")) + bulk

    def _least_walk(self) -> int:
        """Without the reference data, which is kept for hours."""
        catalogue = ("products", "variant_inventory", "product_variants", "product_pricing", "product_pictures")
        walks = (*catalogue, "customers", "customer_association", "orders")
        return sum(max(1, math.ceil(len(self.on.store.rows(name)) / _PAGE)) for name in walks)

    def _synchronised(self) -> Synchronised:
        site: dict[str, Any] = self.on.site.dump()
        products = site["products"]
        variants = [variant for product in products for variant in product["variants"]]
        prices = [self.on.site.prices(variant["sku"]) for variant in variants]
        return Synchronised(
            products=len(products),
            variants=len(variants),
            prices=sum(len(rows) for lists in prices for rows in lists.values()),
            price_lists=len({name for lists in prices for name in lists}),
            stock_rows=sum(len(self.on.site.stock(variant["sku"])) for variant in variants),
            customers=len(site["customers"]),
            purchases=len(site["purchases"]),
        )

    async def _letters(self) -> list[FoundLetter]:
        return [found async for found in LetterOffice(self.on.core).search(LetterFilter())]

    async def _calls(self) -> dict[str, int]:
        return {side: int((await self.on.stats(side))["calls"]) for side in ("sparkpay", "sparklayer")}

    async def _window(self) -> WindowUse:
        stats = await self.on.stats("sparkpay")
        used = tuple(window["used"] for window in stats["windows"] if window["used"])
        reading = (await self.on.core.connections.get(CONNECTION)).settings.sparkpay
        return WindowUse(reading.limit, reading.window_seconds, used, stats["refused_429"])

    def _seconds(self) -> float:
        return self.on.core.clock.monotonic() - self._began

    def _say(self, phase: str, *, done: int | None = None, of: int | None = None, note: str = "") -> None:
        show_progress(self.console, self._seconds(), phase, done=done, of=of, note=note)


def _refused(letter: FoundLetter) -> Refused:
    facts = letter.report()
    fate = "edited and replayed" if letter.state == "replayed" else "waits for the merchant"
    return Refused(str(facts["entity"]), str(facts["key"]), str(facts["code"]), str(facts["message"]), fate)
