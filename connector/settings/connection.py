"""The settings of one connection: what `--set KEY=VALUE` changes. Names follow the mapping's own words."""

import difflib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from connector.errors import UserFault
from connector.mapping_rules import check_mapping, mapping_of

_LONGEST_SHOWN = 100
_TEN_YEARS = 10 * 366 * 86_400

ONLY_TO_SPARKLAYER = frozenset({"shipping-method", "stock-location", "setting"})
"""Kinds that Spark Pay tells and does not take: its API has no way to make them, or they are the store's own."""

FlowDirection = Literal["to_sparklayer", "to_sparkpay", "both", "off"]
PaymentName = Literal["upfront", "invoice", "on-account", "other"]
SyncDataType = Literal["products", "customers", "orders"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StoreSettings(_Section):
    """What Spark Pay does not say about itself."""

    currency_code: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    timezone: str = Field(default="UTC", description="IANA name; for dates without a time")


def _types(value: object) -> object:
    """`all`, a list, one id, or text such as `1,2,7`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, str) and value != "all":
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


class B2bSettings(_Section):
    """Whom the connector serves. Nothing named: only the base price list, no customer (fail closed)."""

    customer_type_ids: Annotated[Literal["all"] | tuple[int, ...], BeforeValidator(_types)] = ()


class SparkPaySettings(_Section):
    """Reading Spark Pay."""

    store_id: int | None = Field(default=None, description="None: the only store that the token shows")
    page_size: int = Field(default=1000, ge=10, le=1000)
    expand_page_size: int = Field(default=100, ge=10, le=1000)
    ids_per_call: int = Field(default=200, ge=1, le=200, description="select_many")
    import_lines: int = Field(default=50, ge=1, le=200, description="Products per importMany call")
    limit: int = Field(default=50, ge=1, le=1000, description="Calls per window of the store's plan")
    window_seconds: float = Field(default=10.0, gt=0, le=_TEN_YEARS)
    webhooks: bool = Field(default=True, description="Subscribe to changes, where PAYLAYER_PUBLIC_URL is set")


class ProductSettings(_Section):
    """Products."""

    families: Literal["flat"] = Field(default="flat", description="Children of a family are products of their own")
    combinations_cap: int = Field(default=250, ge=1)
    custom_fields: bool | None = Field(
        default=None, description="Whether custom fields are read; none: where a rule of the field mapping needs them"
    )
    category_id: int | None = Field(
        default=None, description="Category of products that are made in Spark Pay; none: the first of the store"
    )


class StockSettings(_Section):
    """Stock on SparkLayer."""

    mode: Literal["single_default", "per_warehouse"] = "single_default"
    unlimited_level: int = Field(default=999_999, ge=1)
    backorder_limit: int = Field(default=9999, ge=0)
    clamp_negative: bool = True
    batch: int = Field(default=500, ge=1, le=5000, description="Rows per call")


class PricingSettings(_Section):
    """Prices on SparkLayer."""

    adjust_rows: bool = True
    monotone: bool = False
    on_calculator: Literal["blank", "base"] = "blank"
    remove_style: Literal["null_row", "empty"] = "null_row"
    batch: int = Field(default=1000, ge=1, le=5000, description="(SKU, list) rows per call")
    largest: Decimal | None = Field(default=None, description="Prices above this are refused before a call is made")


class SparkLayerSettings(_Section):
    """SparkLayer itself."""

    root_group: str = "base"
    concurrency: int = Field(default=4, ge=1, le=64, description="Calls at once to begin with")
    max_concurrency: int = Field(default=16, ge=1, le=64)
    max_rps: float | None = Field(default=None, gt=0, description="An upper rate; none = as much as it takes")


class CustomerSettings(_Section):
    """Customers."""

    name_fallback: str = Field(default="Customer", min_length=1, description="For a person without any name")
    association_type_id: int | None = Field(
        default=None, description="Which customer_association makes a sub-account; none: there are no sub-accounts"
    )
    invoice_methods: tuple[str, ...] = Field(
        default=(), description="Names of store payment methods whose customers pay by invoice"
    )
    vatin: bool = Field(default=False, description="Tax exemption numbers are VAT ids")
    sales_agents: bool = Field(default=False, description="The sales person becomes a sales-agent group")
    on_remove: Literal["deactivate", "delete"] = Field(
        default="deactivate", description="What happens on SparkLayer to a customer who is gone or out of scope"
    )
    deactivate_on_unlink: bool = Field(default=True, description="A sub-account that is removed may not sign in again")
    merge_before_put: bool = Field(default=True, description="Fields that SparkLayer owns are read before a write")
    api: Literal["v2", "v1"] = "v2"
    metafields: tuple[str, ...] = Field(default=(), description="Keys that SparkLayer has switched on for customers")


class OrderSettings(_Section):
    """Orders."""

    api: Literal["purchases", "orders_v1"] = Field(default="purchases", description="Which interface of SparkLayer")
    since: date | None = Field(default=None, description="Older orders are not brought to SparkLayer; none: all")
    cart_field: str = Field(default="sparklayer_cart_id", min_length=1, description="Custom field for the cart id")
    reference_field: str = Field(
        default="Purchase order number", description="Custom or payment field that holds the buyer's own number"
    )
    payment_methods: dict[str, PaymentName] = Field(
        default_factory=dict, description="Spark Pay's name of a payment method -> upfront, invoice, on-account, other"
    )
    new_status_id: dict[PaymentName, int] = Field(
        default_factory=dict, description="Status of an order made in Spark Pay, by its payment method"
    )
    status_ids: dict[str, int] = Field(
        default_factory=dict, description="Status to set in Spark Pay for shipped, cancelled, ...; else by the flags"
    )
    payment_method_ids: dict[PaymentName, int] = Field(
        default_factory=dict, description="Spark Pay's payment method (custom) of a payment method"
    )
    invoice_url: str | None = Field(default=None, description="Template such as https://erp.example/{number}.pdf")
    integration_route: bool = Field(
        default=True, description="Create orders in one call where the store has the integration routes"
    )
    silent_status: bool = Field(default=False, description="Set statuses without the store's mails and events")
    sweep_minutes: float = Field(default=15, gt=0, description="Unconfirmed orders older than this are looked up")
    package_types: dict[str, str | None] = Field(
        default_factory=dict, description="`type` of open, shipped, cancelled, returned packages; none = left out"
    )
    packages_shape: Literal["array", "object"] = "array"
    identifier_keys: tuple[str, ...] = Field(default=("sku", "platform"), description="Of a purchase's lines")


class ShippingSettings(_Section):
    """Shipping methods on SparkLayer."""

    api: Literal["off", "v2", "v1"] = Field(default="off", description="With Ignite, rates are quoted live instead")


class PollSettings(_Section):
    """How often Spark Pay is looked at."""

    idle_share: float = Field(default=0.05, gt=0, le=1, description="Part of the budget that idle polling may use")
    sweep_share: float = Field(default=0.10, gt=0, le=1, description="Part of the budget that sweeps may use")
    stock_sweep_seconds: float = Field(default=900, gt=0, le=_TEN_YEARS)
    deletion_sweep_seconds: float = Field(default=6 * 3600, gt=0, le=_TEN_YEARS)
    deletions_at_once: float = Field(
        default=0.2, ge=0, le=1, description="Share of a kind that may vanish before a person is asked; 1 = any"
    )
    slowest_seconds: float = Field(
        default=300,
        gt=0,
        le=_TEN_YEARS,
        description="Pause between two polls of reference data, where the budget allows that",
    )
    overlap_seconds: float = Field(default=120, ge=0, le=_TEN_YEARS)
    webhook_slack: float = Field(
        default=4, ge=1, le=100, description="How many times longer what webhooks announce is left alone while idle"
    )


class WatchSettings(_Section):
    """How often SparkLayer is looked at, for what a flow takes from there."""

    purchases_seconds: float = Field(
        default=30,
        gt=0,
        le=_TEN_YEARS,
        description="Longest pause between two looks at purchases",
    )
    lists_seconds: float = Field(
        default=300,
        gt=0,
        le=_TEN_YEARS,
        description="Longest pause between two looks at groups and at the dates of price lists",
    )
    stock_seconds: float = Field(default=300, gt=0, le=_TEN_YEARS, description="Between two comparisons of all levels")
    prices_seconds: float = Field(
        default=900,
        gt=0,
        le=_TEN_YEARS,
        description="Between two comparisons of all prices",
    )
    customers_per_hour: float = Field(
        default=600, gt=0, le=360_000, description="Customers that are read again: there is no list, each takes a call"
    )


class ApplySettings(_Section):
    """Applying events."""

    wait_hours: float = Field(
        default=24, gt=0, le=_TEN_YEARS / 3600, description="How long a row waits for something that must exist first"
    )
    attempts: int = Field(default=6, ge=1, description="Of one row while others succeed")
    linger_seconds: float = Field(
        default=0.2, ge=0, le=_TEN_YEARS, description="How long a bulk call waits for more live rows"
    )
    sync_linger_seconds: float = Field(default=5.0, ge=0, le=_TEN_YEARS, description="The same for rows of a full sync")


class SyncLogSettings(_Section):
    """What SparkLayer's dashboard shows the merchant of the sync."""

    data_types: tuple[SyncDataType, ...] = Field(
        default=("products", "customers", "orders"), description="Reported; one that SparkLayer refuses goes elsewhere"
    )
    seconds: float = Field(default=60, gt=0, le=_TEN_YEARS, description="Shortest pause between two reports of a kind")
    update_seconds: float = Field(
        default=900, gt=0, le=_TEN_YEARS, description="The same where only the time of the last update is new"
    )
    links: Literal["admin", "api"] = Field(default="admin", description="Pages of the store that problems link to")
    delete_on_remove: bool = Field(
        default=False, description="With the connection also delete the logs of the site's other integrations"
    )


class FlowSettings(_Section):
    """In which direction each kind of entity goes.

    Those that are off are not read from the store; what other services publish of them is applied where they are on.
    """

    product: FlowDirection = "to_sparklayer"
    price: FlowDirection = "to_sparklayer"
    stock: FlowDirection = "to_sparklayer"
    customer: FlowDirection = "to_sparklayer"
    customer_group: FlowDirection = "to_sparklayer"
    order: FlowDirection = "both"
    shipping_method: FlowDirection = "off"
    stock_location: FlowDirection = "off"
    setting: FlowDirection = "off"


class MappingSettings(_Section):
    """Field mapping by the merchant."""

    rules: str = Field(default="", max_length=100_000, description="What a mapping file says; empty: no rules")


class ConnectionSettings(_Section):
    """Everything about one connection but its addresses and its secrets."""

    store: StoreSettings = StoreSettings()
    b2b: B2bSettings = B2bSettings()
    sparkpay: SparkPaySettings = SparkPaySettings()
    products: ProductSettings = ProductSettings()
    stock: StockSettings = StockSettings()
    pricing: PricingSettings = PricingSettings()
    customers: CustomerSettings = CustomerSettings()
    orders: OrderSettings = OrderSettings()
    shipping: ShippingSettings = ShippingSettings()
    sparklayer: SparkLayerSettings = SparkLayerSettings()
    poll: PollSettings = PollSettings()
    watch: WatchSettings = WatchSettings()
    apply: ApplySettings = ApplySettings()
    sync_log: SyncLogSettings = SyncLogSettings()
    flow: FlowSettings = FlowSettings()
    mapping: MappingSettings = MappingSettings()

    def flow_of(self, entity: str) -> FlowDirection:
        """In which direction that kind goes; one that nobody knows goes nowhere."""
        direction: FlowDirection = getattr(self.flow, entity.replace("-", "_"), "off")
        return direction

    @property
    def reads_product_fields(self) -> bool:
        """Whether custom fields of products are read from the store; a mapping that is wrong needs none."""
        if self.products.custom_fields is not None:
            return self.products.custom_fields
        try:
            return mapping_of(self.mapping.rules).names_attributes("product")
        except UserFault:
            return False

    def to_side(self, entity: str, side: str) -> bool:
        """Whether events of that kind are applied to that side; `both` means one where the other takes none."""
        if side == "sparkpay" and entity.replace("_", "-") in ONLY_TO_SPARKLAYER:
            return False
        return self.flow_of(entity) in (f"to_{side}", "both")

    def kinds_from(self, side: str) -> frozenset[str]:
        """The kinds of which that side is a source: those that go to the other one, or both ways."""
        other = "sparkpay" if side == "sparklayer" else "sparklayer"
        kinds = (name.replace("_", "-") for name in type(self.flow).model_fields)
        return frozenset(kind for kind in kinds if self.to_side(kind, other))

    def both_ways(self, entity: str) -> bool:
        """Whether both sides may change entities of that kind, so that changes may meet and writes come back."""
        return self.to_side(entity, "sparkpay") and self.to_side(entity, "sparklayer")

    def goes_to(self, side: str) -> bool:
        """Whether events of any kind are applied to that side."""
        return any(self.to_side(entity, side) for entity in type(self.flow).model_fields)

    def with_values(self, values: Mapping[str, str]) -> "ConnectionSettings":
        """A copy with dotted keys such as `stock.mode` set. Raises `UserFault` that names the key and what fits."""
        tree: dict[str, Any] = self.model_dump(mode="json")
        known = keys()
        for key, text in values.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=3)
                hint = f"; did you mean {' or '.join(near)}?" if near else f"; known: {', '.join(known)}"
                raise UserFault(f"there is no setting {key!r}{hint}")
            section, _, name = key.partition(".")
            tree[section][name] = _literal(text)
        try:
            made = ConnectionSettings.model_validate(tree)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"][:2])
            shown = repr(first["input"])[:_LONGEST_SHOWN]
            raise UserFault(f"setting {where} does not take {shown}: {_wanted(first['msg'])}") from None
        if "store.timezone" in values:
            _require_zone(made.store.timezone)
        if "mapping.rules" in values:
            check_mapping(made.mapping.rules, "setting mapping.rules")
        return made

    def with_mapping(self, text: str, name: str) -> "ConnectionSettings":
        """A copy with these mapping rules, empty for none. Raises `UserFault` that says where `name` is wrong."""
        check_mapping(text, name)
        return self.model_copy(update={"mapping": MappingSettings(rules=text)})

    def with_b2b_types(self, text: str) -> "ConnectionSettings":
        """A copy that serves `all` customer types, or those of a list such as `1,2`. Raises `UserFault`."""
        try:
            chosen = B2bSettings.model_validate({"customer_type_ids": text})
        except ValidationError as error:
            raise UserFault(f"--b2b-customer-types {text!r}: write all, or ids such as 1,2") from error
        return self.model_copy(update={"b2b": chosen})


def _wanted(message: str) -> str:
    """Pydantic's sentence, said of a setting."""
    return message.replace("Input should be", "it must be").replace("String should", "it has to")


def keys() -> list[str]:
    """Every dotted key, sorted."""
    return sorted(
        f"{section}.{name}"
        for section, info in ConnectionSettings.model_fields.items()
        for name in type(info.default).model_fields
    )


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        shown = repr(name)[:_LONGEST_SHOWN]
        raise UserFault(
            f"setting store.timezone: there is no time zone {shown}; write an IANA name such as America/Chicago"
        ) from error


def _literal(text: str) -> object:
    """`true`, `3`, `null` and lists as JSON; anything else as text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, float) else value
