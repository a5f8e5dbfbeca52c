"""What other services import stays where it is."""

import types

import contracts

# only removing a name, or renaming it, is a breaking change: add new names here freely
# fmt: off
PROMISED = {
    "Amount", "Availability", "CONTENT_TYPE", "Currency", "Deleted", "EVENTS", "Entity", "Event", "Instant", "KINDS",
    "Kind", "Letter", "Money", "Option", "PRIORITIES", "PRIORITY", "Price", "PriceChanged", "PriceDeleted",
    "PriceList", "PriceRow", "Product", "ProductChanged", "ProductDeleted", "REPLAY", "SIDES", "Stock",
    "StockChanged", "StockDeleted", "StockLevel", "TARGET", "Topic", "TopicNames", "Unreadable", "Variant", "Version",
    "changed", "decode", "deleted", "encode", "entity_name", "event_id", "header", "headers_of", "is_deletion",
    "kafka_key", "letter_id", "parse_letter_id", "plan", "read", "utc_text", "version_of", "without_reason",
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
