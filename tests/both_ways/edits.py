"""What people may change on either side, and how it is read back from each."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.both_ways.world import World

Place = tuple[str, int]  # what is changed, and of which entity
PEOPLE = 3
ITEMS = 3


@dataclass(frozen=True)
class Field:
    """One thing that both sides have; `value` makes a new one from a number that was never used before."""

    value: Callable[[int], str]
    of_store: Callable[[World, int], str]
    of_site: Callable[[World, int], str]
    in_store: Callable[[World, int, str], None]
    in_site: Callable[[World, int, str], Awaitable[None]]


def _person(store_name: str, site_name: str, value: Callable[[int], str]) -> Field:
    def in_store(on: World, number: int, new: str) -> None:
        on.platforms.store.change("customers", number, {store_name: new})

    async def in_site(on: World, number: int, new: str) -> None:
        await on.merchant.customers.change("platform", str(number), {site_name: new})

    return Field(
        value,
        lambda on, number: str((on.platforms.store.get("customers", number) or {})[store_name]),
        lambda on, number: str(_customer(on, number)[site_name]),
        in_store,
        in_site,
    )


def _customer(on: World, number: int) -> Mapping[str, Any]:
    found = on.platforms.site.customers.find("platform", str(number))
    assert found is not None
    return found


def _city() -> Field:
    async def in_site(on: World, number: int, new: str) -> None:
        book = [{**address, "city": new} for address in _customer(on, number)["addresses"]]
        kept = ("external_id", "first_name", "last_name", "address_line1", "city", "region_code", "postal_code")
        body = [{name: address[name] for name in (*kept, "country_code")} for address in book]
        await on.merchant.customers.change("platform", str(number), {"addresses": body})

    return Field(
        lambda number: f"City {number}",
        lambda on, number: str((on.platforms.store.get("addresses", number) or {})["city"]),
        lambda on, number: str(_customer(on, number)["addresses"][0]["city"]),
        lambda on, number, new: _ignore(on.platforms.store.update("addresses", number, city=new)),
        in_site,
    )


def _stock() -> Field:
    async def in_site(on: World, number: int, new: str) -> None:
        row = {"sku": _sku(number), "stock_location_external_id": "default", "stock_level": int(new)}
        await on.merchant.stock.update([{**row, "min_stock_level": 0, "restock_date": None}])

    return Field(
        str,
        lambda on, number: str((on.platforms.store.get("products", number) or {})["quantity_on_hand"]),
        lambda on, number: str(on.platforms.site.stock(_sku(number))["default"]["stock_level"]),
        lambda on, number, new: _ignore(on.platforms.store.update("products", number, quantity_on_hand=int(new))),
        in_site,
    )


def _price() -> Field:
    async def in_site(on: World, number: int, new: str) -> None:
        pricing = [{"quantity": 1, "price": Decimal(new)}]
        await on.merchant.prices.update([{"sku": _sku(number), "price_list_slug": "sp-base-usd", "pricing": pricing}])

    return Field(
        lambda number: f"{number}.50",
        lambda on, number: _money((on.platforms.store.get("products", number) or {})["price"]),
        lambda on, number: _money(on.platforms.site.prices(_sku(number))["sp-base-usd"][0]["price"]),
        lambda on, number, new: _ignore(on.platforms.store.update("products", number, price=Decimal(new))),
        in_site,
    )


def _sku(number: int) -> str:
    return f"ROPE-{number}"


def _money(value: object) -> str:
    return f"{Decimal(str(value)):.2f}"


def _ignore(_row: object) -> None:
    return None


FIELDS: Mapping[str, Field] = {
    "first name": _person("first_name", "first_name", lambda number: f"Ann {number}"),
    "company": _person("company", "company_name", lambda number: f"Company {number}"),
    "e-mail": _person("email", "email", lambda number: f"ann{number}@x.example"),
    "city": _city(),
    "stock": _stock(),
    "price": _price(),
}


ITEM_FIELDS = frozenset({"stock", "price"})


def furnish(on: World) -> None:
    """A shop with a few people and items."""
    store = on.platforms.store
    for number in range(1, PEOPLE + 1):
        person = {"first_name": f"Ann {number}", "last_name": "Lee", "company": f"Acme {number}"}
        made = store.insert("customers", email=f"ann{number}@start.example", customer_type_id=1, store_id=1, **person)
        store.insert(
            "addresses",
            customer_id=made["id"],
            first_name="Ann",
            last_name="Lee",
            address_line_1="1 High St",
            city="Austin",
            state="Texas",
            postal_code="78701",
            country="United States",
            is_default_billing_address=True,
            is_default_shipping_address=True,
        )
    for number in range(1, ITEMS + 1):
        on.platforms.product(_sku(number))
