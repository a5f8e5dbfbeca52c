"""An order, from the moment it is placed until everything of it is shipped, cancelled or returned."""

from enum import StrEnum

from pydantic import Field

from contracts.entities.address import Address
from contracts.values import Amount, Contract, Currency, Instant


class OrderKind(StrEnum):
    """What it is."""

    ORDER = "order"
    QUOTE = "quote"


class OrderStatus(StrEnum):
    """How far it is, in no platform's own words."""

    UNCONFIRMED = "unconfirmed"  # placed, not taken yet
    OPEN = "open"
    PARTIALLY_SHIPPED = "partially-shipped"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    PARTIALLY_REFUNDED = "partially-refunded"
    REFUNDED = "refunded"


class PaymentMethod(StrEnum):
    """How it is paid, in no platform's own words."""

    UPFRONT = "upfront"
    INVOICE = "invoice"
    ON_ACCOUNT = "on-account"
    OTHER = "other"


class OrderCustomer(Contract):
    """Who ordered, as far as the publisher knows."""

    key: str | None = Field(default=None, description="Of the customer entity")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    email: str | None = Field(default=None, max_length=320)
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    group: str | None = None


class LineKind(StrEnum):
    """What a line stands for."""

    ITEM = "item"
    DISCOUNT = "discount"
    FEE = "fee"


class OrderLine(Contract):
    """One line. Money is for the whole line, but for `unit_price`."""

    id: str = Field(min_length=1, max_length=100, description="Stable within the order")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    kind: LineKind = LineKind.ITEM
    sku: str | None = None
    name: str = ""
    detail: str | None = Field(default=None, description="The variant in words, for instance `Colour: Red`")
    quantity: Amount = Field(description="Pieces that were ordered")
    unit_price: Amount | None = Field(default=None, description="Net, of one piece, as agreed")
    discount: Amount | None = Field(default=None, description="Net, already taken off `net`")
    net: Amount
    tax: Amount | None = None
    note: str | None = None
    ships_to: str | None = Field(default=None, description="Id of a destination; none = the first")
    attributes: dict[str, str] = Field(default_factory=dict, description="Custom fields by name")


class Destination(Contract):
    """Where a part of the order goes, and how."""

    id: str = Field(default="1", min_length=1, max_length=100)
    address: Address | None = None


class Shipping(Contract):
    """The shipping line."""

    method: str | None = Field(default=None, description="Its name for people")
    code: str | None = Field(default=None, description="What identifies the method for the publisher")
    net: Amount | None = None
    tax: Amount | None = None


class TaxLine(Contract):
    """One tax of the order."""

    title: str
    rate: Amount | None = Field(default=None, description="Share: 0.0825 is 8.25 %")
    amount: Amount


class Payment(Contract):
    """Money that was paid, promised or refused."""

    id: str = Field(min_length=1, max_length=100)
    method: PaymentMethod = PaymentMethod.OTHER
    name: str | None = Field(default=None, description="The publisher's name of the method")
    amount: Amount
    paid: bool = Field(default=False, description="The money is there: approved, captured, not void")
    void: bool = Field(default=False, description="Declined or taken back")
    reference: str | None = None
    at: Instant | None = None


class Quantity(Contract):
    """Pieces of one line."""

    line: str = Field(min_length=1, description="Id of the line")
    quantity: Amount


class Tracking(Contract):
    """One parcel on its way."""

    carrier: str | None = None
    number: str | None = None
    url: str | None = None


class Shipment(Contract):
    """What left the house together."""

    id: str = Field(min_length=1, max_length=100)
    refs: dict[str, str] = Field(default_factory=dict)
    at: Instant | None = None
    method: str | None = None
    tracking: tuple[Tracking, ...] = ()
    lines: tuple[Quantity, ...] | None = Field(default=None, description="None: all that was still open")


class Cancellation(Contract):
    """What will not be sent."""

    id: str = Field(min_length=1, max_length=100)
    at: Instant | None = None
    lines: tuple[Quantity, ...] | None = Field(default=None, description="None: all that was not shipped")
    reason: str | None = None


class ReturnedQuantity(Quantity):
    """Pieces that came back, and the money for them."""

    refund_net: Amount | None = None
    refund_tax: Amount | None = None


class Return(Contract):
    """What came back."""

    id: str = Field(min_length=1, max_length=100)
    at: Instant | None = None
    lines: tuple[ReturnedQuantity, ...] | None = Field(default=None, description="None: all that was shipped")
    refund_shipping_net: Amount | None = None
    refund_shipping_tax: Amount | None = None


class Invoice(Contract):
    """A document to pay by."""

    number: str
    url: str | None = None


class Totals(Contract):
    """The sums as the publisher has them."""

    grand: Amount
    subtotal: Amount | None = None
    shipping: Amount | None = None
    tax: Amount | None = None
    discount: Amount | None = None
    paid: Amount | None = None


class Order(Contract):
    """Everything about an order. Lines, shipments, cancellations and returns are complete lists."""

    key: str = Field(
        min_length=1, max_length=200, description="`sparklayer:<cart id>` when placed there, else `<system>:<id>`"
    )
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knows it")
    kind: OrderKind = OrderKind.ORDER
    number: str | None = Field(default=None, description="What people call it")
    status: OrderStatus = OrderStatus.OPEN
    status_name: str | None = Field(default=None, description="The publisher's own word")
    status_at: Instant | None = Field(default=None, description="When the status changed last")
    placed_at: Instant
    currency: Currency
    customer: OrderCustomer
    customer_reference: str | None = Field(default=None, max_length=512, description="The buyer's own number for it")
    payment_method: PaymentMethod = PaymentMethod.OTHER
    net_days: int | None = Field(default=None, ge=0, description="Payment term, where it is paid later")
    note: str | None = Field(default=None, description="What the buyer wrote")
    internal_note: str | None = None
    billing: Address | None = None
    destinations: tuple[Destination, ...] = ()
    lines: tuple[OrderLine, ...] = ()
    shipping: Shipping | None = None
    taxes: tuple[TaxLine, ...] = ()
    totals: Totals
    payments: tuple[Payment, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    returns: tuple[Return, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    attributes: dict[str, str] = Field(default_factory=dict, description="Custom fields by name")
