"""What the price rows of one SKU come to, and which rows would make it what is wanted; pure.

A row of `product_pricing` has a customer type (none = everybody), a quantity from which it holds, and a period. In the
base list a product has its price in its own field as well, which holds where no row does. How the platform decides
between rows that hold at the same time is not documented, so PayLayer writes rows that never do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.sparkpay.answers import Row
from connector.sparkpay.dates import utc_text
from connector.sparkpay.mapping.fields import reference, rounded
from connector.sparkpay.mapping.intervals import Span, edges, joined
from connector.sparkpay.mapping.price_rows import Offer
from contracts.entities import PriceList
from contracts.values import plain

_PLACES = 4
Spans = tuple[Span[Decimal], ...]
"""The price of one piece over time, without gaps that matter: in the order of time, equal neighbours joined."""


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One row of ours, or one that should be; `id` is none until it is there."""

    customer_type: int | None
    quantity: int
    price: Decimal
    start: datetime | None = None
    end: datetime | None = None
    id: int | None = None
    sale: bool = False

    @property
    def group(self) -> tuple[int | None, int]:
        """Lines of one group say what one kind of customer pays from one quantity on."""
        return (self.customer_type, self.quantity)

    def body(self) -> dict[str, Any]:
        """The fields that PayLayer sets."""
        return {
            "customer_type_id": self.customer_type,
            "starting_quantity": self.quantity,
            "price": self.price,
            "start_date": utc_text(self.start) if self.start is not None else None,
            "end_date": utc_text(self.end) if self.end is not None else None,
        }

    def remembered(self) -> list[Any]:
        """For the ledger."""
        return [
            self.id,
            self.customer_type,
            self.quantity,
            plain(self.price),
            self.start.isoformat() if self.start is not None else None,
            self.end.isoformat() if self.end is not None else None,
            self.sale,
        ]

    @classmethod
    def recalled(cls, kept: Sequence[Any]) -> "PriceLine":
        """From the ledger."""
        id_, type_, quantity, price, start, end, sale = kept
        return cls(type_, quantity, Decimal(price), _moment(start), _moment(end), id_, sale)

    @classmethod
    def read(cls, offer: Offer) -> "PriceLine":
        """From a row of the store."""
        start, end = _second(offer.start), _second(offer.end)
        return cls(offer.customer_type, offer.quantity, offer.price, start, end, offer.id, offer.sale)


@dataclass(frozen=True, slots=True)
class Moves:
    """What has to be done to lines: `(old, new)` pairs are changed, the rest made and removed."""

    change: tuple[tuple[PriceLine, PriceLine], ...] = ()
    make: tuple[PriceLine, ...] = ()
    remove: tuple[PriceLine, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.change or self.make or self.remove)


def is_ours(row: Row, store: int) -> bool:
    """Whether it is a row that PayLayer may change: of a list, not of an option, a calculator or another store."""
    return (
        reference(row, "variant_id") is None
        and reference(row, "price_calculation_id") is None
        and reference(row, "store_id") in (None, store)
    )


def wanted_spans(price_list: PriceList, now: datetime) -> dict[int, Spans]:
    """By quantity what a list says, without what is over and without breaks that change nothing."""
    rows: dict[int, list[Span[Decimal]]] = {}
    for row in sorted(price_list.rows, key=lambda row: (row.from_quantity, row.valid_from is not None, row.valid_from)):
        if row.valid_until is None or row.valid_until > now:
            span = Span(_second(row.valid_from), _second(row.valid_until), rounded(row.amount, _PLACES))
            rows.setdefault(row.from_quantity, []).append(span)
    found: dict[int, Spans] = {}
    for quantity in sorted(rows):
        spans = _open_begin(tuple(joined(rows[quantity])), now)
        if spans != at(found, quantity):
            found[quantity] = spans
    return found


def at(breaks: Mapping[int, Spans], quantity: int) -> Spans:
    """What holds for so many pieces: the spans of the highest break that is not above."""
    below = [limit for limit in breaks if limit <= quantity]
    return breaks[max(below)] if below else ()


def effective(lines: Iterable[PriceLine], now: datetime, otherwise: Spans = ()) -> Spans:
    """What lines of one group come to; where none holds, `otherwise`."""
    lines = list(lines)
    ends = [moment for line in lines for moment in (line.start, line.end)]
    spans = []
    for start, end in edges([*ends, *(moment for span in otherwise for moment in (span.start, span.end))]):
        holding = [line for line in lines if _within(line.start, line.end, start, end)]
        best = min(holding, key=lambda line: (not line.sale, line.price), default=None)
        below = [span.value for span in otherwise if _within(span.start, span.end, start, end)]
        price = best.price if best is not None else next(iter(below), None)
        if price is not None and (end is None or end > now):
            spans.append(Span(start, end, price))
    return _open_begin(tuple(joined(spans)), now)


def always(price: Decimal | None) -> Spans:
    """A price that holds at all times."""
    return () if price is None else (Span(None, None, price),)


def lines_of(customer_type: int | None, quantity: int, spans: Spans) -> list[PriceLine]:
    """Lines that say this and never two things at once."""
    return [PriceLine(customer_type, quantity, span.value, span.start, span.end) for span in spans]


def base_price(spans: Spans) -> Decimal | None:
    """What belongs into the product's own field: the price that stays."""
    return spans[-1].value if spans else None


def moves(there: Sequence[PriceLine], wanted: Sequence[PriceLine]) -> Moves:
    """As few calls as there can be: a line of the same period first, then any line that is left over."""
    left, missing = list(there), []
    change: list[tuple[PriceLine, PriceLine]] = []
    for line in wanted:
        same = next((old for old in left if (old.start, old.end) == (line.start, line.end)), None)
        if same is None:
            missing.append(line)
            continue
        left.remove(same)
        if same.price != line.price:
            change.append((same, replace(line, id=same.id)))
    reused = min(len(left), len(missing))
    change += [(old, replace(line, id=old.id)) for old, line in zip(left, missing, strict=False)]
    return Moves(tuple(change), tuple(missing[reused:]), tuple(left[reused:]))


def merged(every: Iterable[Moves]) -> Moves:
    """All moves of one SKU as one: a line that one group leaves is changed into one that another group needs."""
    every = list(every)
    free = [line for moved in every for line in moved.remove]
    needed = [line for moved in every for line in moved.make]
    reused = tuple((old, replace(new, id=old.id)) for old, new in zip(free, needed, strict=False))
    kept = tuple(pair for moved in every for pair in moved.change)
    return Moves(kept + reused, tuple(needed[len(reused) :]), tuple(free[len(reused) :]))


def _within(begins: datetime | None, ends: datetime | None, start: datetime | None, end: datetime | None) -> bool:
    """Whether something that holds from `begins` to `ends` holds all the time from `start` to `end`."""
    begun = begins is None or (start is not None and begins <= start)
    return begun and (ends is None or (end is not None and end <= ends))


def _second(moment: datetime | None) -> datetime | None:
    """The store keeps times in steps of 3.33 ms: what is finer than a second would never be found again."""
    return None if moment is None else moment.replace(microsecond=0)


def _open_begin(spans: Spans, now: datetime) -> Spans:
    """When a price began does not matter once it holds."""
    if spans and spans[0].start is not None and spans[0].start <= now:
        return (Span(None, spans[0].end, spans[0].value), *spans[1:])
    return spans


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
