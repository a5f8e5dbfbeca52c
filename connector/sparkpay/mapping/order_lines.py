"""The lines of a Spark Pay order: what was ordered, and what else makes up its grand total."""

from collections.abc import Sequence
from decimal import Decimal

from connector.sparkpay.bundle import Row
from connector.sparkpay.mapping.customer import attributes
from connector.sparkpay.mapping.fields import flag, identity, number, reference, rounded, text
from contracts.entities import LineKind, OrderLine

_PLACES = 4


def order_lines(order: Row, items: Sequence[Row]) -> tuple[OrderLine, ...]:
    """Every item, then handling, fees and the part of the discount that no item carries, each as a line of its own.

    With shipping and tax their sum is `orders.grand_total` (mapping: 5.7).
    """
    rows = sorted(items, key=lambda row: identity(row, "order_items"))
    lines = [_line(row) for row in rows]
    lines += [
        OrderLine(id=id_, kind=LineKind.FEE, name=name, quantity=Decimal(1), net=amount)
        for id_, name, field in (("handling", "Handling", "handling_total"), ("fees", "Fees", "additional_fees"))
        if (amount := money(order, field)) > 0
    ]
    told = sum((line.discount or Decimal(0) for line in lines), Decimal(0))
    told -= sum((line.net for line in lines if line.kind is LineKind.DISCOUNT), Decimal(0))
    if (rest := money(order, "discount_total") - told) > 0:
        lines.append(OrderLine(id="discount", kind=LineKind.DISCOUNT, name="Discount", quantity=Decimal(1), net=-rest))
    return tuple(lines)


def money(row: Row, name: str) -> Decimal:
    """An amount with four decimals at most; 0 where there is none."""
    return rounded(number(row, name) or Decimal(0), _PLACES)


def _line(row: Row) -> OrderLine:
    id_ = str(identity(row, "order_items"))
    quantity = number(row, "quantity") or Decimal(0)
    price, discount = money(row, "price"), money(row, "discount_amount")
    reducing = flag(row, "is_discount_item")
    net = rounded(price * quantity - discount, _PLACES)
    return OrderLine(
        id=id_,
        refs={"sparkpay": id_},
        kind=LineKind.DISCOUNT if reducing else LineKind.ITEM,
        sku=None if reducing else (text(row, "item_number_full") or text(row, "item_number")),
        name=text(row, "item_name") or text(row, "item_number") or "",
        detail=_detail(row),
        quantity=quantity,
        unit_price=price,
        discount=discount or None,
        net=-abs(net) if reducing else net,
        tax=money(row, "tax"),
        note=text(row, "line_item_note"),
        ships_to=_destination(row),
        attributes=attributes(_rows(row.get("custom_fields"))),
    )


def _detail(row: Row) -> str | None:
    parts = [found for variant in _rows(row.get("variants")) if (found := text(variant, "description")) is not None]
    return ", ".join(parts) or None


def _destination(row: Row) -> str | None:
    id_ = reference(row, "order_shipping_address_id")
    return None if id_ is None else str(id_)


def _rows(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
