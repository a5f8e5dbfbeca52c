"""Orders through the plain resources: addresses, the order, each line, the payment, the custom fields.

Not atomic: what a crash leaves half done is found by the order's number and completed.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.errors import Refused
from connector.sparkpay.answers import Row
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query, any_of, eq
from contracts.entities import LineKind, Order
from handlers.outcome import Context
from handlers.sparkpay.order_desk import OrderDesk
from handlers.sparkpay.order_request import (
    address_row,
    custom_fields,
    item_row,
    order_row,
    payment_row,
)

_SKUS_PER_CALL = 15  # 100 characters each, percent-encoded, in an address of at most 1,900


class OrderMaker:
    """Writes the rows of an order; every step is looked up before it is repeated."""

    def __init__(self, client: SparkPayClient, desk: OrderDesk) -> None:
        self._client = client
        self._desk = desk

    async def make(self, order: Order, status_id: int, context: Context) -> None:
        """The order with everything. Raises a `PlatformError`."""
        customer_id = await self._customer(order, context)
        row = await self._client.create(
            "orders", order_row(order, customer_id, status_id, await self._places(order, customer_id))
        )
        await self.complete(order, {**row, "items": (), "payments": (), "custom_fields": ()}, context)

    async def complete(self, order: Order, row: Row, context: Context) -> None:
        """Bring lines, payment and custom fields to what they should be. Raises a `PlatformError`."""
        order_id, settings = int(row["id"]), context.settings
        products: Mapping[str, Mapping[str, int]] | None = None
        surplus = Counter(_key(item) for item in row.get("items") or ())
        for line in order.lines:
            body = item_row(line, order_id, {})
            if surplus[_key(body)] > 0:
                surplus[_key(body)] -= 1
                continue
            if products is None:
                products = await self._products(order)
            product = products.get(line.sku or "", {}) if line.kind is LineKind.ITEM else {}
            await self._client.create("order_items", {**body, **product})
        for item in row.get("items") or ():
            if surplus[_key(item)] > 0:
                surplus[_key(item)] -= 1
                await self._client.delete("order_items", int(item["id"]))
        payments = list(row.get("payments") or ())
        if not payments:
            await self._client.create("order_payments", payment_row(order, order_id, int(row["customer_id"]), settings))
        for payment in payments[1:]:
            await self._client.delete("order_payments", int(payment["id"]))
        there = {field.get("name"): field.get("value") for field in row.get("custom_fields") or ()}
        for name, value in custom_fields(order, settings).items():
            if there.get(name) != value:
                body = {"custom_field_id": await self._desk.field_id(name), "resource_id": order_id, "value": value}
                await self._client.create("custom_field_values", body)

    async def _customer(self, order: Order, context: Context) -> int:
        """The customer's id in Spark Pay: as it is known, else by e-mail, else a new one."""
        if (id_ := order.customer.refs.get("sparkpay")) is not None:
            return int(id_)
        if order.customer.key is not None:
            known = (await context.known.refs("customer", [order.customer.key])).get(order.customer.key, {})
            if "sparkpay" in known:
                return int(known["sparkpay"])
        email = order.customer.email or ""
        page = await self._client.page("customers", Query().where("email", eq(email)).sorted_by("id").at_most(10))
        rows = [row for row in page.rows if str(row.get("email") or "").casefold() == email.casefold()]
        if len(rows) > 1:
            raise Refused(
                f"order {order.key}: {len(rows)} customers of the store have the e-mail {email}",
                side="sparkpay",
                endpoint="GET /customers",
                code="customer_ambiguous",
            )
        if rows:
            return int(rows[0]["id"])
        body = {
            "email": email,
            "store_id": context.settings.sparkpay.store_id or 1,
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
        skus = sorted({line.sku for line in order.lines if line.kind is LineKind.ITEM and line.sku})
        for at in range(0, len(skus), _SKUS_PER_CALL):
            query = Query().where("item_number", any_of(skus[at : at + _SKUS_PER_CALL])).sorted_by("id")
            page = await self._client.page("variant_inventory", query.only("id", "product_id", "item_number"))
            for row in page.rows:
                ids = {"variant_inventory_id": int(row["id"]), "product_id": int(row["product_id"])}
                found.setdefault(str(row["item_number"]), []).append(ids)
            page = await self._client.page("products", query.only("id", "item_number"))
            for row in page.rows:
                found.setdefault(str(row["item_number"]), []).append({"product_id": int(row["id"])})
        return {sku: ids[0] for sku, ids in found.items() if len(ids) == 1}


def _key(item: Mapping[str, Any]) -> tuple[str, int, Decimal]:
    return (
        str(item.get("item_number") or ""),
        int(item.get("quantity") or 0),
        Decimal(item.get("price") or 0).normalize(),
    )
