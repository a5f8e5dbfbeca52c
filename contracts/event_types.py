"""The types of events: CloudEvents attributes around a typed snapshot of one entity."""

from typing import Literal

from pydantic import Field

from contracts.entities import (
    Customer,
    CustomerGroup,
    Order,
    Price,
    Product,
    Setting,
    ShippingMethod,
    Stock,
    StockLocation,
)
from contracts.values import Contract, Instant


class Deleted(Contract):
    """The data of a `.deleted` event: which entity is gone."""

    key: str = Field(min_length=1, description="What the entity's events are keyed by, after `<connection>/`")
    refs: dict[str, str] = Field(default_factory=dict, description="Its id in each system that knew it")


class Envelope(Contract):
    """What CloudEvents asks for, plus the extension attribute `connection`."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1, max_length=200, description="The same for a repeat of the same observation")
    source: str = Field(min_length=1, max_length=100, description="sparkpay, sparklayer or another service's own name")
    subject: str | None = Field(default=None, description="The entity's key, for tools that show it")
    time: Instant = Field(description="When it changed at the source: the event's version")
    connection: str = Field(
        min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$", description="Id of the connection it belongs to"
    )
    datacontenttype: str = Field(default="application/json", pattern=r"^application/json\b")
    dataschema: str | None = None


class ProductChanged(Envelope):
    """A product is now like this."""

    type: Literal["paylayer.product.changed.v1"] = "paylayer.product.changed.v1"
    data: Product


class ProductDeleted(Envelope):
    """A product is gone."""

    type: Literal["paylayer.product.deleted.v1"] = "paylayer.product.deleted.v1"
    data: Deleted


class PriceChanged(Envelope):
    """The prices of a SKU are now these."""

    type: Literal["paylayer.price.changed.v1"] = "paylayer.price.changed.v1"
    data: Price


class PriceDeleted(Envelope):
    """A SKU has no prices any more."""

    type: Literal["paylayer.price.deleted.v1"] = "paylayer.price.deleted.v1"
    data: Deleted


class StockChanged(Envelope):
    """The stock of a SKU is now this."""

    type: Literal["paylayer.stock.changed.v1"] = "paylayer.stock.changed.v1"
    data: Stock


class StockDeleted(Envelope):
    """A SKU has no stock any more."""

    type: Literal["paylayer.stock.deleted.v1"] = "paylayer.stock.deleted.v1"
    data: Deleted


class CustomerChanged(Envelope):
    """A customer is now like this."""

    type: Literal["paylayer.customer.changed.v1"] = "paylayer.customer.changed.v1"
    data: Customer


class CustomerDeleted(Envelope):
    """A customer is gone."""

    type: Literal["paylayer.customer.deleted.v1"] = "paylayer.customer.deleted.v1"
    data: Deleted


class CustomerGroupChanged(Envelope):
    """A customer group is now like this."""

    type: Literal["paylayer.customer-group.changed.v1"] = "paylayer.customer-group.changed.v1"
    data: CustomerGroup


class CustomerGroupDeleted(Envelope):
    """A customer group is gone."""

    type: Literal["paylayer.customer-group.deleted.v1"] = "paylayer.customer-group.deleted.v1"
    data: Deleted


class OrderChanged(Envelope):
    """An order is now like this."""

    type: Literal["paylayer.order.changed.v1"] = "paylayer.order.changed.v1"
    data: Order


class OrderDeleted(Envelope):
    """An order is gone."""

    type: Literal["paylayer.order.deleted.v1"] = "paylayer.order.deleted.v1"
    data: Deleted


class ShippingMethodChanged(Envelope):
    """A shipping method is now like this."""

    type: Literal["paylayer.shipping-method.changed.v1"] = "paylayer.shipping-method.changed.v1"
    data: ShippingMethod


class ShippingMethodDeleted(Envelope):
    """A shipping method is gone."""

    type: Literal["paylayer.shipping-method.deleted.v1"] = "paylayer.shipping-method.deleted.v1"
    data: Deleted


class StockLocationChanged(Envelope):
    """A place of stock is now like this."""

    type: Literal["paylayer.stock-location.changed.v1"] = "paylayer.stock-location.changed.v1"
    data: StockLocation


class StockLocationDeleted(Envelope):
    """A place of stock is gone."""

    type: Literal["paylayer.stock-location.deleted.v1"] = "paylayer.stock-location.deleted.v1"
    data: Deleted


class SettingChanged(Envelope):
    """A setting is now like this."""

    type: Literal["paylayer.setting.changed.v1"] = "paylayer.setting.changed.v1"
    data: Setting


class SettingDeleted(Envelope):
    """A setting is gone."""

    type: Literal["paylayer.setting.deleted.v1"] = "paylayer.setting.deleted.v1"
    data: Deleted


Event = (
    ProductChanged
    | ProductDeleted
    | PriceChanged
    | PriceDeleted
    | StockChanged
    | StockDeleted
    | CustomerChanged
    | CustomerDeleted
    | CustomerGroupChanged
    | CustomerGroupDeleted
    | OrderChanged
    | OrderDeleted
    | ShippingMethodChanged
    | ShippingMethodDeleted
    | StockLocationChanged
    | StockLocationDeleted
    | SettingChanged
    | SettingDeleted
)
EVENTS: dict[str, type[Event]] = {
    model.model_fields["type"].default: model
    for model in (
        ProductChanged,
        ProductDeleted,
        PriceChanged,
        PriceDeleted,
        StockChanged,
        StockDeleted,
        CustomerChanged,
        CustomerDeleted,
        CustomerGroupChanged,
        CustomerGroupDeleted,
        OrderChanged,
        OrderDeleted,
        ShippingMethodChanged,
        ShippingMethodDeleted,
        StockLocationChanged,
        StockLocationDeleted,
        SettingChanged,
        SettingDeleted,
    )
}
