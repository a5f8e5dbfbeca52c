"""Orders through the plain resources: addresses, the order, each line, the payment, the custom fields.

Not atomic: what a crash leaves half done is found by the order's number and completed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connector.errors import Refused
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query
from contracts.entities import Order
from handlers.outcome import Context, Rejected
from handlers.sparkpay.found_customers import customers_of, the_one
from handlers.sparkpay.found_items import sku_conditions
from handlers.sparkpay.order_desk import OrderDesk
from handlers.sparkpay.order_request import (
    address_row,
    custom_fields,
    item_row,
    items_of,
    order_row,
    payment_rows,
)
from handlers.sparkpay.shop import Shop


class OrderMaker:
    """Writes the rows of an order; every step is looked up before it is repeated."""

    def __init__(self, client: SparkPayClient, desk: OrderDesk, shop: Shop) -> None:
        self._client = client
        self._desk = desk
        self._shop = shop

    async def make(self, order: Order, status_id: int, context: Context) -> None:
        """The order with everything. Raises a `PlatformError`."""
        customer_id = await self._customer(order, context)
        row = await self._client.create(
            "orders", order_row(order, customer_id, status_id, await self._places(order, customer_id))
        )
        await self.complete(order, {**row, "items": (), "payments": (), "custom_fields": ()}, context)

    async def complete(self, order: Order, row: Row, context: Context) -> None:
        """Bring lines, payments and custom fields to what they should be. Raises a `PlatformError`."""
        order_id, settings = int(row["id"]), context.settings
        await self._complete_lines(order, order_id, row.get("items") or ())
        surplus = list(row.get("payments") or ())
        for body in payment_rows(order, order_id, int(row["customer_id"]), settings):
            same = next((one for one in surplus if same_payment(one, body)), None)
            if same is None:
                await self._client.create("order_payments", body)
            else:
                surplus.remove(same)
        for payment in surplus:
            await self._client.delete("order_payments", int(payment["id"]))
        there = {field.get("name"): field.get("value") for field in row.get("custom_fields") or ()}
        for name, value in custom_fields(order, settings).items():
            if there.get(name) != value:
                body = {"custom_field_id": await self._desk.field_id(name), "resource_id": order_id, "value": value}
                await self._client.create("custom_field_values", body)

    async def _complete_lines(self, order: Order, order_id: int, there: Sequence[Row]) -> None:
        products: Mapping[str, Mapping[str, int]] | None = None
        surplus = Counter(_key(item) for item in there)
        for line in items_of(order):
            body = item_row(line, order_id, {})
            if surplus[_key(body)] > 0:
                surplus[_key(body)] -= 1
                continue
            if products is None:
                products = await self._products(order)
            await self._client.create("order_items", {**body, **products.get(line.sku or "", {})})
        for item in there:
            if surplus[_key(item)] > 0:
                surplus[_key(item)] -= 1
                await self._client.delete("order_items", int(item["id"]))

    async def _customer(self, order: Order, context: Context) -> int:
        """The customer's id in Spark Pay: as it is known, else by e-mail, else a new one."""
        if (id_ := await known_customer(order, context)) is not None:
            return id_
        email = (order.customer.email or "").strip()
        rows = await customers_of(self._client, email, context.settings)
        found = the_one(rows, f"order {order.key}", email)
        if isinstance(found, Rejected):
            raise Refused(found.message, side="sparkpay", endpoint="GET /customers", code=found.code)
        if found is not None:
            return int(found["id"])
        body = {
            "email": email,
            "store_id": await self._shop.store_id(context.settings),
            "first_name": order.customer.first_name or "",
            "last_name": order.customer.last_name or "",
            "company": order.customer.company or "",
        }
        return int((await self._client.create("customers", body))["id"])

    async def _places(self, order: Order, customer_id: int) -> tuple[int, int]:
        """Ids of billing and shipping address; one row where they are the same."""
        shipping = next((place.address for place in order.destinations if place.address is not None), None)
        billing = order.billing or shipping
        shipping = shipping or billing
        if billing is None or shipping is None:
            raise Refused(
                f"order {order.key} has no address",
                side="sparkpay",
                endpoint="POST /order_addresses",
                code="address_missing",
            )
        first = int((await self._client.create("order_addresses", address_row(billing, customer_id)))["id"])
        if shipping == billing:
            return first, first
        return first, int((await self._client.create("order_addresses", address_row(shipping, customer_id)))["id"])

    async def _products(self, order: Order) -> Mapping[str, Mapping[str, int]]:
        """Which product or combination has which SKU; none where several do, for a line keeps its number anyway."""
        found: dict[str, list[Mapping[str, int]]] = {}
        skus = sorted({line.sku for line in items_of(order) if line.sku})
        for condition in sku_conditions(skus):
            query = Query().where("item_number", condition).sorted_by("id")
            page = await self._client.page("variant_inventory", query.only("id", "product_id", "item_number"))
            for row in page.rows:
                ids = {"variant_inventory_id": int(row["id"]), "product_id": int(row["product_id"])}
                found.setdefault(str(row["item_number"]), []).append(ids)
            page = await self._client.page("products", query.only("id", "item_number"))
            for row in page.rows:
                found.setdefault(str(row["item_number"]), []).append({"product_id": int(row["id"])})
        return {sku: ids[0] for sku, ids in found.items() if len(ids) == 1}


async def known_customer(order: Order, context: Context) -> int | None:
    """The customer's id in the store, where it is known without a call."""
    who = order.customer
    told = who.refs.get("sparkpay", "")
    if not told and who.key is not None:
        refs = (await context.known.refs("customer", [who.key])).get(who.key, {})
        told = refs.get("sparkpay") or (who.key.partition(":")[2] if who.key.startswith("sparkpay:") else "")
    return int(told) if told.isdecimal() else None


def same_payment(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a row is that payment: by its reference, which nobody else gives."""
    return bool(there.get("payment_ref_num") == wanted["payment_ref_num"])


def _key(item: Mapping[str, Any]) -> tuple[str, int, Decimal]:
    return (
        str(item.get("item_number") or ""),
        int(item.get("quantity") or 0),
        Decimal(item.get("price") or 0).normalize(),
    )
