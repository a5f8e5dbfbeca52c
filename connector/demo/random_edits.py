"""A merchant who edits at random: everything that a product, a price or a stock level can be changed by.

For tests of the whole system: after any number of edits both platforms must agree again. Each edit leaves a shop that
can be mapped without doubt; `conflicts` adds edits that lead to refusals (a SKU twice, a SKU gone).
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random

from connector.sandbox.sparkpay import SparkPayStore

Edit = Callable[[SparkPayStore, Random], str | None]
_TRIES = 200
_SILENT = 0.25
_SWEPT = frozenset({"products", "variant_inventory", "product_pricing"})
_NAMES = ("Zahnrad ½″", "歯車", "Ball 🎱 Valve", "Cafe\u0301 Tray", "Hinge &amp; Pin", " Rope\t60 m ", "مفصلة", "Bolt")


def random_fight(store: SparkPayStore, rng: Random) -> str:
    """Makes one edit that is about who may have a SKU: moved, repeated, given up, by what is for sale or is not."""
    return _one_of(FIGHTS, store, rng)


def random_edit(store: SparkPayStore, rng: Random, *, conflicts: bool = False) -> str:
    """Makes one edit and says what it was, in words. A quarter of those that a sweep can see leave `updated_at`."""
    return _one_of(EDITS + CONFLICTS if conflicts else EDITS, store, rng)


def _one_of(edits: Sequence[Edit], store: SparkPayStore, rng: Random) -> str:
    for _ in range(_TRIES):
        words = rng.choice(edits)(store, rng)
        if words is not None:
            return words
    return _add_product(store, rng)


def _title(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "products", item_name=f"{rng.choice(_NAMES)} {rng.randrange(10**6)}")


def _page(store: SparkPayStore, rng: Random) -> str | None:
    path = rng.choice(("", f"/new/{rng.randrange(10**9)}.aspx", f"https://shop.example/p/{rng.randrange(10**9)}?a=1"))
    return _set(store, rng, "products", url_rewrite=path)


def _hidden(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "products", is_hidden=rng.randrange(2))


def _discontinued(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "products", is_discontinued=_chance(rng, 0.5))


def _status(store: SparkPayStore, rng: Random) -> str | None:
    resource = rng.choice(("products", "variant_inventory"))
    return _set(store, rng, resource, product_status_id=_any_id(store, rng, "product_statuses"))


def _order_quantities(store: SparkPayStore, rng: Random) -> str | None:
    pack = rng.choice((0, 1, 6, 12))
    return _set(
        store, rng, "products", minimum_quantity=pack, maximum_quantity=rng.choice((0, 120)), quantity_increment=pack
    )


def _weight(store: SparkPayStore, rng: Random) -> str | None:
    if _chance(rng, 0.5):
        return _set(store, rng, "variant_inventory", weight=rng.choice((Decimal(0), _cents(rng, 1, 500))))
    weight = rng.choice((Decimal(0), _cents(rng, 1, 5000), _cents(rng, 1, 5000)))
    return _set(store, rng, "products", weight=weight, weight_unit=rng.choice(("Lbs", "Oz", "Kg", "G")))


def _retail(store: SparkPayStore, rng: Random) -> str | None:
    resource = rng.choice(("products", "variant_inventory"))
    return _set(store, rng, resource, retail=rng.choice((Decimal(0), _cents(rng, 100, 90000))))


def _picture(store: SparkPayStore, rng: Random) -> str | None:
    path = f"/images/catalog/new-{rng.randrange(10**6)}.jpg"
    if _chance(rng, 0.3):
        return _set(store, rng, "variant_inventory", variant_inventory_image=path)
    id_ = _any_id(store, rng, "product_pictures")
    if id_ is None or _chance(rng, 0.3):
        return _picture_gone(store, rng)
    return _set(store, rng, "product_pictures", image_file=path)


def _picture_gone(store: SparkPayStore, rng: Random) -> str | None:
    """Its product is saved with it: a picture that is merely gone shows nowhere but in a full walk."""
    id_ = _any_id(store, rng, "product_pictures") or 0
    picture = store.get("product_pictures", id_)
    product = picture.get("product_id") if picture else None
    if picture is None or not isinstance(product, int):
        return None
    store.delete("product_pictures", id_)
    if store.get("products", product) is not None:
        store.update("products", product)
    return f"product_pictures {id_}: deleted from product {product}"


def _inactive_in_store(store: SparkPayStore, rng: Random) -> str | None:
    product, shop = _any_id(store, rng, "products"), _any_id(store, rng, "stores")
    if product is None or _chance(rng, 0.5):
        return _remove(store, rng, "product_inactive_in_store")
    one_type = _any_id(store, rng, "customer_types") if _chance(rng, 0.5) else None
    row = store.insert("product_inactive_in_store", item_id=product, store_id=shop, customer_type_id=one_type)
    return f"product_inactive_in_store {row['id']}: product {product} hidden from {one_type or 'all'}"


def _quantity(store: SparkPayStore, rng: Random) -> str | None:
    if _chance(rng, 0.5):
        return _set(store, rng, "variant_inventory", inventory=rng.randint(-5, 400))
    return _set(store, rng, "products", quantity_on_hand=rng.randint(-5, 400))


def _warehouse(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "products", warehouse_id=rng.choice((0, _any_id(store, rng, "warehouses"))))


def _not_counted(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "products", is_non_inventory=_chance(rng, 0.5))


def _expected_on(store: SparkPayStore, rng: Random) -> str | None:
    day = store.clock().astimezone(store.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return _set(store, rng, "products", eta_date=rng.choice((None, day + timedelta(days=rng.randint(1, 60)))))


def _price(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "products", price=_cents(rng, 1, 250_000))


def _price_row(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "product_pricing", price=_cents(rng, 1, 25_000_000, places=4))


def _price_window(store: SparkPayStore, rng: Random) -> str | None:
    start, end = _window(store, rng)
    return _set(store, rng, "product_pricing", start_date=start, end_date=end)


def _price_row_gone(store: SparkPayStore, rng: Random) -> str | None:
    return _remove(store, rng, "product_pricing")


def _price_row_new(store: SparkPayStore, rng: Random) -> str | None:
    product = _any_id(store, rng, "products")
    if product is None:
        return None
    start, end = _window(store, rng)
    options = [row["id"] for row in store.tables["product_variants"].equal("product_id", product)]
    items = [row["id"] for row in store.tables["variant_inventory"].equal("product_id", product)]
    row = store.insert(
        "product_pricing",
        product_id=product,
        price=_cents(rng, 1, 250_000),
        starting_quantity=rng.choice((1, 1, 5, 10, 100)),
        customer_type_id=rng.choice((None, _any_id(store, rng, "customer_types"))),
        store_id=rng.choice((None, _any_id(store, rng, "stores"))),
        variant_inventory_id=rng.choice((None, *items)),
        variant_id=rng.choice((None, None, *options)),
        sale_type_id=rng.choice((None, 1)),
        start_date=start,
        end_date=end,
    )
    return f"product_pricing {row['id']}: added to product {product}"


def _call_for_pricing(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, "products", call_for_pricing=rng.randrange(2))


def _option(store: SparkPayStore, rng: Random) -> str | None:
    changes: tuple[dict[str, object], ...] = (
        {"description": f"Tone {rng.randrange(10**6)}"},
        {"is_hidden": _chance(rng, 0.5)},
        {"price_adjustment_type": "+ dollars", "price_adjustment": _cents(rng, 0, 900)},
        {"price_adjustment_type": "+ percent", "price_adjustment": Decimal(rng.randint(0, 30))},
        {"price_adjustment_type": "", "price_adjustment": Decimal(0)},
        {"weight": _cents(rng, 0, 90)},
        {"item_number_extension": f"-X{rng.randrange(10**6)}"},
    )
    return _set(store, rng, "product_variants", **rng.choice(changes))


def _variant_new(store: SparkPayStore, rng: Random) -> str | None:
    """A new value of one of the product's groups, and the SKU that has it."""
    like = store.get("variant_inventory", _any_id(store, rng, "variant_inventory") or 0)
    links = like.get("variants") if like else None
    first = store.get("product_variants", links[0]) if isinstance(links, tuple) and links else None
    if like is None or first is None or not isinstance(links, tuple):
        return None
    value = store.insert(
        "product_variants",
        product_id=like["product_id"],
        variant_group_id=first["variant_group_id"],
        description=f"Tone {rng.randrange(10**6)}",
        sort_order=rng.randint(0, 99),
    )
    row = store.insert(
        "variant_inventory",
        product_id=like["product_id"],
        item_number=_new_sku(rng),
        inventory=rng.randint(0, 99),
        product_status_id=like["product_status_id"],
        variants=(value["id"], *links[1:]),
    )
    return f"variant_inventory {row['id']}: added to product {like['product_id']} as {row['item_number']}"


def _variant_gone(store: SparkPayStore, rng: Random) -> str | None:
    return _remove(store, rng, "variant_inventory")


def _sku(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, rng.choice(("products", "variant_inventory")), item_number=_new_sku(rng))


def _sku_moves(store: SparkPayStore, rng: Random) -> str | None:
    """A SKU goes to another product or variant, whose own one goes back or is replaced by a new one."""
    resources = (rng.choice(("products", "variant_inventory")), rng.choice(("products", "variant_inventory")))
    giver, taker = (_any_id(store, rng, resource) for resource in resources)
    if giver is None or taker is None or (resources[0], giver) == (resources[1], taker):
        return None
    sku, other = (_sku_of(store, resource, id_) for resource, id_ in zip(resources, (giver, taker), strict=True))
    if not sku or not other:
        return None
    touch = _touch(rng)
    store.update(resources[0], giver, touch=touch, item_number=rng.choice((other, _new_sku(rng))))
    store.update(resources[1], taker, touch=touch, item_number=sku)
    return f"{sku!r} moves from {resources[0]} {giver} to {resources[1]} {taker}{_silently(touched=touch)}"


def _add_product(store: SparkPayStore, rng: Random) -> str:
    row = store.insert(
        "products",
        item_name=f"{rng.choice(_NAMES)} {rng.randrange(10**6)}",
        item_number=_new_sku(rng),
        price=_cents(rng, 1, 90_000),
        product_status_id=_any_id(store, rng, "product_statuses") or 0,
        primary_category_id=_any_id(store, rng, "categories") or 0,
        quantity_on_hand=rng.randint(0, 50),
    )
    return f"products {row['id']}: added as {row['item_number']}"


def _delete_product(store: SparkPayStore, rng: Random) -> str | None:
    return _remove(store, rng, "products")


def _sku_twice(store: SparkPayStore, rng: Random) -> str | None:
    other = _any_id(store, rng, "products")
    sku = _sku_of(store, "products", other or 0)
    return _set(store, rng, "products", item_number=sku) if sku else None


def _sku_blank(store: SparkPayStore, rng: Random) -> str | None:
    return _set(store, rng, rng.choice(("products", "variant_inventory")), item_number="")


EDITS: tuple[Edit, ...] = (
    _title,
    _page,
    _hidden,
    _discontinued,
    _status,
    _order_quantities,
    _weight,
    _retail,
    _picture,
    _inactive_in_store,
    _quantity,
    _warehouse,
    _not_counted,
    _expected_on,
    _price,
    _price_row,
    _price_window,
    _price_row_gone,
    _price_row_new,
    _call_for_pricing,
    _option,
    _variant_new,
    _variant_gone,
    _sku,
    _sku_moves,
    _add_product,
    _delete_product,
)
"""Every kind of edit that leaves all SKUs unique; each is as likely as any other."""

CONFLICTS: tuple[Edit, ...] = (_sku_twice, _sku_blank)
"""Edits after which some product or variant is refused."""

FIGHTS: tuple[Edit, ...] = (_hidden, _discontinued, _status, _warehouse, _sku, _sku_moves, _sku_moves, _sku_twice)
"""Edits of which many in a small shop make everybody claim everybody's SKU."""


def _set(store: SparkPayStore, rng: Random, resource: str, **fields: object) -> str | None:
    """Sets fields of any row of the resource; None where there is none."""
    id_ = _any_id(store, rng, resource)
    if id_ is None:
        return None
    touch = _touch(rng) or resource not in _SWEPT
    store.update(resource, id_, touch=touch, **fields)
    words = ", ".join(f"{name} = {value!s}" for name, value in fields.items())
    return f"{resource} {id_}: {words}{_silently(touched=touch)}"


def _remove(store: SparkPayStore, rng: Random, resource: str) -> str | None:
    id_ = _any_id(store, rng, resource)
    if id_ is None:
        return None
    store.delete(resource, id_)
    return f"{resource} {id_}: deleted"


def _any_id(store: SparkPayStore, rng: Random, resource: str) -> int | None:
    ids = [row["id"] for row in store.tables[resource]]
    chosen = rng.choice(ids) if ids else None
    return chosen if isinstance(chosen, int) else None


def _sku_of(store: SparkPayStore, resource: str, id_: int) -> str:
    row = store.get(resource, id_)
    return str(row["item_number"]) if row else ""


def _new_sku(rng: Random) -> str:
    return f"{rng.choice(('NEW', 'A/B', 'Ø 1+', 'r#%'))}-{rng.randrange(16**10):010X}"


def _cents(rng: Random, lowest: int, highest: int, *, places: int = 2) -> Decimal:
    return Decimal(rng.randint(lowest, highest)).scaleb(-places)


def _window(store: SparkPayStore, rng: Random) -> tuple[object, object]:
    """A sale that is over, runs, lies ahead, or has an open end."""
    now = store.clock() + timedelta(seconds=rng.randrange(3600))
    start, end = rng.choice(((-30, -10), (-10, 20), (15, 40), (None, 9), (-9, None), (None, None)))
    return (
        None if start is None else now + timedelta(days=start),
        None if end is None else now + timedelta(days=end),
    )


def _chance(rng: Random, share: float) -> bool:
    return rng.random() < share


def _touch(rng: Random) -> bool:
    return not _chance(rng, _SILENT)


def _silently(*, touched: bool) -> str:
    return "" if touched else " (silently)"
