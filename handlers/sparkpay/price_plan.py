"""From the prices that one SKU should have to the calls that are missing; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from contracts.entities import PriceList
from contracts.values import plain
from handlers.outcome import Skip
from handlers.sparkpay.price_rows import (
    Moves,
    PriceLine,
    Spans,
    always,
    at,
    base_price,
    effective,
    lines_of,
    merged,
    moves,
    wanted_spans,
)

BASE = "base"


@dataclass(slots=True)
class Shown:
    """What a store has of the prices of one SKU; the writer keeps it up to date, and it becomes the ledger.

    `own` is the price in the field of a product that has the SKU itself, `below` the one that a combination has
    without any row of its own. `quiet`: the product is shown with "call for pricing"; `inherits`: its own prices do not
    count, those of its family's head do. `unpriced`: the product that a combination belongs to costs nothing by itself.
    """

    product_id: int
    combination_id: int | None
    own: Decimal | None = None
    below: Decimal | None = None
    quiet: bool = False
    inherits: bool = False
    unpriced: bool = False
    lines: list[PriceLine] = field(default_factory=list)

    @property
    def otherwise(self) -> Spans:
        """The price of one piece where no line says anything."""
        return always(self.own if self.combination_id is None else self.below)

    def group(self, customer_type: int | None, quantity: int) -> list[PriceLine]:
        """The lines of one group."""
        return [line for line in self.lines if line.group == (customer_type, quantity)]

    def quantities(self, customer_type: int | None) -> set[int]:
        """From which quantities there are lines for that customer type."""
        return {line.quantity for line in self.lines if line.customer_type == customer_type}

    def ledger(self) -> dict[str, Any]:
        """What to remember of it."""
        return {
            "product_id": self.product_id,
            "combination_id": self.combination_id,
            "own": None if self.own is None else plain(self.own),
            "below": None if self.below is None else plain(self.below),
            "quiet": self.quiet,
            "lines": [line.remembered() for line in self.lines],
        }

    @classmethod
    def recalled(cls, ledger: Mapping[str, Any]) -> "Shown":
        """From the ledger."""
        own, below = (None if ledger[name] is None else Decimal(ledger[name]) for name in ("own", "below"))
        lines = [PriceLine.recalled(kept) for kept in ledger["lines"]]
        quiet = bool(ledger["quiet"])
        return cls(ledger["product_id"], ledger["combination_id"], own, below, quiet=quiet, lines=lines)


@dataclass(slots=True)
class PriceMoves:
    """What is missing: fields of the product row, and moves of lines."""

    fields: dict[str, Any] = field(default_factory=dict)
    lines: Moves = field(default_factory=Moves)
    skips: list[Skip] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.fields or self.lines)

    def note(self, moved: Moves) -> None:
        """One more group that changes."""
        self.lines = merged([self.lines, moved])


def missing(sku: str, shown: Shown, lists: Iterable[tuple[int | None, PriceList]], now: datetime) -> PriceMoves:
    """Every list that is named, with the customer type that it is for; lists that are not named stay as they are."""
    wanted = dict(lists)
    found = PriceMoves({"use_pricing_from_parent": False} if shown.inherits else {})
    base = wanted.pop(None, None)
    has = base_of(shown, now)
    if base is not None and not base.rows:
        _blank(sku, shown, found)
    elif base is not None:
        has = _base(shown, wanted_spans(base, now), found, now)
    for type_id, price_list in sorted(wanted.items(), key=lambda pair: pair[0] or 0):
        if not price_list.rows:
            if base is None or base.rows:
                message = f"SKU {sku!r}: in Spark Pay the list {price_list.list} cannot lack it, it pays the base price"
                found.skips.append(Skip("list_blank", message, price_list.list, note=True))
            for quantity in shown.quantities(type_id):
                found.note(moves(shown.group(type_id, quantity), ()))
        else:
            for moved in _typed(shown, type_id, wanted_spans(price_list, now), has, now):
                found.note(moved)
    return found


def withdrawn(shown: Shown) -> PriceMoves:
    """The SKU has no price any more at its source."""
    fields = {} if shown.quiet or shown.combination_id is not None else {"call_for_pricing": 1}
    return PriceMoves(fields, Moves(remove=tuple(shown.lines)))


def base_of(shown: Shown, now: datetime) -> dict[int, Spans]:
    """What the lines for everybody come to, by quantity."""
    found = {1: effective(shown.group(None, 1), now, shown.otherwise)}
    more = {quantity: effective(shown.group(None, quantity), now) for quantity in shown.quantities(None) - {1}}
    return {quantity: spans for quantity, spans in sorted((found | more).items()) if spans}


def _blank(sku: str, shown: Shown, found: PriceMoves) -> None:
    """It cannot be bought: a whole product can say so."""
    if shown.combination_id is not None:
        message = f"SKU {sku!r} has no price; Spark Pay cannot keep one combination from sale by its price"
        found.skips.append(Skip("price_blank", message, BASE, note=True))
    elif not shown.quiet:
        found.fields["call_for_pricing"] = 1


def _base(shown: Shown, wanted: dict[int, Spans], found: PriceMoves, now: datetime) -> dict[int, Spans]:
    """The base list; returns what it is when that is done."""
    if not wanted:
        return base_of(shown, now)
    first = wanted.get(1) or wanted[min(wanted)]
    there = shown.group(None, 1)
    if effective(there, now, shown.otherwise) != first:
        if shown.combination_id is None:
            stays = base_price(first)
            if stays != shown.own:
                found.fields["price"] = stays
            found.note(moves(there, [line for line in lines_of(None, 1, first) if line.price != stays]))
        else:
            found.note(moves(there, lines_of(None, 1, first)))
    if shown.unpriced:  # a combination that has no row yet must not be sold for nothing
        found.fields["price"] = base_price(first)
    if shown.quiet:
        found.fields["call_for_pricing"] = 0
    result = {1: first}
    for quantity in sorted((wanted.keys() | shown.quantities(None)) - {1}):
        there, says = shown.group(None, quantity), at(wanted, quantity)
        if there and effective(there, now) == says:
            result[quantity] = says
        elif quantity in wanted:
            found.note(moves(there, lines_of(None, quantity, says)))
            result[quantity] = says
        else:
            found.note(moves(there, ()))
    return result


def _typed(
    shown: Shown, type_id: int | None, wanted: Mapping[int, Spans], base: Mapping[int, Spans], now: datetime
) -> list[Moves]:
    """The list of a customer type, as far as it differs from what everybody pays."""
    found: list[Moves] = []
    for quantity in sorted(wanted.keys() | base.keys() | shown.quantities(type_id)):
        there, says, below = shown.group(type_id, quantity), at(wanted, quantity), base.get(quantity, ())
        if not says or (there and effective(there, now, below) == says):
            continue
        needed = below != says and (quantity in wanted or bool(below))
        found.append(moves(there, lines_of(type_id, quantity, says) if needed else ()))
    return found


def after(lines: Sequence[PriceLine], removed: Iterable[PriceLine], added: Iterable[PriceLine]) -> list[PriceLine]:
    """The lines once a move is done."""
    gone = {line.id for line in removed}
    return [*(line for line in lines if line.id not in gone), *added]
