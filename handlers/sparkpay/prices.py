"""Prices to Spark Pay: base prices in bulk, rows of customer types, quantities and sale periods one by one.

The store knows periods by itself, so nothing has to be woken when a sale begins or ends.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.errors import NotFound, PlatformError, Refused, UserFault
from connector.sparkpay.answers import Row
from connector.sparkpay.bundle import ReferenceData
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.adjustments import adjusted, understood
from connector.sparkpay.mapping.fields import flag, number, reference
from connector.sparkpay.mapping.options import choices
from connector.sparkpay.mapping.price_rows import offers
from contracts.entities import Price, PriceList
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Skip, Task, Waiting, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparkpay.classify import classify, half_done, unread, unsettled
from handlers.sparkpay.customer_types import own_type, type_ids
from handlers.sparkpay.found_items import Item, ItemFinder, only
from handlers.sparkpay.price_plan import BASE, PriceMoves, Shown, after, missing, withdrawn
from handlers.sparkpay.price_rows import Moves, PriceLine, is_ours
from handlers.sparkpay.product_import import ProductImport, change
from handlers.sparkpay.shop import Shop

AT_ONCE = 4
_OF_PRODUCTS = ("price", "call_for_pricing", "use_pricing_from_parent", "pricing")
_OF_COMBINATIONS = ("pricing", "variants")


@dataclass(slots=True)
class _Plan:
    task: Task
    hash: str
    shown: Shown
    moves: PriceMoves
    wrote: bool = False

    def done(self, removed: Sequence[PriceLine], added: Sequence[PriceLine]) -> None:
        """One call was taken."""
        self.shown.lines = after(self.shown.lines, removed, added)
        self.wrote = True

    def applied(self, *, unchanged: bool = False) -> Applied:
        part = self.shown.combination_id
        ref = f"p-{self.shown.product_id}" if part is None else f"vi-{part}"
        return Applied(
            self.hash,
            refs={"sparkpay": ref},
            ledger=self.shown.ledger(),
            unchanged=unchanged,
            skips=tuple(self.moves.skips),
        )


class PriceHandler:
    """Applies prices. What a list that is named says of a SKU is complete: other rows for it are taken away.

    Rows of single options, of calculators and of other stores are nobody's but the merchant's.
    SKUs in doubt are compared with what the store has. `look_only` tells what differs instead of writing it.
    """

    entity = "price"
    batch = 100
    after: Sequence[str] = ("customer-group", "product")

    def __init__(self, client: SparkPayClient, shop: Shop, imports: ProductImport, *, look_only: bool = False) -> None:
        self._client = client
        self._shop = shop
        self._imports = imports
        self._finder = ItemFinder(client)
        self._look_only = look_only
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        self._shop.begin(context.now)
        outcomes: dict[str, Outcome] = {}
        rest: list[Task] = []
        hashes = {task.key: _hash(task) for task in tasks}
        for task in tasks:
            price = task.entity
            if isinstance(price, Price) and price.currency != context.settings.store.currency_code:
                message = f"SKU {task.key!r}: the store sells in {context.settings.store.currency_code} only"
                outcomes[task.key] = Rejected("currency_foreign", message)
            elif not task.doubt and (hashes[task.key] == task.applied_hash or _never_there(task)):
                outcomes[task.key] = Applied(hashes[task.key], ledger=dict(task.ledger), unchanged=True)
            else:
                rest.append(task)
        try:
            plans = await self._plans(rest, hashes, context, outcomes)
        except UserFault as error:
            outcomes |= {task.key: Failed(str(error), pause=True) for task in rest if task.key not in outcomes}
        except PlatformError as error:
            outcomes |= {task.key: unread(error, len(rest)) for task in rest if task.key not in outcomes}
        else:
            outcomes |= await self._bring(plans, context)
        return [outcomes[task.key] for task in tasks]

    async def _plans(
        self, tasks: Sequence[Task], hashes: Mapping[str, str], context: Context, outcomes: dict[str, Outcome]
    ) -> list[_Plan]:
        """What is missing of each; what needs no call or cannot be done goes to `outcomes`."""
        shown: dict[str, Shown] = {task.key: Shown.recalled(task.ledger) for task in tasks if _is_known(task)}
        looked = [task for task in tasks if task.key not in shown]
        found = await self._find([task.key for task in looked])
        store_id = await self._shop.store_id(context.settings) if found else 0
        for task in looked:
            item = only(task.key, found)
            if isinstance(item, Item):
                shown[task.key] = _shown(item, store_id, context)
            elif task.entity is None and isinstance(item, Waiting):
                outcomes[task.key] = Applied(hashes[task.key], unchanged=True)
            else:
                outcomes[task.key] = item
        named = {price_list.list for task in tasks for price_list in _lists(task)} - {BASE}
        types = await type_ids(named, self._shop, context.known)
        for task in tasks:
            awaited = next((one.list for one in _lists(task) if _is_on_its_way(one.list, types, context)), None)
            if task.key in shown and awaited is not None:
                message = f"SKU {task.key!r}: list {awaited} is for a customer group that is not there yet"
                outcomes[task.key] = Waiting(f"customer-group:{awaited}", message)
                del shown[task.key]
        return [
            _Plan(task, hashes[task.key], shown[task.key], _moves(task, shown[task.key], types, context))
            for task in tasks
            if task.key in shown
        ]

    async def _find(self, skus: Sequence[str]) -> Mapping[str, Sequence[Item]]:
        if not skus:
            return {}
        return await self._finder.find(skus, of_products=_OF_PRODUCTS, of_combinations=_OF_COMBINATIONS)

    async def _bring(self, plans: Sequence[_Plan], context: Context) -> dict[str, Outcome]:
        same: dict[str, Outcome] = {plan.task.key: plan.applied(unchanged=True) for plan in plans if not plan.moves}
        due = [plan for plan in plans if plan.moves]
        if self._look_only:
            return same | {plan.task.key: would_write(f"SKU {plan.task.key!r}: other prices are there") for plan in due}
        outcomes = same | await self._write_fields(due, context)
        going_on = [plan for plan in due if plan.task.key not in outcomes]
        written = await asyncio.gather(*(self._write_lines(plan) for plan in going_on))
        return outcomes | {plan.task.key: outcome for plan, outcome in zip(going_on, written, strict=True)}

    async def _write_fields(self, plans: Sequence[_Plan], context: Context) -> dict[str, Outcome]:
        """Fields of product rows in bulk, one line per product; the outcomes of those that were not taken."""
        by_product: dict[int, dict[str, Any]] = {}
        for plan in plans:
            if plan.moves.fields:
                by_product.setdefault(plan.shown.product_id, {}).update(plan.moves.fields)
        lines = [change(id_, fields) for id_, fields in by_product.items()]
        results = await self._imports.send(lines, context.settings.sparkpay.import_lines)
        told = dict(zip(by_product, results, strict=True))
        outcomes: dict[str, Outcome] = {}
        for plan in plans:
            result = told.get(plan.shown.product_id, 0) if plan.moves.fields else 0
            if not isinstance(result, int):
                outcomes[plan.task.key] = _again_if_gone(plan, result)
                continue
            if "price" in plan.moves.fields and plan.shown.combination_id is None:
                plan.shown.own = plan.moves.fields["price"]
            plan.shown.unpriced = plan.shown.unpriced and "price" not in plan.moves.fields
            if "call_for_pricing" in plan.moves.fields:
                plan.shown.quiet = bool(plan.moves.fields["call_for_pricing"])
            plan.shown.inherits = plan.shown.inherits and not plan.moves.fields
        return outcomes

    async def _write_lines(self, plan: _Plan) -> Outcome:
        plan.wrote |= bool(plan.moves.fields)
        async with self._turns:
            try:
                await self._move(plan, plan.moves.lines)
            except PlatformError as error:
                outcome = unsettled(classify(error))
                if not plan.wrote:
                    return outcome
                if isinstance(outcome, Rejected):
                    return replace(outcome, applied=replace(plan.applied(), hash="partly"))
                return half_done(outcome)
        return plan.applied()

    async def _move(self, plan: _Plan, moved: Moves) -> None:
        """One call after the other; `shown` says at any time what is there."""
        shown = plan.shown
        for old, wanted in moved.change:
            new = wanted
            try:
                await self._client.update("product_pricing", old.id or 0, wanted.body())
            except (NotFound, Refused) as error:
                if not _is_gone(error):
                    raise
                new = await self._make(shown, wanted)
            plan.done([old], [new])
        for line in moved.make:
            plan.done((), [await self._make(shown, line)])
        for line in moved.remove:
            try:
                await self._client.delete("product_pricing", line.id or 0)
            except (NotFound, Refused) as error:
                if not _is_gone(error):
                    raise
            plan.done([line], ())

    async def _make(self, shown: Shown, line: PriceLine) -> PriceLine:
        whose = {"product_id": shown.product_id, "variant_inventory_id": shown.combination_id}
        row = await self._client.create("product_pricing", {**whose, **line.body()})
        return replace(line, id=int(row["id"]))


def _moves(task: Task, shown: Shown, types: Mapping[str, int], context: Context) -> PriceMoves:
    if task.entity is None:
        return withdrawn(shown)
    lists = [(None if one.list == BASE else types.get(one.list), one) for one in _lists(task)]
    known = [(id_, one) for id_, one in lists if id_ is not None or one.list == BASE]
    found = missing(task.key, shown, known, context.now)
    for id_, one in lists:
        if id_ is None and one.list != BASE:
            message = f"SKU {task.key!r}: list {one.list} is for no customer type of the store"
            found.skips.append(Skip("customer_type_unknown", message, one.list))
    return found


def _is_on_its_way(name: str, types: Mapping[str, int], context: Context) -> bool:
    """Whether a list is for a group of another service that has still to be made here."""
    made_here = context.settings.to_side("customer-group", "sparkpay")
    return made_here and name != BASE and name not in types and own_type(name) is None


def _shown(item: Item, store_id: int, context: Context) -> Shown:
    """The rows of the SKU itself. What a combination costs without them is told by the product and its options."""
    zone = ZoneInfo(context.settings.store.timezone)
    rows = [row for row in item.own.get("pricing") or () if is_ours(row, store_id)]
    shown = Shown(item.product_id, item.combination_id, quiet=flag(item.product, "call_for_pricing"))
    shown.inherits = flag(item.product, "use_pricing_from_parent")
    if item.combination is None:
        rows = [row for row in rows if reference(row, "variant_inventory_id") is None]
        shown.own = number(item.product, "price")
    else:
        shown.unpriced = not number(item.product, "price")
        shown.below = None if item.product.get("pricing") else _with_options(item.product, item.combination)
    shown.lines = [PriceLine.read(offer) for offer in offers(rows, zone)]
    return shown


def _with_options(product: Row, combination: Row) -> Decimal | None:
    chosen = choices(combination.get("variants") or (), ReferenceData(store_id=0, image_base=""))
    price = number(product, "price")
    return adjusted(price, chosen) if price and understood(chosen) else None


def _again_if_gone(plan: _Plan, outcome: Outcome) -> Outcome:
    if isinstance(outcome, Rejected) and (outcome.status == 404 or "has been removed" in outcome.message):  # noqa: PLR2004
        message = f"SKU {plan.task.key!r}: product {plan.shown.product_id} is not in the store any more"
        return Failed(message, target=False, code="item_gone", uncertain=True)
    return outcome


def _is_gone(error: PlatformError) -> bool:
    return isinstance(error, NotFound) or "has been removed" in error.message


def _hash(task: Task) -> str:
    price = task.entity
    if price is None:
        return body_hash(None)
    if not isinstance(price, Price):
        raise TypeError(f"{task.key} is no price")
    return body_hash(price.model_dump(mode="json", include={"currency", "lists"}))


def _is_known(task: Task) -> bool:
    return task.applied_hash is not None and not task.doubt and "lines" in task.ledger


def _never_there(task: Task) -> bool:
    return task.entity is None and "lines" not in task.ledger


def _lists(task: Task) -> Sequence[PriceList]:
    return task.entity.lists if isinstance(task.entity, Price) else ()
