# ruff: noqa: PLR2004 - the shares in which things occur are the content of this module
"""Fills a store with a realistic B2B catalogue, the same one for the same shape, seed and clock."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from connector.sandbox.sparkpay.catalogue_prices import PriceMaker
from connector.sandbox.sparkpay.moments import stored
from connector.sandbox.sparkpay.reference_data import Reference, add_reference_data
from connector.sandbox.sparkpay.shape import CatalogueFacts, CatalogueShape
from connector.sandbox.sparkpay.store import SparkPayStore
from connector.sandbox.sparkpay.wording import COLORS, LENGTHS, SIZES, UNICODE_TITLES, Option, description, slug, title

_SKU_PREFIXES = ("HW", "PL", "EL", "WRK", "KIT/A", "Ø", "SAFE 1+")
_LARGEST = len(COLORS) * len(SIZES)
_UNITS = (("Lbs", "2.5"), ("Lbs", "0.125"), ("Oz", "6"), ("Kg", "1.75"), ("Lbs", "40"))
_IMPORT_BATCH = 250


def fill_catalogue(store: SparkPayStore, shape: CatalogueShape, seed: int) -> CatalogueFacts:
    """Add the catalogue to an empty store and says what is in it.

    No SKU occurs twice (whatever its case) and no product is without one. Raises ValueError when the shape asks for
    more SKUs than options can make.
    """
    return _Filler(store, shape, Random(seed)).fill()


class _Filler:
    def __init__(self, store: SparkPayStore, shape: CatalogueShape, random: Random) -> None:
        self._store = store
        self._shape = shape
        self._random = random
        self._groups: dict[str, list[int]] = defaultdict(list)
        self._skus = 0
        self._combined = 0
        self._reference: Reference = add_reference_data(store, shape, random)
        self._now = store.clock()
        self._mass_edit = self._stamp(self._now - timedelta(days=12))
        self._prices = PriceMaker(store, shape, random, self._reference)

    def fill(self) -> CatalogueFacts:
        kinds = self._kinds()
        sizes = self._combination_sizes(kinds)
        for number, kind in enumerate(kinds, start=1):
            match kind:
                case "with_variants":
                    self._with_variants(number, next(sizes))
                case "option_only":
                    self._option_only(number)
                case _:
                    self._skus += 1
                    self._product(number, kind)
        self._link_kits()
        return self._facts()

    def _kinds(self) -> list[str]:
        shape = self._shape
        kits = math.floor(shape.products * shape.kits)
        kinds = ["kits"] * kits + ["children"] * (2 * kits)
        kinds += ["with_variants"] * math.floor(shape.products * shape.with_variants)
        kinds += ["option_only"] * math.floor(shape.products * shape.option_only)
        kinds += ["plain"] * (shape.products - len(kinds))
        self._random.shuffle(kinds)
        return kinds

    def _combination_sizes(self, kinds: list[str]) -> Iterator[int]:
        """SKUs per product with variants: at random, but in the sum what the shape asks for."""
        products = kinds.count("with_variants")
        missing = self._shape.skus_at_least - (len(kinds) - products)
        average = math.ceil(missing / products) if products else missing
        if average > _LARGEST - 2 or (missing > 0 and not products):
            raise ValueError(f"{self._shape.skus_at_least} SKUs are too many for {products} products with variants")
        for left in range(products, 0, -1):
            rest = (missing - self._combined) / left
            yield max(2, math.ceil(rest) + self._random.choice((-1, 0, 1) if left > 1 else (0,)))

    def _product(self, number: int, kind: str, **fields: object) -> int:
        random, reference = self._random, self._reference
        name = random.choice(UNICODE_TITLES) if random.random() < 0.06 else title(random)
        unit, weight = random.choice(_UNITS)
        price = self._prices.base(kind)
        product: dict[str, object] = {
            "item_number": self._sku(number),
            "item_name": f"{name} {number}",
            "price": price,
            "cost": (price * Decimal("0.6")).quantize(Decimal("0.0001")),
            "retail": (price * Decimal("1.25")).quantize(Decimal("0.01")) if random.random() < 0.7 else Decimal(0),
            "product_status_id": reference.statuses["in_stock"],
            "primary_category_id": random.choice(reference.category_ids),
            "manufacturer_id": random.choice(reference.manufacturer_ids),
            "quantity_on_hand": random.randint(0, 400),
            "warehouse_id": random.choice((0, *reference.warehouse_ids)),
            "weight": Decimal(weight),
            "weight_unit": unit,
            "long_description_1": description(random),
        }
        if random.random() < 0.7:
            product["url_rewrite"] = slug(name, number)
        if random.random() < 0.15:
            product |= {
                "minimum_quantity": random.choice((2, 5, 10)),
                "quantity_increment": random.choice((2, 5, 6, 12)),
            }
        flags, group = self._flags(kind)
        created, updated = self._times(number)
        product |= {"created_at": created, "updated_at": updated, **flags, **fields}
        product_id = self._store.add("products", product)
        self._groups[kind].append(product_id)
        for member, belongs in (
            (group, bool(group)),
            ("unicode_title", not name.isascii()),
            ("null_updated_at", updated is None),
            ("blank_item_number", not product["item_number"]),
        ):
            if belongs:
                self._groups[member].append(product_id)
        self._pictures(product_id, number, created)
        for priced in self._prices.add_rows(product_id, price, kind):
            self._groups[priced].append(product_id)
        if group == "inactive_in_store":
            self._store.insert("product_inactive_in_store", item_id=product_id, store_id=reference.store_id)
        return product_id

    def _flags(self, kind: str) -> tuple[dict[str, object], str]:
        """Fields of the few products that are not simply on sale, and the name of their group."""
        statuses, draw = self._reference.statuses, self._random.random()
        choices: tuple[tuple[float, str, dict[str, object]], ...] = (
            (0.03, "hidden", {"is_hidden": 1}),
            (0.02, "discontinued", {"is_discontinued": True, "product_status_id": statuses["discontinued"]}),
            (0.02, "unavailable", {"product_status_id": statuses["unavailable"]}),
            (
                0.03,
                "out_of_stock",
                {
                    "product_status_id": statuses["out_of_stock"],
                    "quantity_on_hand": 0,
                    "eta_date": (self._now + timedelta(days=30))
                    .astimezone(self._store.zone)
                    .replace(hour=0, minute=0, second=0, microsecond=0),
                },
            ),
            (0.02, "back_ordered", {"product_status_id": statuses["back_ordered"], "quantity_on_hand": 0}),
            (0.02, "non_inventory", {"is_non_inventory": True}),
            (0.02, "call_for_pricing", {"call_for_pricing": 1}),
            (0.01, "inactive_in_store", {}),
        )
        extra: dict[str, object] = {}
        if kind == "kits":
            extra = {"is_kit": True, "exclude_parent_from_display": True}
        elif kind == "children":
            extra = {"is_child_product": True}
        for share, group, fields in choices:
            if draw < share:
                return {**extra, **fields}, group
            draw -= share
        return extra, ""

    def _with_variants(self, number: int, size: int) -> None:
        """Return a product whose SKUs are the combinations of one or two option groups."""
        random = self._random
        chosen = self._option_groups(size)
        # The parent's own number is not sold, so a merchant may leave it blank.
        blank: dict[str, object] = {"item_number": ""} if random.random() < 0.25 else {}
        product_id = self._product(
            number, "with_variants", use_variant_inventory=True, has_visible_variants=True, **blank
        )
        created, updated = self._times(number)
        options = self._options(product_id, chosen, created, updated, extensions=False)
        described = random.random() < 0.6
        status = (self._store.get("products", product_id) or {}).get("product_status_id", 0)
        combinations = [[option] for option in options[0]]
        for further in options[1:]:
            combinations = [[*combination, option] for combination in combinations for option in further]
        for combination in combinations:
            row: dict[str, object] = {
                "product_id": product_id,
                "item_number": self._sku(number) + "".join(f"-{code}" for _, _, code in combination),
                "inventory": random.randint(0, 250),
                "product_status_id": status,
                "variants": tuple(option_id for option_id, _, _ in combination),
                "created_at": created,
                "updated_at": updated,
            }
            if described:
                row["description"] = ", ".join(text for _, text, _ in combination)
            if random.random() < 0.1:
                row["variant_inventory_image"] = f"/images/catalog/{number}-{combination[0][2].lower()}.jpg"
            if random.random() < 0.1:
                row["retail"] = Decimal(random.randint(500, 90000)).scaleb(-2)
            sku_id = self._store.add("variant_inventory", row)
            if random.random() < 0.04:
                self._prices.add_for_sku(product_id, sku_id)
        self._skus += len(combinations)
        self._combined += len(combinations)

    def _option_only(self, number: int) -> None:
        """Return a product whose options extend its item number and share its stock."""
        chosen = self._option_groups(self._random.randint(2, 6))
        product_id = self._product(number, "option_only", has_visible_variants=True)
        created, updated = self._times(number)
        options = self._options(product_id, chosen, created, updated, extensions=True)
        self._skus += math.prod(len(group) for group in options)

    def _option_groups(self, size: int) -> list[tuple[str, tuple[Option, ...]]]:
        """Option groups with as many values as make at least `size` combinations."""
        first, second = ("Color", COLORS), self._random.choice((("Size", SIZES), ("Length", LENGTHS)))
        if size <= 8 and self._random.random() < 0.5:
            name, values = self._random.choice((first, second))
            return [(name, values[:size])]
        across = min(len(COLORS), math.ceil(math.sqrt(size)))
        return [(first[0], first[1][:across]), (second[0], second[1][: max(1, math.ceil(size / across))])]

    def _options(
        self,
        product_id: int,
        chosen: list[tuple[str, tuple[Option, ...]]],
        created: datetime | None,
        updated: datetime | None,
        *,
        extensions: bool,
    ) -> list[list[tuple[int, str, str]]]:
        """Add the option values; per group (id, "Group: Value", part of the SKU)."""
        adjustment = self._random.choice((("", 0), ("", 0), ("+ dollars", "1.50"), ("+ percent", "10")))
        made: list[list[tuple[int, str, str]]] = []
        for place, (group, values) in enumerate(chosen):
            added: list[tuple[int, str, str]] = []
            for order, (text, code) in enumerate(values):
                fields: dict[str, object] = {
                    "product_id": product_id,
                    "variant_group_id": self._reference.group_ids[group],
                    "description": text,
                    "sort_order": order,
                    "item_number_sort_order": place,
                    "created_at": created,
                    "updated_at": updated,
                }
                if extensions:
                    fields["item_number_extension"] = f"-{code}"
                if place == 0 and order and adjustment[0]:
                    fields |= {"price_adjustment_type": adjustment[0], "price_adjustment": Decimal(adjustment[1])}
                option_id = self._store.add("product_variants", fields)
                added.append((option_id, f"{group}: {text}", code))
            made.append(added)
        return made

    def _pictures(self, product_id: int, number: int, created: datetime | None) -> None:
        for order in range(self._random.choice((0, 1, 1, 2))):
            self._store.insert(
                "product_pictures",
                product_id=product_id,
                image_file=f"/images/catalog/{number}-{order}.jpg",
                is_primary=order == 0,
                sort_order=order,
                created_at=created,
                updated_at=created,
            )

    def _link_kits(self) -> None:
        waiting = iter(self._groups["children"])
        for kit in self._groups["kits"]:
            links = [
                {"id": child, "is_child_product": True, "child_required_quantity": 1}
                for child in (next(waiting), next(waiting))
            ]
            self._store.update("products", kit, touch=False, child_products=links)

    def _sku(self, number: int) -> str:
        return f"{_SKU_PREFIXES[number % len(_SKU_PREFIXES)]}-{number:05d}"

    def _times(self, number: int) -> tuple[datetime | None, datetime | None]:
        """Import batches that share one time, a mass edit, rows edited by hand, and a few that never got a time."""
        random = self._random
        imported = self._stamp(self._now - timedelta(days=400) + timedelta(minutes=number // _IMPORT_BATCH))
        draw = random.random()
        if draw < 0.02:
            return None, None
        if draw < 0.5:
            return imported, imported
        if draw < 0.7:
            return imported, self._mass_edit
        edited = self._now - timedelta(
            seconds=random.randint(7_200, 300 * 86_400), microseconds=random.randint(0, 999_999)
        )
        return imported, self._stamp(edited)

    def _stamp(self, moment: datetime) -> datetime:
        return stored(moment, self._store.timestamp_resolution)

    def _facts(self) -> CatalogueFacts:
        reference = self._reference
        return CatalogueFacts(
            store_id=reference.store_id,
            sku_count=self._skus,
            customer_type_ids=reference.customer_type_ids,
            warehouse_ids=reference.warehouse_ids,
            category_ids=reference.category_ids,
            statuses=reference.statuses,
            **{name: tuple(ids) for name, ids in self._groups.items()},
        )
