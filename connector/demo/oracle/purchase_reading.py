"""What a purchase of SparkLayer says, in a form that can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connector.demo.oracle.expectation import as_number
from connector.demo.oracle.rows import Row

Lines = dict[str, Decimal]
"""Quantities by line; a line is named by its id in the shop, else by its SKU."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package: its state, the shipment that it stands for, and how many of which line."""

    state: str
    shipment: str | None
    lines: Lines
    row: Row


def packages(purchase: Row, types: Mapping[str, str]) -> list[Package]:
    """Those with goods, in their order: shipped where there are shipments, or of the type that the settings name."""
    return [
        Package(_state(row, types), _shipment(row), lines, row)
        for row in rows(purchase.get("packages"))
        if (lines := quantities(row))
    ]


def quantities(package: Row) -> Lines:
    """Of the lines that stand for goods."""
    found: Lines = {}
    for line in goods(package):
        name = name_of(line)
        found[name] = found.get(name, Decimal(0)) + (as_number(line.get("quantity")) or Decimal(0))
    return found


def goods(package: Row) -> Iterator[Row]:
    """Lines with a SKU or an id of the shop."""
    return (line for line in rows(package.get("line_items")) if name_of(line))


def extras(purchase: Row) -> list[Row]:
    """Lines for fees and discounts: they have neither."""
    return [line for row in rows(purchase.get("packages")) for line in rows(row.get("line_items")) if not name_of(line)]


def name_of(line: Row) -> str:
    """See `Lines`."""
    identifiers = line.get("identifiers") or {}
    return str(identifiers.get("platform") or identifiers.get("sku") or "")


def money(value: object) -> Decimal:
    """The number of a money object; what is no such object is -1."""
    number = as_number(value.get("number")) if isinstance(value, Mapping) else None
    return Decimal(-1) if number is None else number


def total(lines: Sequence[Row], name: str = "total_net") -> Decimal:
    """The sum of one part of the lines' totals; a part that a line does not have is 0."""
    held = ((line.get("line_total") or {}).get(name) for line in lines)
    return sum((money(value) for value in held if value is not None), Decimal(0))


def currencies(value: object) -> set[str]:
    """Every currency in every money object, however deep."""
    if isinstance(value, Mapping):
        own = {str(value["currency"])} if {"number", "currency"} <= value.keys() else set()
        return own.union(*(currencies(part) for part in value.values()))
    return set().union(*(currencies(part) for part in value)) if isinstance(value, list | tuple) else set()


def named(purchase: Row, field: str) -> dict[str, Any]:
    """`custom_fields` or `metadata` by name."""
    return {str(row.get("name")): row.get("value") for row in rows(purchase.get(field))}


def _state(row: Row, types: Mapping[str, str]) -> str:
    by_type = {word: state for state, word in types.items() if word}
    return by_type.get(str(row.get("type"))) or ("shipped" if row.get("shipments") else "open")


def _shipment(row: Row) -> str | None:
    id_ = (row.get("identifiers") or {}).get("platform")
    return str(id_) if id_ is not None else None


def rows(value: object) -> list[Row]:
    """A list, or the one object that some sites take in its place."""
    if isinstance(value, Mapping):
        return [value]
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []
