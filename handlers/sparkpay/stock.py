"""Stock to Spark Pay: of products in bulk, of combinations one by one, for which the store has no bulk route."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import NotFound, PlatformError, UserFault
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import reference
from contracts.entities import Stock
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Skip, Task, Waiting, would_write
from handlers.sparklayer.body_hash import body_hash
from handlers.sparkpay.classify import classify, unread
from handlers.sparkpay.found_items import Item, ItemFinder, only
from handlers.sparkpay.product_import import ProductImport, change
from handlers.sparkpay.shop import Shop
from handlers.sparkpay.stock_fields import (
    OF_COMBINATIONS,
    OF_PRODUCTS,
    Fields,
    combination_fields,
    level_at,
    place_of,
    product_fields,
    status_after,
    there,
)

AT_ONCE = 4  # vendor docs say nothing of parallel calls; four are what every known client dares


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one item should have; `seen` says that it was read just now."""

    task: Task
    item: Item
    hash: str
    place: str
    fields: Fields
    skips: Sequence[Skip] = ()

    def applied(self, *, unchanged: bool = False) -> Applied:
        """Once it is there."""
        status = self.fields.get("product_status_id") or reference(self.item.own, "product_status_id")
        ledger = {
            "product_id": self.item.product_id,
            "combination_id": self.item.combination_id,
            "place": self.place,
            "status_id": status,
        }
        return Applied(
            self.hash, refs={"sparkpay": self.item.part}, ledger=ledger, unchanged=unchanged, skips=self.skips
        )


class StockHandler:
    """Applies stock. A SKU is looked up once and then known by its row.

    SKUs in doubt are compared with what the store has. `look_only` tells what differs instead of writing it.
    """

    entity = "stock"
    batch = 100
    after: Sequence[str] = ("product",)

    def __init__(self, client: SparkPayClient, shop: Shop, imports: ProductImport, *, look_only: bool = False) -> None:
        self._client = client
        self._shop = shop
        self._imports = imports
        self._finder = ItemFinder(client)
        self._look_only = look_only

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        self._shop.begin(context.now)
        hashes = {task.key: _hash(task) for task in tasks}
        outcomes: dict[str, Outcome] = {
            task.key: Applied(hashes[task.key], ledger=dict(task.ledger), refs=_refs(task), unchanged=True)
            for task in tasks
            if not task.doubt and (hashes[task.key] == task.applied_hash or _never_there(task))
        }
        rest = [task for task in tasks if task.key not in outcomes]
        try:
            outcomes |= await self._bring(rest, hashes, context)
        except UserFault as error:
            outcomes |= {task.key: Failed(str(error), pause=True) for task in rest}
        except PlatformError as error:
            outcomes |= {task.key: unread(error, len(rest)) for task in rest}
        return [outcomes[task.key] for task in tasks]

    async def _bring(self, tasks: Sequence[Task], hashes: Mapping[str, str], context: Context) -> dict[str, Outcome]:
        """Raises what reading raises, before anything was written."""
        outcomes: dict[str, Outcome] = {}
        blind = {task.key: known for task in tasks if (known := _known(task)) is not None}
        plans = {
            task.key: await self._plan(task, blind[task.key], hashes[task.key], context)
            for task in tasks
            if task.key in blind
        }
        # Before a status is changed it is looked at: the merchant may have chosen another one meanwhile.
        looked = [task for task in tasks if task.key not in blind or _moves_status(plans[task.key])]
        found = await self._find([task.key for task in looked])
        for task in looked:
            plans.pop(task.key, None)
            item = only(task.key, found)
            if isinstance(item, Item):
                plan = await self._plan(task, item, hashes[task.key], context)
                if there(item, plan.fields, context.settings):
                    outcomes[task.key] = plan.applied(unchanged=True)
                else:
                    plans[task.key] = plan
            elif task.entity is None and isinstance(item, Waiting):
                outcomes[task.key] = Applied(hashes[task.key], unchanged=True)
            else:
                outcomes[task.key] = item
        if self._look_only:
            return outcomes | {key: would_write(f"SKU {key!r}: another stock is there") for key in plans}
        return outcomes | await self._write(plans, context)

    async def _find(self, skus: Sequence[str]) -> Mapping[str, Sequence[Item]]:
        if not skus:
            return {}
        return await self._finder.find(skus, of_products=OF_PRODUCTS, of_combinations=OF_COMBINATIONS)

    async def _plan(self, task: Task, item: Item, hash_: str, context: Context) -> _Plan:
        settings = context.settings
        place = str(task.ledger["place"]) if item.own.get("known") else await place_of(item, self._shop, settings)
        stock = task.entity if isinstance(task.entity, Stock) else Stock(sku=task.key)
        level = level_at(stock, place, settings)
        current = reference(item.own, "product_status_id")
        status = await status_after(level, current, self._shop)
        make = product_fields if item.combination is None else combination_fields
        skips = []
        if level.minimum < 0 and status is None and not await self._shop.back_ordered(current):
            message = f"SKU {task.key!r} may be sold on back-order; its status in Spark Pay does not say so, and stays"
            skips.append(Skip("back_order_kept", message, task.key, note=True))
        return _Plan(task, item, hash_, place, make(level, status, settings), skips)

    async def _write(self, plans: Mapping[str, _Plan], context: Context) -> dict[str, Outcome]:
        plain = [plan for plan in plans.values() if plan.item.combination is None]
        lines = [change(plan.item.product_id, plan.fields) for plan in plain]
        turns = asyncio.Semaphore(AT_ONCE)

        async def put(plan: _Plan) -> Outcome:
            async with turns:
                return await self._put(plan)

        combined = [plan for plan in plans.values() if plan.item.combination is not None]
        sent, put_each = await asyncio.gather(
            self._imports.send(lines, context.settings.sparkpay.import_lines),
            asyncio.gather(*(put(plan) for plan in combined)),
        )
        outcomes = {
            plan.task.key: plan.applied() if isinstance(result, int) else _of_line(plan, result)
            for plan, result in zip(plain, sent, strict=True)
        }
        return outcomes | {plan.task.key: outcome for plan, outcome in zip(combined, put_each, strict=True)}

    async def _put(self, plan: _Plan) -> Outcome:
        try:
            row = await self._client.update("variant_inventory", plan.item.combination_id or 0, plan.fields)
        except NotFound:
            return _gone(plan)
        except PlatformError as error:
            return _of_line(plan, classify(error))
        if row.get("item_number") not in (None, plan.task.key):
            message = f"SKU {plan.task.key!r}: {plan.item.part} has the item number {row['item_number']!r} by now"
            return Failed(message, target=False, code="sku_moved", uncertain=True)
        return plan.applied()


def _of_line(plan: _Plan, outcome: Outcome) -> Outcome:
    """A row that is gone is looked up again next time; it may have been made anew."""
    if isinstance(outcome, Rejected) and plan.item.own.get("known") and _is_gone(outcome):
        return _gone(plan)
    return outcome


def _is_gone(outcome: Rejected) -> bool:
    return outcome.status == 404 or "has been removed" in outcome.message  # noqa: PLR2004 - HTTP: not found


def _gone(plan: _Plan) -> Failed:
    message = f"SKU {plan.task.key!r}: {plan.item.part} is not in the store any more"
    return Failed(message, target=False, code="item_gone", uncertain=True)


def _hash(task: Task) -> str:
    stock = task.entity
    if stock is None:
        return body_hash(None)
    if not isinstance(stock, Stock):
        raise TypeError(f"{task.key} is no stock")
    return body_hash(stock.model_dump(mode="json", include={"levels"}))


def _never_there(task: Task) -> bool:
    """Whether there is nothing to take away of a SKU that is gone at its source."""
    return task.entity is None and "product_id" not in task.ledger


def _known(task: Task) -> Item | None:
    """The item as it is remembered, with the status that it had; none where it has to be looked up."""
    ledger = task.ledger
    if task.applied_hash is None or task.doubt or "product_id" not in ledger:
        return None
    own: dict[str, Any] = {"known": True, "product_status_id": ledger.get("status_id")}
    product = {"id": ledger["product_id"]}
    if ledger.get("combination_id") is None:
        return Item(task.key, {**product, **own})
    return Item(task.key, product, {"id": ledger["combination_id"], **own})


def _moves_status(plan: _Plan) -> bool:
    return "product_status_id" in plan.fields


def _refs(task: Task) -> dict[str, str]:
    item = _known(task)
    return {} if item is None else {"sparkpay": item.part}
