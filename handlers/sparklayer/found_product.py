"""A product as SparkLayer answered it, kept in the ledger until it can be compared with what is wanted."""

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.outcome import Claim, Task
from handlers.sparklayer.likeness import difference, plain_json
from handlers.sparklayer.product_body import LIVE

_FOUND = "found"
_HEAD = ("id", "external_id", "title", "slug")
_VARIANT = (
    "external_id", "sku", "position", "weight_in_grams", "status", "cart_image_url", "rrp", "options", "settings",
)  # fmt: skip


def ledger_of(reply: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a later look at the task needs: the variants as the ledger has them, and everything to compare."""
    if reply is None:
        return {"variants": {}, _FOUND: None}
    variants = [
        {name: plain_json(variant.get(name)) for name in _VARIANT}
        for variant in _rows(reply.get("variants"))
        if isinstance(variant.get("external_id"), str) and isinstance(variant.get("sku"), str)
    ]
    return {
        "variants": {line["external_id"]: {"sku": line["sku"], "status": line["status"]} for line in variants},
        _FOUND: {**{name: reply.get(name) for name in _HEAD}, "variants": variants},
    }


def without_found(ledger: Mapping[str, Any]) -> dict[str, Any]:
    """A ledger that says nothing of what is there."""
    return {name: value for name, value in ledger.items() if name != _FOUND}


def claims_of(ledger: Mapping[str, Any]) -> list[Claim]:
    """The SKUs that its variants hold there; one that is not for sale holds its SKU all the same."""
    return [
        Claim(line["sku"], part, "live" if line["status"] == LIVE else "retired")
        for part, line in ledger["variants"].items()
    ]


def found_of(task: Task) -> Mapping[str, Any] | None:
    """What was found; none where there is nothing, or where nobody looked."""
    found = task.ledger.get(_FOUND)
    return found if isinstance(found, Mapping) else None


def lacking(task: Task, head: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> str | None:
    """The first thing that a write would change; none where it would change nothing."""
    found = found_of(task)
    if found is None:
        return "the product"
    there = {line["external_id"]: line for line in found["variants"]}
    lines = ((line, there.get(line["external_id"])) for line in variants)
    parts = (difference(line, known, f"variant {line['external_id']}") for line, known in lines)
    return difference(head, found) or next((part for part in parts if part is not None), None)


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
