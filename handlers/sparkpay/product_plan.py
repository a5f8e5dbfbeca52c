"""What a store should have of one product, and which of its variants cannot be there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connector.ports import Holder
from contracts.entities import Availability, Product, Variant
from handlers.outcome import Applied, Claim, Rejected, Skip, Task
from handlers.sparklayer.body_hash import body_hash
from handlers.sparkpay.product_fields import Fields, options_of
from handlers.sparkpay.product_there import There


@dataclass(slots=True)
class Plan:
    """One product on its way. `fields` are those of the product row that have to change, or all of a new one."""

    task: Task
    there: There
    hash: str
    variants: Sequence[Variant] = ()
    fields: Fields = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    picture: str | None = None
    gone: bool = False

    @property
    def combined(self) -> bool:
        """Whether the variants become combinations."""
        return not self.gone and is_combined(self.there, self.variants)

    @property
    def kept_shape(self) -> bool:
        """Options that make up SKUs by themselves have no rows that could be written."""
        return self.there.id is not None and any(
            variant.id.startswith(f"p-{self.there.id}-") for variant in self.variants
        )

    def applied(self, *, unchanged: bool = False) -> Applied:
        """Once it is there."""
        return Applied(
            self.hash,
            refs={"sparkpay": str(self.there.id)},
            ledger=self.there.ledger(),
            unchanged=unchanged,
            skips=tuple(self.skips),
            claims=self._claims(),
        )

    def _claims(self) -> list[Claim]:
        """Every item number that the product has there."""
        if self.combined and not self.kept_shape:
            status = {variant.id: variant.status for variant in self.variants}
            return [
                Claim(row["item_number"], f"vi-{id_}", _state(status.get(str(row.get("variant")))))
                for id_, row in self.there.combinations.items()
                if row.get("item_number") and row.get("variant") is not None
            ]
        if self.gone:
            numbers = [(f"vi-{id_}", row.get("item_number")) for id_, row in self.there.combinations.items()]
            numbers = numbers or [(f"p-{self.there.id}", self.there.head.get("item_number"))]
            return [Claim(str(sku), part, "retired") for part, sku in numbers if sku]
        parts = [(variant.id if self.kept_shape else f"p-{self.there.id}", variant) for variant in self.variants]
        return [Claim(variant.sku or "", part, _state(variant.status)) for part, variant in parts]


def is_combined(there: There, variants: Sequence[Variant]) -> bool:
    """Whether the store has, or needs, a combination for each variant."""
    return there.combined or len(variants) > 1 or any(variant.options for variant in variants)


def fitting(
    product: Product, key: str, holders: Mapping[str, Sequence[Holder]], elsewhere: Collection[str]
) -> tuple[list[Variant], list[Skip]]:
    """The variants that can be there, and why the others cannot; a SKU is never on two products.

    `elsewhere` are SKUs that a product of the store has which is not this one.
    """
    good: list[Variant] = []
    skips: list[Skip] = []
    taken: set[str] = set()
    chosen: set[tuple[tuple[str, str], ...]] = set()
    for variant in sorted(product.variants, key=lambda variant: variant.position):
        options = tuple(sorted((option.name.casefold(), option.value.casefold()) for option in options_of(variant)))
        others = [holder.product for holder in holders.get(variant.sku or "", ()) if holder.product != key]
        if not variant.sku:
            skips.append(Skip("sku_missing", f"product {key}: variant {variant.id} has no SKU", variant.id))
        elif variant.sku in taken or others or variant.sku in elsewhere:
            by = others[0] if others else "this product" if variant.sku in taken else "another product of the store"
            message = f"product {key}: the SKU {variant.sku!r} of variant {variant.id} belongs to {by} already"
            skips.append(Skip("sku_duplicate", message, variant.id))
        elif options in chosen:
            message = f"product {key}: variant {variant.id} ({variant.sku}) has the same options as another one"
            skips.append(Skip("options_ambiguous", message, variant.id))
        else:
            good.append(variant)
            taken.add(variant.sku)
            chosen.add(options)
    return good, skips


def refused(key: str, skips: Sequence[Skip]) -> Rejected:
    """Nothing of it can be there."""
    first = skips[0] if skips else Skip("sku_missing", f"product {key} has no variants: it needs one with a SKU")
    details = [{"code": skip.code, "part": skip.part, "message": skip.message} for skip in skips]
    return Rejected(first.code, first.message, details=details)


def hash_of(task: Task) -> str:
    """Of everything that can be written of it."""
    product = task.entity
    if product is None:
        return body_hash(None)
    if not isinstance(product, Product):
        raise TypeError(f"{task.key} is no product")
    return body_hash(product.model_dump(mode="json", exclude={"refs", "key"}))


def _state(status: Availability | None) -> str:
    return "live" if status is Availability.ACTIVE else "retired"
