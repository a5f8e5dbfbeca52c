"""What other services import stays where it is."""

import types

import contracts

# only removing a name, or renaming it, is a breaking change: add new names here freely
# fmt: off
PROMISED = {
    "Address", "Amount", "Availability", "BandBasis", "CONTENT_TYPE", "Cancellation", "CountryCode", "CreditTerms",
    "Currency", "Customer", "CustomerAddress", "CustomerChanged", "CustomerDeleted", "CustomerGroup",
    "CustomerGroupChanged", "CustomerGroupDeleted", "CustomerRole", "CustomerStatus", "Deleted", "Destination",
    "EVENTS", "Entity", "Event", "Instant", "Invoice", "KINDS", "Kind", "Letter", "LineKind", "Money", "Option",
    "Order", "OrderChanged", "OrderCustomer", "OrderDeleted", "OrderKind", "OrderLine", "OrderStatus", "PRIORITIES",
    "PRIORITY", "Payment", "PaymentMethod", "Price", "PriceChanged", "PriceDeleted", "PriceList", "PriceRow",
    "Product", "ProductChanged", "ProductDeleted", "Quantity", "REPLAY", "Return", "ReturnedQuantity", "SIDES",
    "Setting", "SettingChanged", "SettingDeleted", "Shipment", "Shipping", "ShippingBand", "ShippingMethod",
    "ShippingMethodChanged", "ShippingMethodDeleted", "Stock", "StockChanged", "StockDeleted", "StockLevel",
    "StockLocation", "StockLocationChanged", "StockLocationDeleted", "TARGET", "TaxLine", "Topic", "TopicNames",
    "Totals", "Tracking", "Unreadable", "Variant", "Version", "changed", "decode", "deleted", "encode",
    "entity_name", "event_id", "header", "headers_of", "is_deletion", "kafka_key", "letter_id", "parse_letter_id",
    "plan", "read", "utc_text", "version_of", "without_reason",
}
# fmt: on


def test_everything_promised_is_exported() -> None:
    assert set(contracts.__all__) == PROMISED


def test_all_says_what_the_package_exposes() -> None:
    exposed = {
        name
        for name, value in vars(contracts).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert exposed == set(contracts.__all__)
    assert len(contracts.__all__) == len(set(contracts.__all__))


def test_every_class_and_function_has_a_docstring() -> None:
    silent = [
        name
        for name in contracts.__all__
        if isinstance(value := getattr(contracts, name), type | types.FunctionType) and not value.__doc__
    ]
    assert silent == []
