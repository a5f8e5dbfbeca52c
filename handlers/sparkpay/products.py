"""Products to Spark Pay: the product rows of a batch in bulk, then what each has in tables of its own.

A product is known by what was written last, else by its ref, else by its item numbers. It is made by the route that
looks the item number up itself, so a repeat after a lost answer finds what it made. A new product is not shown with a
price before there is one: it is made with "call for pricing".
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from connector.errors import PlatformError, UserFault
from connector.ports import Holder
from connector.settings import ConnectionSettings
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.mapping.fields import reference
from connector.sparkpay.query import Query, any_of
from contracts.entities import Availability, Product
from handlers.outcome import Applied, Context, Failed, Outcome, Rejected, Skip, Task, would_write
from handlers.sparklayer.sku_rules import precedence
from handlers.sparkpay.classify import classify, half_done, unread
from handlers.sparkpay.found_items import Item, ItemFinder
from handlers.sparkpay.product_fields import Fields, changes, head_fields, plain_fields, same_picture
from handlers.sparkpay.product_import import Line, ProductImport, bring, change
from handlers.sparkpay.product_parts import ProductParts
from handlers.sparkpay.product_plan import Plan, fitting, hash_of, refused
from handlers.sparkpay.product_there import EXPANDED, There, found, remembered
from handlers.sparkpay.shop import Shop

AT_ONCE = 4
_HEADS_PER_CALL = 20


class ProductHandler:
    """Applies products that are kept elsewhere. `look_only` tells what differs instead of writing it."""

    entity = "product"
    batch = 100
    after: Sequence[str] = ("customer-group",)  # it needs none, but like every bulk call it waits a moment for more

    def __init__(self, client: SparkPayClient, shop: Shop, imports: ProductImport, *, look_only: bool = False) -> None:
        self._client = client
        self._shop = shop
        self._imports = imports
        self._finder = ItemFinder(client)
        self._parts = ProductParts(client, shop)
        self._look_only = look_only

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`."""
        self._shop.begin(context.now)
        hashes = {task.key: hash_of(task) for task in tasks}
        outcomes: dict[str, Outcome] = {}
        rest: list[Task] = []
        for task in sorted(tasks, key=lambda task: precedence(task.key)):
            if hashes[task.key] == task.applied_hash and not task.doubt:
                outcomes[task.key] = Applied(
                    hashes[task.key], refs=_refs(task), ledger=dict(task.ledger), unchanged=True
                )
            else:
                rest.append(task)
        try:
            plans = await self._plans(rest, hashes, context, outcomes)
            outcomes |= await (self._compare(plans, context) if self._look_only else self._write(plans, context))
        except UserFault as error:
            outcomes |= {task.key: Failed(str(error), pause=True) for task in rest if task.key not in outcomes}
        except PlatformError as error:
            outcomes |= {task.key: unread(error, len(rest)) for task in rest if task.key not in outcomes}
        return [outcomes[task.key] for task in tasks]

    async def _plans(
        self, tasks: Sequence[Task], hashes: Mapping[str, str], context: Context, outcomes: dict[str, Outcome]
    ) -> list[Plan]:
        """What is to be done for each task, in the order of precedence; what cannot be done goes to `outcomes`."""
        known = {task.key: state for task in tasks if (state := _remembered(task)) is not None}
        items = await self._items([task for task in tasks if task.key not in known])
        looked = await self._look([task for task in tasks if task.key not in known], items)
        holders = await context.skus.holders(sorted({sku for task in tasks for sku in _skus(task)}))
        taken = {sku: [*held] for sku, held in holders.items()}
        plans = []
        for task in tasks:
            there = known.get(task.key) or looked[task.key]
            if isinstance(there, Rejected):
                outcomes[task.key] = there
                continue
            if task.entity is None and there.id is None:
                outcomes[task.key] = Applied(hashes[task.key], unchanged=True, claims=())
                continue
            plan = Plan(task, there, hashes[task.key], gone=task.entity is None)
            if isinstance(task.entity, Product):
                elsewhere = [sku for sku in _skus(task) if _is_of_another(items.get(sku, ()), there)]
                plan.variants, plan.skips = fitting(task.entity, task.key, taken, elsewhere)
                if not plan.variants:
                    outcomes[task.key] = refused(task.key, plan.skips)
                    continue
                for variant in plan.variants:
                    taken.setdefault(variant.sku or "", []).append(Holder(task.key, variant.id, "live"))
            await self._fill(plan, context.settings)
            plans.append(plan)
        return plans

    async def _items(self, tasks: Sequence[Task]) -> Mapping[str, Sequence[Item]]:
        skus = {sku for task in tasks for sku in _skus(task)}
        return await self._finder.find(skus) if skus else {}

    async def _look(self, tasks: Sequence[Task], items: Mapping[str, Sequence[Item]]) -> dict[str, There | Rejected]:
        """What is there of each: by id, by item number, by the number that a product with combinations is made with."""
        ids: dict[str, int] = {}
        looked: dict[str, There | Rejected] = {}
        for task in tasks:
            own = _own_id(task)
            if own is None:
                fits = sorted({item.product_id for sku in _skus(task) for item in items.get(sku, ())})
                if len(fits) > 1:
                    shown = ", ".join(map(str, fits))
                    message = f"product {task.key}: its item numbers are on several products of the store ({shown})"
                    looked[task.key] = Rejected("product_ambiguous", message)
                    continue
                own = fits[0] if fits else None
            if own is not None:
                ids[task.key] = own
        unknown = [task.key for task in tasks if task.key not in ids and task.key not in looked]
        ids |= await self._heads(unknown)
        rows: dict[int, Row] = {}
        async for page in self._client.select_many("products", sorted(set(ids.values())), expand=EXPANDED):
            rows |= {int(row["id"]): row for row in page.rows}
        named = {reference(one, "variant_group_id") or 0 for row in rows.values() for one in row.get("variants") or ()}
        groups = await self._shop.table("variant_groups", named) if named else {}
        for task in tasks:
            if task.key not in looked:
                row = rows.get(ids.get(task.key, 0))
                looked[task.key] = There() if row is None else found(row, groups, task.ledger)
        return looked

    async def _heads(self, keys: Sequence[str]) -> dict[str, int]:
        """Products with combinations that were begun under these numbers."""
        ids: dict[str, int] = {}
        for at in range(0, len(keys), _HEADS_PER_CALL):
            numbers = any_of(keys[at : at + _HEADS_PER_CALL])
            query = Query().where("item_number", numbers).sorted_by("-id").only("id", "item_number")
            ids |= {row["item_number"]: int(row["id"]) for row in (await self._client.page("products", query)).rows}
        return {key: ids[key] for key in keys if key in ids}

    async def _fill(self, plan: Plan, settings: ConnectionSettings) -> None:
        """The fields of the product row, and the picture."""
        there, product = plan.there, plan.task.entity
        if not isinstance(product, Product):
            plan.fields = changes(there.head, {"is_hidden": 1, "is_discontinued": True})
            return
        if plan.kept_shape:
            message = f"product {plan.task.key}: its SKUs are made up of options, which are kept as they are"
            plan.skips.append(Skip("options_kept", message, note=True))
        if plan.combined:
            wanted = head_fields(product, plan.variants, settings)
            if not plan.kept_shape:
                wanted["use_variant_inventory"] = True
                if there.id is None or there.head.get("item_number") in {variant.sku for variant in plan.variants}:
                    wanted["item_number"] = plan.task.key  # its own number must be nobody's SKU
        else:
            wanted = plain_fields(product, plan.variants[0], settings)
            plan.picture = plan.variants[0].image_url
        if there.id is None:
            plan.fields = wanted | await self._beginnings(settings)
            return
        plan.fields = changes(there.head, wanted)
        if not there.sent and not plan.combined and await self._is_held_back(plan):
            status = await self._parts.status_of(Availability.ACTIVE, reference(there.head, "product_status_id"))
            plan.fields |= {} if status is None else {"product_status_id": status}

    async def _is_held_back(self, plan: Plan) -> bool:
        """Whether a product that should be for sale is kept from it by its status."""
        product = plan.task.entity
        active = isinstance(product, Product) and product.status is plan.variants[0].status is Availability.ACTIVE
        return active and await self._shop.blocks(reference(plan.there.head, "product_status_id"))

    async def _beginnings(self, settings: ConnectionSettings) -> Fields:
        """What a new product needs besides (vendor's OpenAPI file: required fields)."""
        status = await self._shop.status_for(Availability.ACTIVE)
        if status is None:
            self._shop.drop("product_statuses")  # somebody is going to make one
            raise UserFault("the store has no product status for what is for sale: make one")
        return {
            "price": 0,
            "call_for_pricing": 1,
            "product_status_id": status,
            "primary_category_id": await self._shop.category_id(settings),
            "long_description_tab_name_5": "",
        }

    async def _compare(self, plans: Sequence[Plan], context: Context) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for plan in plans:
            lacks = await self._lacking(plan, context.settings)
            what = f"product {plan.task.key}: {lacks} is not there as it should be"
            outcomes[plan.task.key] = plan.applied(unchanged=True) if lacks is None else would_write(what)
        return outcomes

    async def _lacking(self, plan: Plan, settings: ConnectionSettings) -> str | None:
        if plan.fields:
            return "the product" if plan.there.id is None else next(iter(plan.fields))
        if plan.picture is not None and not same_picture(plan.there.picture.get("url"), plan.picture):
            return "the picture"
        if plan.combined and not plan.kept_shape:
            return await self._parts.lacking(plan.there, plan.variants, settings)
        return None

    async def _write(self, plans: Sequence[Plan], context: Context) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        written = [plan for plan in plans if plan.fields]
        results = await self._imports.send([_line(plan) for plan in written], context.settings.sparkpay.import_lines)
        for plan, result in zip(written, results, strict=True):
            if isinstance(result, int):
                plan.there.id = result
                plan.there.head |= plan.fields
            else:
                outcomes[plan.task.key] = result
        turns = asyncio.Semaphore(AT_ONCE)

        async def finish(plan: Plan) -> Outcome:
            async with turns:
                return await self._finish(plan, context.settings)

        going_on = [plan for plan in plans if plan.task.key not in outcomes]
        finished = await asyncio.gather(*(finish(plan) for plan in going_on))
        return outcomes | {plan.task.key: outcome for plan, outcome in zip(going_on, finished, strict=True)}

    async def _finish(self, plan: Plan, settings: ConnectionSettings) -> Outcome:
        """Options, combinations and the picture. What is half done is told so, with what there is of it by then."""
        wrote = bool(plan.fields)
        try:
            if plan.combined and not plan.kept_shape:
                wrote = wrote or await self._parts.lacking(plan.there, plan.variants, settings) is not None
                plan.skips += await self._parts.combine(plan.there, plan.variants, settings)
            wrote |= await self._parts.show(plan.there, plan.picture)
        except PlatformError as error:
            outcome = classify(error)
            if isinstance(outcome, Rejected) and wrote:
                return replace(outcome, applied=replace(plan.applied(), hash="partly"))
            return half_done(outcome) if wrote else outcome
        return plan.applied(unchanged=not wrote)


def _line(plan: Plan) -> Line:
    if plan.there.id is not None:
        return change(plan.there.id, plan.fields)
    number = str(plan.fields["item_number"])
    return bring(number, {name: value for name, value in plan.fields.items() if name != "item_number"})


def _remembered(task: Task) -> There | None:
    """What was written last, unless there are item numbers now that have to be looked up first."""
    there = remembered(task)
    if there is None:
        return None
    known = {row.get("item_number") for row in there.combinations.values()} | {there.head.get("item_number")}
    return there if known.issuperset(_skus(task)) else None


def _own_id(task: Task) -> int | None:
    """The id that it has in the store, as far as anybody says."""
    refs = task.entity.refs if isinstance(task.entity, Product) else task.refs
    own = task.key.removeprefix("sparkpay:") if task.key.startswith("sparkpay:") else ""
    told = str(task.ledger.get("product_id") or refs.get("sparkpay") or own)
    return int(told) if told.isdecimal() else None


def _skus(task: Task) -> list[str]:
    product = task.entity
    return [variant.sku for variant in product.variants if variant.sku] if isinstance(product, Product) else []


def _is_of_another(items: Sequence[Item], there: There) -> bool:
    return any(item.product_id != there.id for item in items)


def _refs(task: Task) -> dict[str, str]:
    return {"sparkpay": str(task.ledger["product_id"])} if "product_id" in task.ledger else {}
