"""What a store has of one product: read just now, or remembered from the last write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.sparkpay.answers import Row
from connector.sparkpay.mapping.fields import flag, reference, text
from contracts.entities import Option, Variant
from handlers.outcome import Task
from handlers.sparklayer.likeness import plain_json
from handlers.sparkpay.product_fields import Fields

EXPANDED = ("variants", "variant_inventory", "pictures")
_KEPT = (
    *("item_number", "item_name", "is_hidden", "is_discontinued", "url_rewrite", "long_description_1", "retail"),
    *("minimum_quantity", "maximum_quantity", "quantity_increment", "weight", "weight_unit", "gtin"),
    *("use_variant_inventory", "product_status_id", "variant_inventory_image", "description"),
)
Choice = tuple[str, str]
"""Group and value of an option, in lower case: the store compares them so."""


@dataclass(slots=True)
class There:
    """One product as it is there. The writer keeps it up to date, and it becomes the ledger.

    `combinations` are rows of `variant_inventory` by id, with `variant` for the part of the event that they stand for.
    `picture` is the primary one. `sent` says that it is remembered, not read.
    """

    id: int | None = None
    head: Fields = field(default_factory=dict)
    options: dict[Choice, Fields] = field(default_factory=dict)
    combinations: dict[int, Fields] = field(default_factory=dict)
    picture: Fields = field(default_factory=dict)
    sent: bool = False

    @property
    def combined(self) -> bool:
        """Whether its SKUs are combinations."""
        return flag(self.head, "use_variant_inventory")

    def combination_of(self, variant: Variant) -> int | None:
        """The row that a variant is: as it was sent, by the store's own id, else by its SKU."""
        for id_, row in self.combinations.items():
            if row.get("variant") == variant.id or variant.id == f"vi-{id_}":
                return id_
        return next((id_ for id_, row in self.combinations.items() if row.get("item_number") == variant.sku), None)

    def ledger(self) -> Fields:
        """What to remember of it, ready for JSON."""
        made = {
            "product_id": self.id,
            "head": self.head,
            "options": [[*choice, option["id"], option["variant_group_id"]] for choice, option in self.options.items()],
            "combinations": {str(id_): row for id_, row in self.combinations.items()},
            "picture": self.picture,
        }
        return {name: plain_json(value) for name, value in made.items()}


def remembered(task: Task) -> There | None:
    """What the last write left behind; none where that proves nothing."""
    ledger = task.ledger
    if task.applied_hash is None or task.doubt or "head" not in ledger:
        return None
    id_ = int(ledger["product_id"])
    return There(
        id=id_,
        head=dict(ledger["head"]),
        options={
            (name, value): {"id": option, "product_id": id_, "variant_group_id": group}
            for name, value, option, group in ledger["options"]
        },
        combinations={int(row): dict(fields) for row, fields in ledger["combinations"].items()},
        picture=dict(ledger["picture"]),
        sent=True,
    )


def found(row: Row, groups: Mapping[int, Row], ledger: Mapping[str, Any]) -> There:
    """A product that was read with its options, combinations and pictures; `ledger` tells which part is which."""
    parts: Mapping[str, Any] = ledger.get("combinations") or {}
    options: dict[Choice, Fields] = {}
    for option in row.get("variants") or ():
        group = reference(option, "variant_group_id") or 0
        name, value = text(groups.get(group, {}), "name") or "", text(option, "description") or ""
        links = {"id": int(option["id"]), "product_id": int(row["id"]), "variant_group_id": group}
        options.setdefault(choice_of(Option(name=name, value=value)), links)
    pictures = [one for one in row.get("pictures") or () if not flag(one, "is_hidden") and text(one, "image_file")]
    pictures.sort(key=lambda one: (not flag(one, "is_primary"), reference(one, "sort_order") or 0, one["id"]))
    known = ledger.get("picture") or {}
    picture: Fields = {}
    if pictures:
        picture = {"id": int(pictures[0]["id"]), "url": pictures[0]["image_file"]}
        picture = dict(known) if known.get("id") == picture["id"] else picture
    return There(
        id=int(row["id"]),
        head=_kept(row),
        options=options,
        combinations={
            int(one["id"]): _kept(one) | _variant(parts.get(str(one["id"])))
            for one in row.get("variant_inventory") or ()
        },
        picture=picture,
    )


def choice_of(option: Option) -> Choice:
    """By which an option is found again."""
    return (option.name.casefold(), option.value.casefold())


def _kept(row: Row) -> Fields:
    """What PayLayer writes, and may have to compare."""
    return {name: row[name] for name in _KEPT if name in row}


def _variant(known: object) -> Fields:
    return {"variant": known["variant"]} if isinstance(known, Mapping) and "variant" in known else {}
