"""Every piece of an order in exactly one parcel, and its money with it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.entities import (
    Cancellation,
    Destination,
    LineKind,
    Order,
    OrderCustomer,
    OrderLine,
    Quantity,
    Return,
    ReturnedQuantity,
    Shipment,
    Totals,
)
from handlers.fulfilment import parcels


def line(id_: str = "1", quantity: int = 3, **changes: Any) -> OrderLine:
    return OrderLine(id=id_, sku=f"S{id_}", quantity=Decimal(quantity), net=Decimal("10.00"), **changes)


def order(*lines: OrderLine, **changes: Any) -> Order:
    return Order(
        key="sparkpay:1",
        placed_at=datetime(2026, 1, 1, tzinfo=UTC),
        currency="USD",
        customer=OrderCustomer(),
        lines=lines or (line(),),
        totals=Totals(grand=Decimal(0)),
        **changes,
    )


def shipment(id_: str, *parts: tuple[str, int], **changes: Any) -> Shipment:
    lines = tuple(Quantity(line=name, quantity=Decimal(quantity)) for name, quantity in parts) or None
    return Shipment(id=id_, lines=lines, **changes)


def told(found: Order) -> list[tuple[str, str | None, list[tuple[str, int]]]]:
    return [
        (
            parcel.state,
            parcel.source.id if parcel.source else None,
            [(part.line.id, int(part.quantity)) for part in parcel.parts],
        )
        for parcel in parcels(found)
    ]


def test_an_open_order_is_one_parcel_per_destination() -> None:
    places = (Destination(id="a"), Destination(id="b"))
    found = order(line("1"), line("2", ships_to="b"), line("3"), destinations=places)
    assert [(parcel.destination, len(parcel.parts)) for parcel in parcels(found)] == [("a", 2), ("b", 1)]


def test_shipped_cancelled_and_returned_parts() -> None:
    found = order(
        line("1", 5),
        line("2", 2),
        shipments=(shipment("s1", ("1", 3)), shipment("s2", ("2", 1))),
        cancellations=(Cancellation(id="c", lines=(Quantity(line="1", quantity=Decimal(1)),)),),
        returns=(Return(id="r", lines=(ReturnedQuantity(line="1", quantity=Decimal(2)),)),),
    )
    assert told(found) == [
        ("shipped", "s1", [("1", 1)]),
        ("shipped", "s2", [("2", 1)]),
        ("cancelled", "c", [("1", 1)]),
        ("returned", "r", [("1", 2)]),
        ("open", None, [("1", 1), ("2", 1)]),
    ]


def test_no_lines_means_all_that_is_left() -> None:
    both = order(line("1", 5), shipments=(shipment("s1", ("1", 2)), shipment("s2")), returns=(Return(id="r"),))
    assert told(both) == [("returned", "r", [("1", 5)])]
    rest = order(line("1", 5), shipments=(shipment("s1", ("1", 2)),), cancellations=(Cancellation(id="c"),))
    assert told(rest) == [("shipped", "s1", [("1", 2)]), ("cancelled", "c", [("1", 3)])]


def test_more_than_there_is_is_cut_and_strangers_are_nobody() -> None:
    found = order(line("1", 2), shipments=(shipment("s1", ("1", 9), ("7", 1)),))
    assert told(found) == [("shipped", "s1", [("1", 2)])]


def test_fees_and_discounts_are_no_pieces() -> None:
    assert told(order(line("1"), line("fee", 1, kind=LineKind.FEE))) == [("open", None, [("1", 3)])]


@given(
    quantities=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    sent=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=4),
    gone=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=2),
    back=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=2),
    net=st.decimals(0, 1000, places=2),
)
def test_no_piece_and_no_cent_is_lost(
    quantities: list[int],
    sent: list[tuple[int, int]],
    gone: list[tuple[int, int]],
    back: list[tuple[int, int]],
    net: Decimal,
) -> None:
    lines = tuple(
        OrderLine(id=str(at), quantity=Decimal(quantity), net=net + at) for at, quantity in enumerate(quantities)
    )
    found = order(
        *lines,
        shipments=tuple(shipment(f"s{n}", (str(at), quantity)) for n, (at, quantity) in enumerate(sent)),
        cancellations=tuple(
            Cancellation(id=f"c{n}", lines=(Quantity(line=str(at), quantity=Decimal(quantity)),))
            for n, (at, quantity) in enumerate(gone)
        ),
        returns=tuple(
            Return(id=f"r{n}", lines=(ReturnedQuantity(line=str(at), quantity=Decimal(quantity)),))
            for n, (at, quantity) in enumerate(back)
        ),
    )
    pieces: dict[str, Decimal] = {}
    money: dict[str, Decimal] = {}
    for parcel in parcels(found):
        for part in parcel.parts:
            assert part.quantity > 0
            pieces[part.line.id] = pieces.get(part.line.id, Decimal(0)) + part.quantity
            money[part.line.id] = money.get(part.line.id, Decimal(0)) + part.share(part.line.net)
    assert pieces == {one.id: one.quantity for one in lines if one.quantity}
    assert money == {one.id: one.net for one in lines if one.quantity}
