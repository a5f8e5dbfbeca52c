"""What became of every piece that was ordered: open, shipped, cancelled or returned; and the money of some pieces."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from contracts.entities import Cancellation, LineKind, Order, OrderLine, Quantity, Return, Shipment

State = Literal["open", "shipped", "cancelled", "returned"]
Pieces = Sequence[tuple[str, Decimal]]
CENTS = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Part:
    """Some pieces of a line, and where they begin among all pieces of it."""

    line: OrderLine
    quantity: Decimal
    begins: Decimal

    def share(self, amount: Decimal) -> Decimal:
        """What of an amount of the whole line falls on these pieces; the shares of all parts add up to it."""
        if self.line.quantity == 0:
            return amount
        places = CENTS if amount == amount.quantize(CENTS) else Decimal("0.0001")
        return _upto(amount, self.begins + self.quantity, self.line.quantity, places) - _upto(
            amount, self.begins, self.line.quantity, places
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """Pieces that share a fate. `source` is the shipment, cancellation or return that tells of it."""

    state: State
    parts: tuple[Part, ...]
    source: Shipment | Cancellation | Return | None = None
    destination: str | None = None


def parcels(order: Order) -> tuple[Parcel, ...]:
    """Every piece of every item in exactly one parcel: shipments, cancellations, returns, then what is open.

    Quantities are cut to what is there. A shipment, cancellation or return without lines takes all that is left.
    Open pieces make one parcel per destination. Lines that are no items (fees, discounts) are in none.
    """
    stock = {line.id: _Pile(line) for line in order.lines if line.kind is LineKind.ITEM}
    sent = [(shipment, _take(stock, _wanted(shipment.lines))) for shipment in order.shipments]
    gone = [(cancellation, _take(stock, _wanted(cancellation.lines))) for cancellation in order.cancellations]
    back = [(return_, _give_back(sent, _wanted(return_.lines))) for return_ in order.returns]
    found = [Parcel("shipped", _parts(stock, pieces), shipment) for shipment, pieces in sent]
    found += [Parcel("cancelled", _parts(stock, pieces), cancellation) for cancellation, pieces in gone]
    found += [Parcel("returned", _parts(stock, pieces), return_) for return_, pieces in back]
    return tuple(parcel for parcel in [*found, *_open(order, stock)] if parcel.parts)


class _Pile:
    """The pieces of one line: how many are still open, and where the next part begins."""

    def __init__(self, line: OrderLine) -> None:
        self.line = line
        self.open = line.quantity
        self.begins = Decimal(0)

    def part(self, quantity: Decimal) -> Part:
        part = Part(self.line, quantity, self.begins)
        self.begins += quantity
        return part


def _take(stock: Mapping[str, _Pile], wanted: Pieces | None) -> list[tuple[str, Decimal]]:
    asked = [(id_, pile.open) for id_, pile in stock.items()] if wanted is None else wanted
    taken = []
    for id_, quantity in asked:
        pile = stock.get(id_)
        part = min(quantity, pile.open) if pile is not None else Decimal(0)
        if pile is not None and part > 0:
            pile.open -= part
            taken.append((id_, part))
    return taken


def _wanted(lines: Sequence[Quantity] | None) -> list[tuple[str, Decimal]] | None:
    return None if lines is None else [(part.line, part.quantity) for part in lines]


def _give_back(
    sent: Sequence[tuple[Shipment, list[tuple[str, Decimal]]]], wanted: Pieces | None
) -> list[tuple[str, Decimal]]:
    """Take pieces out of the shipments, newest first."""
    left = None if wanted is None else dict(wanted)
    taken: dict[str, Decimal] = {}
    for _, pieces in reversed(sent):
        for at, (id_, quantity) in enumerate(pieces):
            part = quantity if left is None else min(quantity, left.get(id_, Decimal(0)))
            if part > 0:
                pieces[at] = (id_, quantity - part)
                taken[id_] = taken.get(id_, Decimal(0)) + part
                if left is not None:
                    left[id_] -= part
    return list(taken.items())


def _parts(stock: Mapping[str, _Pile], pieces: Iterable[tuple[str, Decimal]]) -> tuple[Part, ...]:
    return tuple(stock[id_].part(quantity) for id_, quantity in pieces if quantity > 0)


def _open(order: Order, stock: Mapping[str, _Pile]) -> list[Parcel]:
    first = order.destinations[0].id if order.destinations else None
    by_place: dict[str | None, list[Part]] = {}
    for pile in stock.values():
        if pile.open > 0:
            by_place.setdefault(pile.line.ships_to or first, []).append(pile.part(pile.open))
    return [Parcel("open", tuple(parts), destination=place) for place, parts in by_place.items()]


def _upto(amount: Decimal, pieces: Decimal, of: Decimal, places: Decimal) -> Decimal:
    return (amount * pieces / of).quantize(places, rounding=ROUND_HALF_UP)
