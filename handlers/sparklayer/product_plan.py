"""What SparkLayer should have of one product, who has to give up a SKU for it, and what cannot be sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.ports import Holder
from contracts.entities import Product, Variant
from handlers.outcome import Claim, Skip, Task, Waiting
from handlers.sparklayer.body_hash import body_hash
from handlers.sparklayer.product_body import (
    DISCONTINUED,
    LIVE,
    SUSPENDED,
    fault_of,
    parked_body,
    status_of,
    variant_body,
)
from handlers.sparklayer.sku_rules import BatchDirectory, Claimant, Verdict, others, parked, rule

Known = Mapping[str, Mapping[str, str]]
"""What the ledger remembers: variant -> SKU and status as they were sent."""


@dataclass(slots=True)
class Plan:
    """The variants to send (`sold` in full, `kept` only parked), and everything that goes with them."""

    sold: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)
    rename: list[tuple[str, Holder]] = field(default_factory=list)
    depose: list[tuple[str, Holder]] = field(default_factory=list)
    stale: list[tuple[str, Holder]] = field(default_factory=list)

    def hash(self, head: Mapping[str, Any]) -> str:
        """Of the whole body. A parked variant's SKU is left out: whoever needed it has renamed it already."""
        parked_ones = sorted(self.kept, key=lambda line: str(line["external_id"]))
        kept = [{name: value for name, value in line.items() if name != "sku"} for line in parked_ones]
        return body_hash({**head, "variants": [*self.sold, *kept]})

    def remembered(self) -> dict[str, dict[str, str]]:
        """What the ledger keeps once it is sent."""
        return {
            line["external_id"]: {"sku": line["sku"], "status": line["status"]} for line in [*self.sold, *self.kept]
        }

    def drop(self, part: str, skip: Skip, *, there: bool) -> None:
        """Leave a variant out after all; park it where the platform knows it."""
        line = next(line for line in self.sold if line["external_id"] == part)
        self.sold.remove(line)
        self.claims[line["sku"]] = Claim(line["sku"], part, "refused")
        if there:
            status = DISCONTINUED if line["status"] == DISCONTINUED else SUSPENDED
            self.kept.append(parked_body(part, parked(line["sku"], part), status))
        if line["status"] == LIVE or not there:  # as in `make_plan`: what is off sale anyhow lacks nothing
            self.skips.append(skip)

    @property
    def sells_nothing(self) -> bool:
        """Nothing of it can be sold, and that is not what its source wants."""
        return not self.sold and (any(not skip.note for skip in self.skips) or not self.kept)

    def rename_kept(self) -> None:
        """Give every parked variant a SKU that nobody else can have."""
        for line in self.kept:
            line["sku"] = parked(line["sku"], line["external_id"])


def known_variants(task: Task) -> Known:
    """The ledger's variants; empty for a product that was never sent."""
    found = task.ledger.get("variants")
    return found if isinstance(found, Mapping) else {}


def wanted_skus(product: Product | None) -> list[str]:
    """The SKUs that a product claims, those aside that SparkLayer cannot take."""
    return [variant.sku for variant in (product.variants if product else ()) if variant.sku and not fault_of(variant)]


def living_skus(known: Known) -> set[str]:
    """The SKUs that the product sells there."""
    return {line["sku"] for line in known.values() if line["status"] == LIVE}


async def make_plan(task: Task, product: Product, directory: BatchDirectory, root_group: str) -> Plan | Waiting:
    """Settle every variant; `Waiting` where another product is about to let a SKU go."""
    known, plan = known_variants(task), Plan()
    taken: set[str] = set()
    ids: set[str] = set()
    to_park: dict[str, str] = {}
    lets_go = bool(living_skus(known) - set(wanted_skus(product)))
    on_sale_first = sorted(product.variants, key=lambda variant: status_of(product, variant) != LIVE)
    for variant in on_sale_first:
        fault = fault_of(variant)
        if variant.id in ids:
            plan.skips.append(Skip("variant_id_duplicate", f"several variants have the id {variant.id}", variant.id))
            continue
        ids.add(variant.id)
        if fault is None and variant.sku in taken:
            message = f"variant {variant.id}: another variant of the product has the SKU {variant.sku!r} already"
            fault = Skip("sku_duplicate", message, variant.id)
        if fault is None:
            outcome = await _settle(variant, task, product, directory, lets_go=lets_go, plan=plan)
            if isinstance(outcome, Waiting):
                return outcome
            fault = outcome
        if fault is None:
            taken.add(variant.sku or "")
            plan.sold.append(variant_body(product, variant, root_group))
            state = "live" if status_of(product, variant) == LIVE else "retired"
            plan.claims[variant.sku or ""] = Claim(variant.sku or "", variant.id, state)
            continue
        status = status_of(product, variant)
        if variant.id in known:
            to_park[variant.id] = DISCONTINUED if status == DISCONTINUED else SUSPENDED
        if status == LIVE or variant.id not in known:
            plan.skips.append(fault)
    named = {variant.id for variant in product.variants}
    to_park |= {part: DISCONTINUED for part in known if part not in named}
    park(plan, to_park, known, directory, task.key)
    return plan


def park(plan: Plan, parts: Mapping[str, str], known: Known, directory: BatchDirectory, product: str) -> None:
    """Keep variants there under a status, and under another SKU where somebody else has theirs or was refused it."""
    sold = {line["sku"] for line in plan.sold}
    for part in sorted(parts):
        sku = known[part]["sku"]
        elsewhere = any(holder.product != product for holder in directory.holders(sku))
        refused = plan.claims.get(sku)
        if sku in sold or elsewhere or (refused is not None and refused.state == "refused"):
            sku = parked(sku, part)
        plan.kept.append(parked_body(part, sku, parts[part]))
        plan.claims.setdefault(sku, Claim(sku, part, "retired"))


async def _settle(
    variant: Variant, task: Task, product: Product, directory: BatchDirectory, *, lets_go: bool, plan: Plan
) -> Skip | Waiting | None:
    """None: the variant has its SKU."""
    sku = variant.sku or ""
    there = known_variants(task).get(variant.id)
    holders = directory.holders(sku)
    rivals = {holder.product for holder in others(task.key, holders)}
    claimant = Claimant(
        product=task.key,
        retired=status_of(product, variant) != LIVE,
        has_it=there is not None and there["sku"] == sku,
        lets_go=lets_go,
    )
    ruling = rule(claimant, holders, {rival: await directory.desired(rival) for rival in sorted(rivals)}, sku)
    if ruling.verdict is Verdict.WAITS:
        return Waiting(f"product:{ruling.by}", f"SKU {sku!r} is still held by product {ruling.by}, which lets it go")
    if ruling.verdict is Verdict.LOST:
        plan.claims[sku] = Claim(sku, variant.id, "refused")  # it is told when the SKU is free again
        by = f"product {ruling.by}" if ruling.by else "another product"
        return Skip("sku_duplicate", f"variant {variant.id}: {by} has the SKU {sku!r}", variant.id)
    plan.rename.extend((sku, holder) for holder in ruling.rename)
    plan.depose.extend((sku, holder) for holder in ruling.depose)
    plan.stale.extend((sku, holder) for holder in ruling.stale)
    return None
