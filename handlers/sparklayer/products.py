"""Products to SparkLayer: one call per product, because the platform has no bulk call for them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.errors import Conflict, NotFound, PlatformError, Refused
from connector.sparklayer import SparkLayerClient
from contracts.entities import Product
from handlers.outcome import Applied, Claim, Context, Failed, Outcome, Rejected, Task, Waiting
from handlers.sparklayer.classify import classify, taken_fields
from handlers.sparklayer.product_body import (
    DISCONTINUED,
    LIVE,
    LONGEST_ID,
    details_of,
    external_id,
    title_of,
)
from handlers.sparklayer.product_plan import Plan, known_variants, living_skus, make_plan, park, wanted_skus
from handlers.sparklayer.product_writer import ProductWriter, Written
from handlers.sparklayer.sku_rules import BatchDirectory, precedence
from handlers.sparklayer.task_groups import grouped


class ProductHandler:
    """Applies products. Tasks that touch a common SKU run one after the other, all others at once."""

    entity = "product"
    batch = 100
    after: Sequence[str] = ()

    def __init__(self, client: SparkLayerClient) -> None:
        self._client = client

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`. The client's gate decides how many calls run at once."""
        skus = {task.key: _touched(task) for task in tasks}
        directory = BatchDirectory(context.skus)
        await directory.load(sorted(set().union(*skus.values())))
        outcomes: dict[str, Outcome] = {}

        async def run(group: Sequence[Task]) -> None:
            for task in sorted(group, key=_turn):
                outcomes[task.key] = await self._apply(task, context, directory)
                _note(directory, task, outcomes[task.key])

        await asyncio.gather(*(run(group) for group in grouped(tasks, lambda task: skus[task.key])))
        return [outcomes[task.key] for task in tasks]

    async def _apply(self, task: Task, context: Context, directory: BatchDirectory) -> Outcome:
        product = task.entity
        if product is None:
            return await self._retire(task, directory)
        if not isinstance(product, Product):
            raise TypeError(f"{task.key} is no product")
        id_ = external_id(product.key)
        if len(id_) > LONGEST_ID or id_.startswith("pp_"):
            message = f"SparkLayer takes ids of {LONGEST_ID} characters that do not start with pp_, not {id_!r}"
            return Rejected("external_id_invalid", message)
        title, cuts = title_of(product)
        if title is None:
            return Rejected("title_missing", f"product {task.key} has neither a title nor an item number: give it one")
        plan = await make_plan(task, product, directory, context.settings.sparklayer.root_group)
        if isinstance(plan, Waiting):
            return plan
        if not plan.sold and (plan.skips or not plan.kept):
            return await self._refuse(task, plan, directory)
        plan.skips.extend(cuts)
        return await self._write(task, product, title, plan, directory)

    async def _write(self, task: Task, product: Product, title: str, plan: Plan, directory: BatchDirectory) -> Outcome:
        known = known_variants(task)
        writer = ProductWriter(
            self._client, directory, product, title, plan, known, slug_is_unique=bool(task.ledger.get("unique_slug"))
        )
        if plan.hash(writer.head()) == task.applied_hash:
            return _applied(task, plan, plan.hash(writer.head()), directory, dict(task.ledger), unchanged=True)
        written = await writer.write()
        if not isinstance(written, Written):
            if isinstance(written, Rejected | Failed):
                return replace(written, displaced=tuple(writer.displaced))
            return written
        ledger = {"unique_slug": True} if written.slug_is_unique else {}
        applied = _applied(task, plan, plan.hash(writer.head()), directory, ledger, reply=written.reply)
        reopen = {*applied.reopen, *(left.product for left in writer.displaced)}
        return replace(applied, displaced=tuple(writer.displaced), reopen=sorted(reopen))

    async def _refuse(self, task: Task, plan: Plan, directory: BatchDirectory) -> Outcome:
        """Nothing of it can be sold: what is there already is suspended, then the product is rejected."""
        applied: Applied | None = None
        if plan.kept:
            suspended = await self._park(task, plan, directory)
            if not isinstance(suspended, Applied):
                return suspended
            applied = suspended
        first = plan.skips[0] if plan.skips else None
        return Rejected(
            code=first.code if first else "sku_missing",
            message=first.message if first else f"product {task.key} has no variants: it needs one with a SKU",
            details=details_of(plan.skips),
            claims=tuple(plan.claims.values()),
            applied=applied,
        )

    async def _retire(self, task: Task, directory: BatchDirectory) -> Outcome:
        """It is deleted in its store: SparkLayer cannot delete, so everything of it is discontinued."""
        known, plan = known_variants(task), Plan()
        park(plan, dict.fromkeys(known, DISCONTINUED), known, directory, task.key)
        if not known:
            return Applied(hash=plan.hash({}), unchanged=True, claims=())
        return await self._park(task, plan, directory)

    async def _park(self, task: Task, plan: Plan, directory: BatchDirectory) -> Outcome:
        hash_ = plan.hash({})
        if hash_ == task.applied_hash:
            return _applied(task, plan, hash_, directory, dict(task.ledger), unchanged=True)
        try:
            try:
                await self._client.products.change(external_id(task.key), {"variants": plan.kept})
            except (Refused, Conflict) as error:
                if not taken_fields(error):
                    raise
                plan.rename_kept()  # somebody else has one of these SKUs by now
                await self._client.products.change(external_id(task.key), {"variants": plan.kept})
        except NotFound:
            return Applied(hash=hash_, claims=(), reopen=_freed(task, {}, directory))
        except PlatformError as error:
            return classify(error)
        return _applied(task, plan, hash_, directory, dict(task.ledger))


def _applied(
    task: Task,
    plan: Plan,
    hash_: str,
    directory: BatchDirectory,
    ledger: Mapping[str, Any],
    *,
    unchanged: bool = False,
    reply: object = None,
) -> Applied:
    id_ = reply.get("id") if isinstance(reply, Mapping) else None
    displaced = () if unchanged else (holder.product for _, holder in [*plan.rename, *plan.depose])
    return Applied(
        hash=hash_,
        refs={"sparklayer": id_} if isinstance(id_, str) else {},
        ledger={**ledger, "variants": plan.remembered()},
        unchanged=unchanged,
        skips=tuple(plan.skips),
        claims=tuple(plan.claims.values()),
        reopen=sorted({*displaced, *_freed(task, plan.claims, directory)}),
    )


def _freed(task: Task, claims: Mapping[str, Claim], directory: BatchDirectory) -> list[str]:
    """Products that were refused a SKU which this one held, and now lets go or no longer sells."""
    now = {sku: claim.state for sku, claim in claims.items()}
    weaker = {
        line["sku"]
        for line in known_variants(task).values()
        if now.get(line["sku"]) not in (("live",) if line["status"] == LIVE else ("live", "retired"))
    }
    return sorted(
        {
            holder.product
            for sku in weaker
            for holder in directory.holders(sku)
            if holder.state == "refused" and holder.product != task.key
        }
    )


def _touched(task: Task) -> set[str]:
    """Every SKU that the task claims or knows."""
    product = task.entity if isinstance(task.entity, Product) else None
    return {*wanted_skus(product), *(line["sku"] for line in known_variants(task).values())}


def _turn(task: Task) -> tuple[bool, tuple[int, int, str]]:
    """Who lets a SKU go comes before who wants one, then the lower product."""
    product = task.entity if isinstance(task.entity, Product) else None
    lets_go = bool(living_skus(known_variants(task)) - set(wanted_skus(product)))
    return (not lets_go, precedence(task.key))


def _note(directory: BatchDirectory, task: Task, outcome: Outcome) -> None:
    """Let the rest of the batch see what was done."""
    claims: Iterable[Claim] | None = outcome.claims if isinstance(outcome, Applied | Rejected) else None
    if claims is None:
        return
    product = task.entity if isinstance(task.entity, Product) else None
    directory.settle(
        task.key, frozenset(wanted_skus(product)), {claim.sku: (claim.part, claim.state) for claim in claims}
    )
