"""Products to SparkLayer: one call per product, because the platform has no bulk call for them."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.errors import Conflict, NotFound, PlatformError, Refused
from connector.ports import Doubt
from connector.sparklayer import SparkLayerClient
from contracts.entities import Product
from handlers.outcome import (
    Applied,
    Claim,
    Context,
    Failed,
    Intents,
    Outcome,
    Rejected,
    Seen,
    Task,
    Waiting,
    would_write,
)
from handlers.sparklayer.classify import classify, taken_fields
from handlers.sparklayer.found_product import claims_of, found_of, lacking, ledger_of, without_found
from handlers.sparklayer.product_body import (
    DISCONTINUED,
    LIVE,
    LONGEST_ID,
    details_of,
    external_id,
    slug_of,
    title_of,
)
from handlers.sparklayer.product_plan import Plan, known_variants, living_skus, make_plan, park, wanted_skus
from handlers.sparklayer.product_writer import ProductWriter, Written
from handlers.sparklayer.sku_rules import THERE, BatchDirectory, precedence
from handlers.sparklayer.task_groups import grouped


def _nobody(_skus: Iterable[str]) -> None:
    """Stand in where nobody wants to know of writes."""


class ProductHandler:
    """Applies products. Tasks that touch a common SKU run one after the other, all others at once.

    Tasks in doubt are read first, all of them before any is decided: who may have a SKU depends on the others. Those
    that were only sent are decided in the same batch, with what was found of them.
    `look_only` tells what differs instead of writing it; `moving` is told the SKUs that a write may move, before the
    write and after it: who looks in between sees what was there before.
    """

    entity = "product"
    batch = 100
    after: Sequence[str] = ()

    def __init__(
        self,
        client: SparkLayerClient,
        *,
        look_only: bool = False,
        moving: Callable[[Iterable[str]], None] = _nobody,
    ) -> None:
        self._client = client
        self._look_only = look_only
        self._moving = moving

    async def apply(self, tasks: Sequence[Task], context: Context) -> Sequence[Outcome]:
        """See `Handler`. The client's gate decides how many calls run at once."""
        looked = await asyncio.gather(*(self._looked(task) for task in tasks))
        outcomes = {task.key: found for task, found in zip(tasks, looked, strict=True) if not isinstance(found, Task)}
        due = [found for found in looked if isinstance(found, Task)]
        skus = {task.key: _touched(task) for task in due}
        directory = BatchDirectory(context.skus)
        await directory.load(sorted(set().union(*skus.values())))
        for task in due:
            if task.doubt and "variants" in task.ledger:
                directory.found(task.key, claims_of(task.ledger))

        async def run(group: Sequence[Task]) -> None:
            for task in sorted(group, key=_turn):
                outcomes[task.key] = await self._apply(task, context, directory)
                _note(directory, task, outcomes[task.key])

        await asyncio.gather(*(run(group) for group in grouped(due, lambda task: skus[task.key])))
        return [outcomes[task.key] for task in tasks]

    async def _apply(self, task: Task, context: Context, directory: BatchDirectory) -> Outcome:
        product = task.entity
        if product is None:
            return await self._retire(task, directory)
        if not isinstance(product, Product):
            raise TypeError(f"{task.key} is no product")
        if product.key != task.key:  # another service's event about a product that is known under this key
            product = product.model_copy(update={"key": task.key})
        title, cuts = title_of(product)
        if title is None or not _fits(external_id(task.key)):
            return _unfit(task)
        plan = await make_plan(task, product, directory, context.settings.sparklayer.root_group)
        if isinstance(plan, Waiting):
            return plan
        if plan.sells_nothing:
            return await self._refuse(task, plan, directory)
        plan.skips.extend(cuts)
        return await self._write(task, product, title, plan, directory, intents=context.intents)

    async def _looked(self, task: Task) -> Task | Outcome:
        """The task as it can be decided; an outcome where the look is all that is to be done now."""
        if task.doubt not in {Doubt.UNSEEN, Doubt.SENT} or not _fits(external_id(task.key)):
            return task
        seen = await self._look(task)
        if task.doubt is Doubt.UNSEEN or not isinstance(seen, Seen):
            return seen
        return replace(task, ledger=seen.ledger, doubt=Doubt.SEEN)

    async def _look(self, task: Task) -> Outcome:
        """What is there; where the site cannot say, the product is written as if nothing were known of it."""
        try:
            ledger = ledger_of(await self._client.products.get(external_id(task.key)))
        except NotFound:
            ledger = ledger_of(None)
        except PlatformError as error:
            outcome = classify(error)
            return outcome if isinstance(outcome, Failed) else Seen(without_found(task.ledger))
        return Seen(ledger, claims_of(ledger))

    async def _write(
        self, task: Task, product: Product, title: str, plan: Plan, directory: BatchDirectory, *, intents: Intents
    ) -> Outcome:
        known = known_variants(task)
        unique = bool(_slug_kept(task)) or _goes_by_unique_slug(task, product, title)
        writer = ProductWriter(self._client, directory, intents, product, title, plan, known, slug_is_unique=unique)
        ledger: Mapping[str, Any] = {"unique_slug": True} if unique else {}
        hash_ = plan.hash(writer.head())
        if hash_ == task.applied_hash:
            return _applied(task, plan, hash_, directory, ledger, unchanged=True)
        lacks = lacking(task, writer.head(), [*plan.sold, *plan.kept])
        if task.doubt and lacks is None:
            return _applied(task, plan, hash_, directory, ledger, unchanged=True, reply=found_of(task))
        if self._look_only:
            return would_write(f"product {task.key}: {lacks} is not there as it should be")
        with self._moves(task):
            written = await writer.write()
        if not isinstance(written, Written):
            if isinstance(written, Rejected) and plan.sells_nothing:  # the site has all its SKUs elsewhere
                refused = await self._refuse(task, plan, directory)
                if isinstance(refused, Rejected):
                    refused = replace(written, claims=refused.claims, applied=refused.applied)
                written = refused
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
            return _applied(task, plan, hash_, directory, _slug_kept(task), unchanged=True)
        lacks = lacking(task, {}, plan.kept)
        if task.doubt and lacks is None:
            return _applied(task, plan, hash_, directory, _slug_kept(task), unchanged=True)
        if self._look_only:
            return would_write(f"product {task.key}: {lacks} is not there as it should be")
        try:
            with self._moves(task):
                await self._retired(task, plan)
        except NotFound:
            return Applied(hash=hash_, claims=(), reopen=_freed(task, {}, directory))
        except PlatformError as error:
            return classify(error)
        return _applied(task, plan, hash_, directory, _slug_kept(task))

    async def _retired(self, task: Task, plan: Plan) -> None:
        try:
            await self._client.products.change(external_id(task.key), {"variants": plan.kept})
        except (Refused, Conflict) as error:
            if not taken_fields(error):
                raise
            plan.rename_kept()  # somebody else has one of these SKUs by now
            await self._client.products.change(external_id(task.key), {"variants": plan.kept})

    @contextlib.contextmanager
    def _moves(self, task: Task) -> Iterator[None]:
        """What the task touches is under way."""
        skus = _touched(task)
        self._moving(skus)
        try:
            yield
        finally:
            self._moving(skus)


def _fits(id_: str) -> bool:
    """Whether SparkLayer takes it as the id of a product."""
    return len(id_) <= LONGEST_ID and not id_.startswith("pp_")


def _unfit(task: Task) -> Rejected:
    id_ = external_id(task.key)
    if _fits(id_):
        return Rejected("title_missing", f"product {task.key} has neither a title nor an item number: give it one")
    message = f"SparkLayer takes ids of {LONGEST_ID} characters that do not start with pp_, not {id_!r}"
    return Rejected("external_id_invalid", message)


def _slug_kept(task: Task) -> dict[str, Any]:
    """What the ledger says of the slug."""
    return {"unique_slug": True} if task.ledger.get("unique_slug") else {}


def _goes_by_unique_slug(task: Task, product: Product, title: str) -> bool:
    """Whether it was found under the slug that has its id in it, because its own was taken."""
    found = found_of(task)
    own, unique = (slug_of(product, title, unique=unique) for unique in (False, True))
    return found is not None and own != unique and found.get("slug") == unique


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
        reopen=sorted(
            {*displaced, *_freed(task, plan.claims, directory), *_refused_before(task, plan.claims, directory)}
        ),
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


def _refused_before(task: Task, claims: Mapping[str, Claim], directory: BatchDirectory) -> set[str]:
    """Products that the site refused a SKU while nobody knew that this one has it, though they come before it.

    As after a crash: what was written last is not on record, and may be looked at after the others.
    """
    new = [claim for sku, claim in claims.items() if claim.state in THERE and not directory.on_record(task.key, sku)]
    return {
        holder.product
        for claim in new
        for holder in directory.holders(claim.sku)
        if holder.state == "refused"
        and holder.product != task.key
        and (claim.state == "retired" or precedence(holder.product) < precedence(task.key))
    }


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
