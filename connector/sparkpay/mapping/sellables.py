"""What can be bought of a product, whichever of the platform's shapes it has.

A: a plain product. B: `use_variant_inventory`, one SKU per stored combination. C: options without stored combinations,
so every combination of the visible options is one SKU. D: children of a family are plain products of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product as combinations_of
from math import prod

from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import ProductBundle, ReferenceData, Row
from connector.sparkpay.mapping.faults import MappingFault
from connector.sparkpay.mapping.fields import flag, identity, number, reference, text
from connector.sparkpay.mapping.options import Choice, choices, described
from contracts.entities import Option

LONGEST_SKU = 100


@dataclass(frozen=True, slots=True)
class Sellable:
    """One thing with a SKU: the combination row it comes from (shape B) and the choices that make it."""

    id: str
    sku: str | None
    status_id: int | None
    choices: tuple[Choice, ...] = ()
    options: tuple[Option, ...] = ()
    combination: Row | None = None
    shared_stock: bool = False
    hidden: bool = False

    @property
    def combination_id(self) -> int | None:
        """`variant_inventory.id` where there is one."""
        return None if self.combination is None else identity(self.combination, "variant_inventory")

    @property
    def non_inventory(self) -> bool:
        """Whether no group that it is chosen from counts stock."""
        return bool(self.choices) and all(choice.non_inventory for choice in self.choices)


class Offered:
    """What can be bought of one product, worked out once for whatever is made of it."""

    def __init__(self, bundle: ProductBundle, known: ReferenceData, settings: ConnectionSettings) -> None:
        self._of = (bundle, known, settings)
        self._items: list[Sellable] | None = None
        self._fault: MappingFault | None = None

    @property
    def items(self) -> list[Sellable]:
        """See `sellables`. Raises the same `MappingFault` every time."""
        if self._fault is not None:
            raise self._fault
        if self._items is None:
            try:
                self._items = sellables(*self._of)
            except MappingFault as fault:
                self._fault = fault
                raise
        return self._items


def is_heading(bundle: ProductBundle) -> bool:
    """The head of a family that only holds its children together: it has no price of its own and is not pushed."""
    return bundle.has_children and not number(bundle.product, "price")


def sellables(bundle: ProductBundle, known: ReferenceData, settings: ConnectionSettings) -> list[Sellable]:
    """All of them in the store's order. Raises `MappingFault` where SKUs cannot be told apart."""
    row = bundle.product
    product_id = identity(row, "products")
    if flag(row, "use_variant_inventory"):
        return _stored(bundle, known)
    every = choices(bundle.options, known)
    visible = [choice for choice in every if not choice.hidden]
    if visible:
        return _combined(bundle, product_id, visible, settings.products.combinations_cap)
    plain = Sellable(
        id=f"p-{product_id}",
        sku=text(row, "item_number"),
        status_id=reference(row, "product_status_id"),
        hidden=bool(every),
    )
    return [plain]


def sold(items: list[Sellable], on_sale: Callable[[Sellable], bool]) -> list[tuple[str, Sellable]]:
    """Those that prices and stock can be kept for, by SKU; none without a usable one.

    Of several with one SKU it is the first that is on sale, else the first.
    """
    found: dict[str, Sellable] = {}
    for item in items:
        if item.sku is None or len(item.sku) > LONGEST_SKU:
            continue
        before = found.get(item.sku)
        if before is None or (on_sale(item) and not on_sale(before)):
            found[item.sku] = item
    return list(found.items())


def _stored(bundle: ProductBundle, known: ReferenceData) -> list[Sellable]:
    own = {choice.id: choice for choice in choices(bundle.options, known)}
    items = []
    for row in bundle.combinations:
        chosen = tuple(choices(row.get("variants") or (), known, read=own))
        items.append(
            Sellable(
                id=f"vi-{identity(row, 'variant_inventory')}",
                sku=text(row, "item_number"),
                status_id=reference(row, "product_status_id") or reference(bundle.product, "product_status_id"),
                choices=chosen,
                options=tuple(choice.option for choice in chosen) or described(text(row, "description")),
                combination=row,
                hidden=bool(chosen) and all(choice.hidden for choice in chosen),
            )
        )
    return sorted(items, key=lambda item: (tuple(choice.place for choice in item.choices), item.combination_id or 0))


def _combined(bundle: ProductBundle, product_id: int, visible: list[Choice], cap: int) -> list[Sellable]:
    groups: dict[int, list[Choice]] = {}
    for choice in visible:
        groups.setdefault(choice.group, []).append(choice)
    count = prod(len(group) for group in groups.values())
    if count > cap:
        raise MappingFault(
            "too_many_combinations",
            f"product {product_id} has {count} combinations of options, setting products.combinations_cap takes {cap}",
            f"p-{product_id}",
        )
    base = text(bundle.product, "item_number")
    status_id = reference(bundle.product, "product_status_id")
    items = [
        Sellable(
            id="-".join([f"p-{product_id}", *(str(id_) for id_ in sorted(choice.id for choice in chosen))]),
            sku=_extended(base, chosen),
            status_id=status_id,
            choices=chosen,
            options=tuple(choice.option for choice in chosen),
            shared_stock=count > 1,
        )
        for chosen in combinations_of(*groups.values())
    ]
    skus = [item.sku for item in items if item.sku is not None]
    if len(set(skus)) < len(skus):
        repeated = next(sku for sku in skus if skus.count(sku) > 1)
        raise MappingFault(
            "variant_sku_ambiguous",
            f"product {product_id}: several combinations of its options have the SKU {repeated!r}; give each option "
            "value its own item number extension, or use variant inventory",
            f"p-{product_id}",
        )
    return items


def _extended(base: str | None, chosen: tuple[Choice, ...]) -> str | None:
    if base is None:
        return None
    ordered = sorted(chosen, key=lambda choice: (choice.sku_order, choice.place))
    return base + "".join(choice.sku_extension for choice in ordered)
