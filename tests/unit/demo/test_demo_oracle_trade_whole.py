"""The judge over a whole store of buyers and orders: mapping and handlers agree with it, and edits are noticed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.demo.oracle import ORDERS, PEOPLE, OracleSettings, compare, differences
from connector.sandbox.sparkpay import SUB_ACCOUNT, CatalogueShape, SparkPayStore, fill_catalogue, fill_trade
from connector.settings import ConnectionSettings
from connector.sparkpay.bundle import CustomerBundle, OrderBundle, ReferenceData, Row
from connector.sparkpay.mapping import customer_entity, group_entity, order_entity
from connector.sparkpay.mapping.order import order_in_scope
from handlers.outcome import Applied, Outcome
from tests.support.handler_desk import Desk

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CHOSEN = {
    "b2b.customer_type_ids": "all",
    "store.timezone": "America/Chicago",
    "customers.association_type_id": str(SUB_ACCOUNT),
    "flow.customer": "to_sparklayer",
    "flow.customer_group": "to_sparklayer",
    "flow.order": "to_sparklayer",
    "orders.invoice_url": "https://erp.example/{number}.pdf",
    "orders.payment_methods": '{"On account": "on-account", "Invoice": "invoice"}',
}
JUDGE = OracleSettings(
    kinds=PEOPLE | ORDERS,
    association_type_id=SUB_ACCOUNT,
    invoice_url="https://erp.example/{number}.pdf",
    payment_methods={"On account": "on-account", "Invoice": "invoice"},
)


class Mirror:
    """A store's rows through the mapping and the handlers, without producers, Kafka or a database."""

    def __init__(self, store: SparkPayStore, **changes: str) -> None:
        self.store, self.desk = store, Desk()
        self.settings = ConnectionSettings().with_values({**CHOSEN, **changes})
        self.desk.settings = self.settings

    async def bring(self) -> None:
        dump: Mapping[str, list[Row]] = self.store.dump()
        known = _reference(dump)
        await self._apply([group_entity(row) for row in dump["customer_types"]])
        parents = {row["child_customer_id"]: row["parent_customer_id"] for row in dump["customer_association"]}
        bundles = {
            row["id"]: CustomerBundle(row, _of(dump, "addresses", "customer_id", row["id"]), parents.get(row["id"]))
            for row in dump["customers"]
        }
        people = [customer_entity(bundle, known, self.settings) for bundle in bundles.values()]
        await self._apply([entity for entity in people if entity.parent is None])
        await self._apply([entity for entity in people if entity.parent is not None])
        orders = [self._order(dump, row, bundles) for row in dump["orders"]]
        await self._apply([order_entity(b, known, self.settings) for b in orders if order_in_scope(b, self.settings)])

    def _order(self, dump: Mapping[str, list[Row]], row: Row, people: Mapping[int, CustomerBundle]) -> OrderBundle:
        names = {each["id"]: each["name"] for each in dump["custom_fields"]}
        values = _of(dump, "custom_field_values", "resource_id", row["id"])
        return OrderBundle(
            row,
            items=_of(dump, "order_items", "order_id", row["id"]),
            payments=_of(dump, "order_payments", "order_id", row["id"]),
            shipments=_of(dump, "order_shipments", "order_id", row["id"]),
            addresses={each["id"]: each for each in dump["order_addresses"]},
            custom_fields=tuple({"name": names[v["custom_field_id"]], "value": v["value"]} for v in values),
            customer=people[row["customer_id"]].customer if row["customer_id"] in people else None,
        )

    async def _apply(self, entities: list[Any]) -> None:
        for at in range(0, len(entities), 40):
            outcomes: list[Outcome] = await self.desk.apply(*entities[at : at + 40])
            trouble = [outcome for outcome in outcomes if not isinstance(outcome, Applied)]
            assert trouble == [] or all(getattr(each, "for_", "").startswith("customer:") for each in trouble), trouble

    def differences(self, judge: OracleSettings = JUDGE) -> list[str]:
        found = compare(self.store.dump(), self.desk.site.dump(), settings=judge, now=NOW)
        return [str(difference) for difference in found.differences]


def _reference(dump: Mapping[str, list[Row]]) -> ReferenceData:
    def by_id(name: str) -> dict[int, Row]:
        return {row["id"]: row for row in dump[name]}

    return ReferenceData(
        store_id=dump["stores"][0]["id"],
        image_base="https://trade.example.com",
        variant_groups={},
        product_statuses={},
        customer_types=by_id("customer_types"),
        warehouses=by_id("warehouses"),
        inventory_settings={},
        order_statuses=by_id("order_statuses"),
        regions=by_id("regions"),
    )


def _of(dump: Mapping[str, list[Row]], table: str, owner: str, id_: int) -> tuple[Row, ...]:
    return tuple(row for row in dump[table] if row[owner] == id_)


def filled(seed: int) -> SparkPayStore:
    store = SparkPayStore(clock=lambda: NOW)
    fill_catalogue(store, CatalogueShape(products=30, skus_at_least=0), seed)
    fill_trade(store, customers=40, orders=60, seed=seed)
    return store


@pytest.mark.parametrize("seed", range(3))
async def test_a_whole_store_agrees(seed: int) -> None:
    mirror = Mirror(filled(seed))
    await mirror.bring()
    assert mirror.differences() == []
    result = compare(mirror.store.dump(), mirror.desk.site.dump(), settings=JUDGE, now=NOW)
    assert (result.entities["customer"], result.entities["customer-group"]) == (40, 4)
    assert result.entities["order"] > 30
    assert result.fields_compared > 2_000


async def test_the_older_interface_agrees() -> None:
    mirror = Mirror(filled(4), **{"orders.api": "orders_v1"})
    await mirror.bring()
    judge = OracleSettings(
        kinds=PEOPLE | ORDERS,
        association_type_id=SUB_ACCOUNT,
        orders_api="orders_v1",
        invoice_url=JUDGE.invoice_url,
        payment_methods=JUDGE.payment_methods,
    )
    assert mirror.differences(judge) == []


async def test_each_edit_that_sparklayer_never_heard_of_is_noticed() -> None:
    mirror = Mirror(filled(7))
    await mirror.bring()
    store = mirror.store
    site: Any = mirror.desk.site.dump()
    first = next(row for row in store.dump()["customers"] if not row["is_inactive"] and not row["no_account"])
    book = next(row for row in store.dump()["addresses"] if row["country"] != "Atlantis")
    sent = {row["purchase_identifiers"]["platform"] for row in site["purchases"]}
    order = next(row for row in store.dump()["orders"] if row["order_status_id"] == 1 and str(row["id"]) in sent)
    line = next(row for row in store.dump()["order_items"] if row["order_id"] == order["id"])
    for table, id_, fields in (
        ("customers", first["id"], {"company": "Else Inc"}),
        ("customers", first["id"], {"email": "else@x.example"}),
        ("addresses", book["id"], {"city": "Elsewhere"}),
        ("orders", order["id"], {"order_status_id": 4}),
        ("orders", order["id"], {"shipping_total": 99}),
        ("order_items", line["id"], {"quantity": 77}),
    ):
        before = store.get(table, id_) or {}
        store.update(table, id_, touch=False, **fields)
        assert differences(store.dump(), site, settings=JUDGE, now=NOW), (table, fields)
        store.update(table, id_, touch=False, **{name: before[name] for name in fields})
    assert differences(store.dump(), site, settings=JUDGE, now=NOW) == []
