"""What a comparison is told: the connection's settings that change the result, and what differs on purpose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

PriceRows = tuple[tuple[int, Decimal], ...]
"""Breaks of one list: (from quantity, price of one piece); none = the SKU cannot be bought from that list."""


CATALOGUE = frozenset({"product", "price", "stock"})
PEOPLE = frozenset({"customer", "customer-group"})
ORDERS = frozenset({"order"})


@dataclass(frozen=True, slots=True)
class OracleSettings:
    """The connection's settings under their own meaning; the defaults are the connector's.

    `store_id` None means the only store there is. `retired_are_empty`: a SKU that nothing in Spark Pay stands for any
    more has neither a price nor stock on SparkLayer (the rules only ask for its status; switch it off to allow that).
    `kinds` are those that are compared: the kinds whose flow is on, each checked as Spark Pay's copy on SparkLayer.
    """

    currency: str = "USD"
    customer_type_ids: Literal["all"] | tuple[int, ...] = "all"
    store_id: int | None = None
    root_group: str = "base"
    combinations_cap: int = 250
    stock_mode: Literal["single_default", "per_warehouse"] = "single_default"
    unlimited_level: int = 999_999
    backorder_limit: int = 9999
    clamp_negative: bool = True
    adjust_rows: bool = True
    monotone: bool = False
    on_calculator: Literal["blank", "base"] = "blank"
    retired_are_empty: bool = True
    kinds: frozenset[str] = CATALOGUE
    name_fallback: str = "Customer"
    association_type_id: int | None = None
    invoice_methods: tuple[str, ...] = ()
    vatin: bool = False
    sales_agents: bool = False
    orders_api: Literal["purchases", "orders_v1"] = "purchases"
    orders_since: date | None = None
    cart_field: str = "sparklayer_cart_id"
    reference_field: str = "Purchase order number"
    payment_methods: Mapping[str, str] = field(default_factory=dict)
    package_types: Mapping[str, str] = field(default_factory=dict)
    invoice_url: str | None = None
    shipping_api: Literal["off", "v2", "v1"] = "off"
    site_settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why one entity may differ from what Spark Pay says.

    Without `expected` nothing of it is compared (its record waits in a dead-letter topic). With `expected` those fields
    must have these values instead, and all others are compared as ever (its record was edited and replayed). Excuses
    are keyed by `<entity>:<key>` as events are: `product:sparkpay:17`, `price:<SKU>`, `stock:<SKU>`; besides
    `variant:<external id>`, where `{"sku": ...}` is the SKU that an edit gave it. Fields are named as in `Difference`;
    those of a price are the slugs of lists and hold `PriceRows`.
    """

    reason: str
    expected: Mapping[str, object] = field(default_factory=dict)
