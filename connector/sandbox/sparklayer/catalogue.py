"""Products with their variants, and the three things that are unique over a site: external ids, slugs and SKUs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from connector.sandbox.sparklayer.ids import Ids
from connector.sandbox.sparklayer.problems import FieldError, Refusal
from connector.sandbox.sparklayer.wire import Row

_VARIANT_DEFAULTS: Row = {
    "external_id": None,
    "sku": None,
    "weight_in_grams": None,
    "tax_type": 1,
    "position": 1,
    "cart_image_url": None,
    "status": "pending",
}


class Catalogue:
    """Products by internal id. A change is worked out first and kept only if nothing collides."""

    def __init__(self, ids: Ids, stamp: Callable[[], str]) -> None:
        self._ids = ids
        self._stamp = stamp
        self._products: dict[str, Row] = {}
        self._product_by_external: dict[str, str] = {}
        self._product_by_slug: dict[str, str] = {}
        self._variants: dict[str, Row] = {}
        self._variant_by_external: dict[str, str] = {}
        self._variant_by_sku: dict[str, str] = {}

    def products(self) -> list[Row]:
        """Every product, oldest first."""
        return list(self._products.values())

    def product(self, key: str) -> Row | None:
        """By external or internal id."""
        return self._products.get(self._product_by_external.get(key, key))

    def variant(self, key: str) -> Row | None:
        """By external or internal id."""
        return self._variants.get(self._variant_by_external.get(key, key))

    def variant_by_sku(self, sku: str) -> Row | None:
        """Whatever its status: a discontinued variant keeps its SKU."""
        found = self._variant_by_sku.get(sku)
        return self._variants[found] if found is not None else None

    def variant_by_id(self, variant_id: str) -> Row:
        """The variant that a level or a price belongs to."""
        return self._variants[variant_id]

    def create(self, fields: Row) -> Row:
        """Add a product; 409 for an external id, slug or SKU that is taken."""
        now = self._stamp()
        product: Row = {
            "id": self._ids.make("pp_"),
            "external_id": fields.get("external_id"),
            "title": fields["title"],
            "slug": fields["slug"],
            "created_at": now,
            "updated_at": now,
        }
        product["variants"] = [self._new_variant(product["id"], item, now) for item in fields.get("variants", [])]
        self._keep(None, product, _places(product["variants"]))
        return product

    def change(self, product: Row, fields: Row, variants_patch: Literal["merge", "replace"]) -> tuple[Row, list[str]]:
        """Change a product; returns it and the ids of variants that "replace" took away. 409 as in `create`."""
        now = self._stamp()
        changed = {**product, **fields, "updated_at": now}
        gone: list[str] = []
        places: dict[str, str] = {}
        if "variants" in fields:
            named = self._named(product, fields["variants"], now)
            kept = product["variants"] if variants_patch == "merge" else []
            after = {variant["id"]: variant for variant in [*kept, *named]}
            gone = [variant["id"] for variant in product["variants"] if variant["id"] not in after]
            changed["variants"], places = list(after.values()), _places(named)
        self._keep(product, changed, places)
        return changed, gone

    def change_variant(self, variant: Row, fields: Row) -> Row:
        """Change one variant; 409 for an external id or a SKU that is taken."""
        now = self._stamp()
        product = self._products[variant["product_id"]]
        changed = {**variant, **fields, "updated_at": now}
        siblings = [changed if item["id"] == variant["id"] else item for item in product["variants"]]
        self._keep(product, {**product, "variants": siblings, "updated_at": now}, {variant["id"]: ""})
        return changed

    def match(self, product: Row, item: Row) -> Row | None:
        """The variant of the product that an entry of `variants` means: by external id, else by SKU."""
        if item.get("external_id") is not None:
            found = self.variant(item["external_id"])
            return found if found is not None and found["product_id"] == product["id"] else None
        found = self.variant_by_sku(item["sku"]) if item.get("sku") is not None else None
        return found if found is not None and found["product_id"] == product["id"] else None

    def _named(self, product: Row, items: list[Row], now: str) -> list[Row]:
        """The variants that a change names, as they will be, in the order of the request."""
        named: dict[str, Row] = {}
        for at, item in enumerate(items):
            old = self.match(product, item)
            new = self._new_variant(product["id"], item, now) if old is None else {**old, **item, "updated_at": now}
            if new["id"] in named:
                raise _taken([FieldError("resource-already-exists", f"variants[{at}]", "is named twice")])
            named[new["id"]] = new
        return list(named.values())

    def _new_variant(self, product_id: str, item: Row, now: str) -> Row:
        return {
            "id": self._ids.make("pv_"),
            "product_id": product_id,
            **_VARIANT_DEFAULTS,
            "rrp": [],
            "options": [],
            "settings": [],
            **item,
            "created_at": now,
            "updated_at": now,
        }

    def _keep(self, old: Row | None, new: Row, places: Mapping[str, str]) -> None:
        """Put the new state in place of the old; `places` says where in the request each named variant stands."""
        errors = list(self._collisions(new, {variant["id"] for variant in old["variants"]} if old else set(), places))
        if errors:
            raise _taken(errors)
        if old is not None:
            self._unindex(old)
        self._products[new["id"]] = new
        self._product_by_slug[new["slug"]] = new["id"]
        if new["external_id"] is not None:
            self._product_by_external[new["external_id"]] = new["id"]
        for variant in new["variants"]:
            self._variants[variant["id"]] = variant
            if variant["external_id"] is not None:
                self._variant_by_external[variant["external_id"]] = variant["id"]
            if variant["sku"] is not None:
                self._variant_by_sku[variant["sku"]] = variant["id"]

    def _unindex(self, product: Row) -> None:
        del self._product_by_slug[product["slug"]]
        if product["external_id"] is not None:
            del self._product_by_external[product["external_id"]]
        for variant in product["variants"]:
            del self._variants[variant["id"]]
            if variant["external_id"] is not None:
                del self._variant_by_external[variant["external_id"]]
            if variant["sku"] is not None:
                del self._variant_by_sku[variant["sku"]]

    def _collisions(self, new: Row, before: set[str], places: Mapping[str, str]) -> Iterator[FieldError]:
        if self._product_by_slug.get(new["slug"], new["id"]) != new["id"]:
            yield FieldError("resource-already-exists", "slug", f"{new['slug']!r} is taken")
        external_id = new["external_id"]
        if external_id is not None and self._product_by_external.get(external_id, new["id"]) != new["id"]:
            yield FieldError("resource-already-exists", "external_id", f"{external_id!r} is taken")
        own = before | {variant["id"] for variant in new["variants"]}
        # Named ones last: where a named and an unnamed variant collide, the request is at fault.
        ordered = sorted(new["variants"], key=lambda variant: variant["id"] in places)
        for name, index, code in (
            ("external_id", self._variant_by_external, "resource-already-exists"),
            ("sku", self._variant_by_sku, "duplicate-sku"),
        ):
            seen: set[str] = set()
            for variant in ordered:
                value = variant[name]
                holder = index.get(value)
                if value is None:
                    continue
                if value in seen or (holder is not None and holder not in own):
                    yield FieldError(code, places.get(variant["id"], "variants.") + name, f"{value!r} is taken")
                seen.add(value)


def _places(named: list[Row]) -> dict[str, str]:
    return {variant["id"]: f"variants[{at}]." for at, variant in enumerate(named)}


def _taken(errors: list[FieldError]) -> Refusal:
    return Refusal(409, "conflict", "Another product or variant has this value.", errors)
