"""What an entity says, field by field, in a form that is the same however its platform spells it.

Both platforms keep the same content differently: with ids of their own for addresses, lines and payments, in another
order, with other spaces. What is left out here is nobody's news: it does not travel.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from contracts.entities import Customer, Entity, Order, Price, Product, Stock
from contracts.values import plain

Fields = dict[str, str]
_DIGEST_BYTES = 6
_NEVER = frozenset({"key", "refs"})
_OF_A_PART = frozenset({"id", "refs"})  # every platform numbers parts by itself
_UNKEPT = frozenset({"title", "nickname"})  # of an address; one of the platforms has no place for them


def content(entity: Entity) -> Fields:
    """Digest by field of what the entity says; a field that says nothing is left out."""
    values = {name: getattr(entity, name) for name in type(entity).model_fields if name not in _NEVER}
    shape = _SHAPES.get(type(entity))
    plain_values = {name: _plain(value) for name, value in (shape(entity, values) if shape else values).items()}
    return {name: _digest(value) for name, value in plain_values.items() if value not in (None, "", [], {})}


def status_of(entity: Entity) -> str | None:
    """Whether it is in use, in the entity's own word, where its kind has one."""
    status = getattr(entity, "status", None)
    return str(status) if status is not None else None


def _customer(customer: Entity, values: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(customer, Customer)  # noqa: S101 - chosen by type
    book = {address.id: _without(address, _OF_A_PART | _UNKEPT) for address in customer.addresses or ()}
    return {
        **values,
        "email": (customer.email or "").strip().casefold(),
        "title": None,
        "addresses": _sorted(book.values()),
        "default_billing": book.get(customer.default_billing or ""),
        "default_shipping": book.get(customer.default_shipping or ""),
    }


def _order(order: Entity, values: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(order, Order)  # noqa: S101 - chosen by type
    lines = {line.id: f"{line.sku or line.name} {plain(line.quantity)}" for line in order.lines}
    kept = {name: value for name, value in values.items() if name not in _ORDER_DETAILS}
    return {
        **kept,
        "placed_at": order.placed_at.replace(microsecond=0),
        "lines": [_without(line, _OF_A_PART | {"ships_to", "detail", "attributes"}) for line in order.lines],
        "destinations": [_without(each.address, _UNKEPT) for each in order.destinations if each.address],
        "billing": _without(order.billing, _UNKEPT) if order.billing else None,
        "payments": _sorted(_without(each, _OF_A_PART | {"name", "at"}) for each in order.payments),
        **{
            name: _sorted(_movement(each, lines) for each in getattr(order, name))
            for name in ("shipments", "cancellations", "returns")
        },
    }


_ORDER_DETAILS = frozenset({"status_name", "status_at", "customer", "totals", "taxes", "internal_note"})
"""Said by the fields that are compared (the sums by the lines), or different on each platform by nature."""


def _movement(movement: Any, lines: Mapping[str, str]) -> object:  # noqa: ANN401 - shipment, cancellation, return
    body = _without(movement, _OF_A_PART | {"at", "lines", "method"})
    moved = [(lines.get(each.line, each.line), plain(each.quantity)) for each in movement.lines or ()]
    return {**body, "lines": sorted(map(list, moved))}


def _product(product: Entity, values: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(product, Product)  # noqa: S101 - chosen by type
    return {**values, "variants": _sorted(_without(variant, {"id"}) for variant in product.variants)}


def _price(price: Entity, values: dict[str, Any]) -> dict[str, Any]:
    """By list, whatever the list is called; a list without rows sells as little as one that is not there."""
    assert isinstance(price, Price)  # noqa: S101 - chosen by type
    rows = {one.list: _sorted(_without(row, set()) for row in one.rows) for one in price.lists if one.rows}
    return {**values, "lists": dict(sorted(rows.items()))}


def _stock(stock: Entity, values: dict[str, Any]) -> dict[str, Any]:
    """One level is the same wherever it lies: with one place of stock, the platforms have other names for that."""
    assert isinstance(stock, Stock)  # noqa: S101 - chosen by type
    unnamed = {"name"} if len(stock.levels) > 1 else {"name", "location"}
    levels = [one.model_copy(update={"level": 0 if one.unlimited else max(0, one.level)}) for one in stock.levels]
    return {**values, "levels": _sorted(_without(one, unnamed) for one in levels)}


_SHAPES: Mapping[type, Callable[[Entity, dict[str, Any]], dict[str, Any]]] = {
    Customer: _customer,
    Order: _order,
    Price: _price,
    Product: _product,
    Stock: _stock,
}


def _without(part: Any, names: frozenset[str] | set[str]) -> dict[str, object]:  # noqa: ANN401 - any model of a part
    found = {name: _plain(getattr(part, name)) for name in type(part).model_fields if name not in names}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _sorted(parts: Any) -> list[object]:  # noqa: ANN401 - any iterable of plain values
    return sorted(parts, key=_text)


def _plain(value: Any) -> object:  # noqa: ANN401, PLR0911 - one line per type
    match value:
        case Enum():
            return str(value.value)
        case Decimal():
            return plain(value)
        case str():
            return " ".join(value.split())
        case datetime() | date():
            return value.isoformat()
        case dict():
            return {name: found for name, item in value.items() if (found := _plain(item)) not in (None, "")}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if hasattr(type(value), "model_fields"):
            return _without(value, _OF_A_PART & {"refs"})
        case _:
            return value


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _digest(value: object) -> str:
    return hashlib.blake2b(_text(value).encode(), digest_size=_DIGEST_BYTES).hexdigest()
