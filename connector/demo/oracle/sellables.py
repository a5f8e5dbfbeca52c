"""What a product offers: one thing per SKU, in each of the shapes that a product can have."""

from dataclasses import dataclass
from itertools import product as every_choice
from math import prod

from connector.demo.oracle.rows import Row, Shop, flag, number, ref, whole, words

LONGEST_SKU = 100


@dataclass(frozen=True, slots=True)
class Sellable:
    """One thing with a SKU. `combination` is its row of variant_inventory, where the product keeps such rows."""

    product_id: int
    external_id: str
    sku: str
    status_id: int
    options: tuple[Row, ...] = ()
    combination: Row | None = None
    all_hidden: bool = False

    @property
    def usable(self) -> bool:
        """Whether SparkLayer can take its SKU."""
        return 0 < len(self.sku) <= LONGEST_SKU


def is_hidden(shop: Shop, option: Row) -> bool:
    """An option value that is hidden itself or belongs to a hidden group."""
    return flag(option, "is_hidden") or flag(shop.group_of(option), "is_hidden")


def sellables(shop: Shop, product: Row) -> list[Sellable]:
    """In the order of the options' own sort order."""
    id_ = int(product["id"])
    if flag(product, "use_variant_inventory"):
        stored = [_stored(shop, product, row) for row in shop.combinations_of.get(id_, [])]
        return sorted(stored, key=lambda item: tuple(place(shop, option) for option in item.options))
    options = shop.options_of.get(id_, [])
    visible = [option for option in options if not is_hidden(shop, option)]
    if visible:
        return _combined(shop, product, visible)
    plain = Sellable(
        product_id=id_,
        external_id=f"p-{id_}",
        sku=words(product.get("item_number")),
        status_id=ref(product, "product_status_id"),
        all_hidden=bool(options),
    )
    return [plain]


def refusal(shop: Shop, product: Row, offered: list[Sellable], cap: int) -> str | None:
    """Why the whole product is skipped and left as it is on SparkLayer, or None."""
    if not words(product.get("item_name")) and not words(product.get("item_number")):
        return "title_missing"
    if flag(product, "use_variant_inventory"):
        return None
    skus = [item.sku for item in offered if item.sku]
    if len(set(skus)) != len(skus):
        return "variant_sku_ambiguous"
    return "too many combinations" if _combination_count(shop, product) > cap else None


def is_heading(shop: Shop, product: Row) -> bool:
    """The head of a family that has no price of its own: it is not pushed."""
    return bool(shop.children_of[int(product["id"])]) and number(product, "price") == 0


def place(shop: Shop, option: Row) -> tuple[int, int, int, int]:
    """Where an option value stands among those of its product."""
    group = shop.group_of(option)
    return whole(group, "sort_order"), ref(option, "variant_group_id"), whole(option, "sort_order"), int(option["id"])


def _stored(shop: Shop, product: Row, row: Row) -> Sellable:
    options = sorted(
        (shop.options[id_] for id_ in row.get("variants") or () if id_ in shop.options),
        key=lambda option: place(shop, option),
    )
    return Sellable(
        product_id=int(product["id"]),
        external_id=f"vi-{row['id']}",
        sku=words(row.get("item_number")),
        # "Replaces" the product's status where it is set; 0 is the empty form of an id.
        status_id=ref(row, "product_status_id") or ref(product, "product_status_id"),
        options=tuple(options),
        combination=row,
        all_hidden=bool(options) and all(is_hidden(shop, option) for option in options),
    )


def _combined(shop: Shop, product: Row, visible: list[Row]) -> list[Sellable]:
    id_ = int(product["id"])
    groups: dict[int, list[Row]] = {}
    for option in sorted(visible, key=lambda option: place(shop, option)):
        groups.setdefault(ref(option, "variant_group_id"), []).append(option)
    base = words(product.get("item_number"))
    found = []
    for chosen in every_choice(*groups.values()):
        in_sku = sorted(chosen, key=lambda option: (whole(option, "item_number_sort_order"), place(shop, option)))
        extension = "".join(words(option.get("item_number_extension")) for option in in_sku)
        ids = "-".join(str(option_id) for option_id in sorted(int(option["id"]) for option in chosen))
        found.append(
            Sellable(
                product_id=id_,
                external_id=f"p-{id_}-{ids}",
                sku=base + extension if base else "",  # an extension alone is no SKU
                status_id=ref(product, "product_status_id"),
                options=chosen,
            )
        )
    return found


def _combination_count(shop: Shop, product: Row) -> int:
    sizes: dict[int, int] = {}
    for option in shop.options_of.get(int(product["id"]), []):
        if not is_hidden(shop, option):
            group = ref(option, "variant_group_id")
            sizes[group] = sizes.get(group, 0) + 1
    return prod(sizes.values())
