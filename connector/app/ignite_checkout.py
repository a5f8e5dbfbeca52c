"""A checkout of SparkLayer becomes an order of the store: once per cart, at the prices that the buyer saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.app.ignite_refusal import IgniteRefused
from connector.app.ignite_turns import WAIT_SECONDS, cart_turn
from connector.app.store_desks import StoreDesk
from contracts.entities import (
    Address,
    Destination,
    Order,
    OrderCustomer,
    OrderLine,
    OrderStatus,
    PaymentMethod,
    Shipping,
    Totals,
)
from handlers.outcome import Applied, Failed, Rejected

LARGEST_AMOUNT = Decimal(10) ** 10
_MOST_DECIMALS = 10
_CENT = Decimal("0.01")
_SKU = ("sku", "identifiers.sku", "variant.sku")
_QUANTITY = ("quantity",)
_PRICE = ("price", "unit_price.net", "unit_price", "price.net", "unit_total.net")
_LINE_NET = ("line_total.net", "line_total.total_net.number", "total.net")
_TAX = ("line_total.tax", "line_total.total_tax.number", "tax")
_SHIPPING_ID = ("id", "handle", "shipping_rate_handle")
_SHIPPING_NAME = ("title", "name", "handle", "id")
_SHIPPING_NET = ("price.net", "net", "price", "total.net")
_METHODS = {
    "paymentByInvoice": PaymentMethod.INVOICE,
    "invoice": PaymentMethod.INVOICE,
    "paymentOnAccount": PaymentMethod.ON_ACCOUNT,
    "on_account": PaymentMethod.ON_ACCOUNT,
    "upfrontPayment": PaymentMethod.UPFRONT,
    "platform_upfront": PaymentMethod.UPFRONT,
}


@dataclass(frozen=True, slots=True)
class CheckoutLine:
    """One line as the buyer saw it; `price` is net, of one piece."""

    sku: str
    quantity: Decimal
    price: Decimal
    net: Decimal
    tax: Decimal
    name: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """What SparkLayer sends, as far as it is known; `raw` has the rest."""

    cart_id: str
    currency: str
    customer_id: str | None
    customer_email: str | None
    billing: Address | None
    shipping: Address | None
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IgniteCheckout:
    """Completing checkouts of one store. Raises `IgniteRefused` with a sentence for the buyer."""

    desk: StoreDesk

    async def complete(self, checkout: Checkout) -> str:
        """Spark Pay's id of the cart's order, made now or by an earlier call; never a second order."""
        return await self.desk.finishing.of(self._complete(checkout))

    async def _complete(self, checkout: Checkout) -> str:
        core, id_ = self.desk.core, self.desk.connection.id
        async with core.turns.taken(id_, cart_turn(checkout.cart_id), WAIT_SECONDS, final=True) as turn:
            if turn.result is None:
                turn.result = await self._place(self.order_of(checkout))
            return turn.result

    def order_of(self, checkout: Checkout) -> Order:
        """The order that the checkout asks for; refused where anything would have to be guessed."""
        raw = checkout.raw
        method = _METHODS.get(str(raw.get("payment_method") or "paymentByInvoice"), PaymentMethod.OTHER)
        if method is PaymentMethod.UPFRONT:
            raise IgniteRefused("payment-method-unsupported", "this way of paying is not offered by the store")
        if not checkout.customer_email:
            raise IgniteRefused("customer-email-missing", "the account has no e-mail address")
        lines = lines_of(raw)
        shipping = chosen_shipping(raw)
        shipping_net = shipping.net or Decimal(0)
        subtotal, tax = sum((line.net for line in lines), Decimal(0)), sum((line.tax for line in lines), Decimal(0))
        refs = {} if checkout.customer_id is None else {"sparkpay": checkout.customer_id}
        return Order(
            key=f"sparklayer:{checkout.cart_id}",
            refs={"sparklayer": checkout.cart_id},
            status=OrderStatus.OPEN,
            placed_at=self.desk.core.clock.now(),
            currency=checkout.currency,
            customer=OrderCustomer(refs=refs, email=checkout.customer_email),
            customer_reference=_text(raw.get("customer_reference") or raw.get("purchase_order_number")),
            payment_method=method,
            note=_text(raw.get("note") or raw.get("order_note")),
            billing=checkout.billing,
            destinations=(Destination(address=checkout.shipping),) if checkout.shipping is not None else (),
            lines=tuple(_order_line(number, line) for number, line in enumerate(lines, start=1)),
            shipping=Shipping(method=shipping.name, code=shipping.id, net=shipping_net) if shipping.name else None,
            totals=Totals(grand=subtotal + tax + shipping_net, subtotal=subtotal, shipping=shipping_net, tax=tax),
        )

    async def _place(self, order: Order) -> str:
        match await self.desk.apply(order, "order", order.key):
            case Applied(refs=refs):
                return refs["sparkpay"]
            case Rejected(code=code):
                raise IgniteRefused(code.replace("_", "-"), _FOR_BUYERS.get(code, "the store does not take this order"))
            case Failed():
                raise IgniteRefused("store-not-available", "the store does not answer at the moment", status=500)
            case _:
                raise IgniteRefused("customer-not-found", "this account is not known in the store")


_FOR_BUYERS = {
    "order_empty": "the cart is empty",
    "price_missing": "the price of an item is not known",
    "sku_missing": "an item cannot be ordered",
    "quantity_invalid": "only whole pieces can be ordered",
    "address_missing": "an address is needed",
    "customer_ambiguous": "several accounts have this e-mail address",
}


@dataclass(frozen=True, slots=True)
class ChosenShipping:
    """The shipping line that the buyer chose, as far as it can be read."""

    id: str | None
    name: str | None
    net: Decimal | None


def chosen_shipping(raw: Mapping[str, Any]) -> ChosenShipping:
    """What `shipping_line` says."""
    line = _mapping(raw.get("shipping_line"))
    return ChosenShipping(
        _text(_at(line, _SHIPPING_ID)), _text(_at(line, _SHIPPING_NAME)), _money(_at(line, _SHIPPING_NET))
    )


def lines_of(raw: Mapping[str, Any]) -> list[CheckoutLine]:
    """The lines, each with SKU, quantity and price. Raises `IgniteRefused` for one of which any is not to be found."""
    found = raw.get("line_items")
    if not isinstance(found, Sequence) or isinstance(found, str) or not found:
        raise IgniteRefused("cart-empty", "the cart is empty")
    return [_line(_mapping(item)) for item in found]


def _line(item: Mapping[str, Any]) -> CheckoutLine:
    sku, quantity = _text(_at(item, _SKU)), _money(_at(item, _QUANTITY))
    if sku is None:
        raise IgniteRefused("sku-missing", "an item cannot be ordered")
    if quantity is None or quantity <= 0 or quantity != quantity.to_integral_value():
        raise IgniteRefused("quantity-invalid", f"{sku}: only whole pieces can be ordered")
    price, net = _money(_at(item, _PRICE)), _money(_at(item, _LINE_NET))
    if price is None and net is not None:
        price = net / quantity
    if price is None or price < 0:
        raise IgniteRefused("price-missing", f"{sku}: its price is not known")
    if net is None:
        net = (price * quantity).quantize(_CENT)
    name = _text(item.get("name") or item.get("name_parent")) or ""
    return CheckoutLine(sku, quantity, price, net, _money(_at(item, _TAX)) or Decimal(0), name)


def _order_line(number: int, line: CheckoutLine) -> OrderLine:
    return OrderLine(
        id=str(number),
        sku=line.sku,
        name=line.name or line.sku,
        quantity=line.quantity,
        unit_price=line.price,
        net=line.net,
        tax=line.tax,
    )


def _at(value: Mapping[str, Any], paths: Sequence[str]) -> Any:  # noqa: ANN401
    """The first of these dotted paths that leads to something plain."""
    for path in paths:
        found: Any = value
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is not None and not isinstance(found, Mapping | list):
            return found
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return str(value).strip() or None if isinstance(value, str | int) and not isinstance(value, bool) else None


def _money(value: object) -> Decimal | None:
    """Exact: numbers of the body were read as decimals."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= LARGEST_AMOUNT or number != round(number, _MOST_DECIMALS):
        raise IgniteRefused("amount-invalid", "an amount cannot be read")
    return number
