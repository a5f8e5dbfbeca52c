"""State restored from topics and platforms: after the loss of the database, and from an old copy of it."""

from typing import Any

import pytest

from connector.demo.oracle import Excuse
from tests.acceptance.agreement import expect_agreement
from tests.acceptance.losing import back_up, lose_database, put_back
from tests.acceptance.system import System, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def writes(system: System) -> int:
    return int(system.layer("GET", "stats")["writes"])


def looks(system: System) -> int:
    return int(system.layer("GET", "stats")["by_route"].get("GET /api/v1/products/{id}", 0))


def plain_products(system: System) -> list[dict[str, Any]]:
    rows = system.pay("GET", "state")["products"]
    return [row for row in rows if row["item_number"] and not row["use_variant_inventory"]]


def with_refusals(system: System) -> dict[str, Any]:
    """A product without item number, one that is too dear, and a second one with the item number of another."""
    state = system.pay("GET", "state")
    common = {
        "product_status_id": state["product_statuses"][0]["id"],
        "primary_category_id": state["categories"][0]["id"],
        "quantity_on_hand": 3,
    }
    holder = plain_products(system)[-1]
    bare = system.edit("insert", "products", item_name="No Number", item_number="", price="5.00", **common)
    system.edit("insert", "products", item_name="Dear", item_number="DEAR-1", price="10000000.00", **common)
    copy = system.edit(
        "insert", "products", item_name="Copy", item_number=holder["item_number"], price="5.00", **common
    )
    return {"holder": holder, "bare": bare, "copy": copy, "common": common}


def main_job(system: System, products: int) -> dict[str, Any]:
    system.sandboxes(products=products)
    made = with_refusals(system)
    system.connect(sync=False)
    system.service()
    assert system.json("sync", "acme", "--full", "--wait")["state"] == "done"
    assert len(system.json("dlq", "list")) == 3
    return made


EXCUSED = {"price:DEAR-1": Excuse("refused")}


def site(system: System) -> Any:
    """Everything that the site has, times of change included: the same as before, nothing was written."""
    return system.layer("GET", "state")


def test_a_lost_database_is_restored_without_writing_what_is_there(system: System) -> None:
    made = main_job(system, 60)
    first, second, third, fourth = plain_products(system)[:4]
    system.edit("delete", "products", fourth["id"])
    assert system.json("sync", "acme", "--wait")["state"] == "done"
    system.quiet()
    assert system.end("service") == 0
    before = site(system)

    lose_database(system)
    system.connect(sync=False)
    system.edit("update", "products", first["id"], item_name="Renamed meanwhile", price="12.34")
    system.edit("update", "products", second["id"], touch=False, quantity_on_hand=4711)
    system.edit("delete", "products", third["id"])
    system.edit("insert", "products", item_name="New meanwhile", item_number="NEW-1", price="7.00", **made["common"])

    count = writes(system)
    (tried,) = system.json("rebuild", "--dry-run")
    assert (tried["state"], tried["written"]) == ("done", 0)
    assert [(each["entity"], each["key"]) for each in tried["differences"]] == [("price", "DEAR-1")], "what was refused"
    assert tried["unchanged"] + tried["rejected"] + tried["waiting"] + 1 == tried["rows"] > 60
    assert writes(system) == count
    assert system.json("status", "acme")["connections"][0]["sides"]["sparklayer"]["entities"] == {}

    # Killed while it looks, and run again: it goes on.
    system.layer("PUT", "policy", {"latency_ms": 200})
    system.start("rebuild", "rebuild")
    seen = looks(system)
    until("it has begun to look", lambda: looks(system) > seen + 8)
    system.kill("rebuild")
    system.layer("PUT", "policy", {"latency_ms": 0})
    (done,) = system.json("rebuild")
    assert (done["state"], done["written"]) == ("done", 0)
    assert site(system) == before, "what is there already is not written"
    assert writes(system) <= count + 2, "what was refused is tried once more"
    assert len(system.json("dlq", "list")) == 3, "and is not refused twice"
    products = len(before["products"]) + 3  # two that were refused, one that was deleted
    assert looks(system) <= seen + 2 * products, "one look at each product, and one more where it was interrupted"

    system.service()
    until("the sync that the rebuild asked for is done", lambda: synced(system), 120, every=0.5)
    expect_agreement(system, EXCUSED)
    stamps = {product["external_id"]: product["updated_at"] for product in before["products"]}
    touched = {p["external_id"] for p in site(system)["products"] if stamps.get(p["external_id"]) != p["updated_at"]}
    assert str(second["id"]) not in touched, "only its stock had changed"
    assert {str(first["id"]), str(third["id"])} < touched
    assert len(touched) == 3, "nothing else was written"

    count = writes(system)
    assert system.json("sync", "acme", "--full", "--wait")["applied"] == 0
    assert writes(system) == count
    assert system.end("service") == 0
    assert "is for a database that was lost" in system.command("rebuild", "acme", code=2)


def synced(system: System) -> bool:
    (status,) = system.json("status", "acme")["connections"]
    return status["sync"] is not None and status["sync"]["state"] == "done"


def test_an_old_copy_of_the_database_catches_up(system: System) -> None:
    main_job(system, 40)
    first, second, third, fourth = plain_products(system)[:4]
    copy = system.folder / "copy"
    back_up(system, copy)

    system.edit("update", "products", first["id"], item_name="After the copy", price="99.99")
    system.edit("update", "products", second["id"], touch=False, quantity_on_hand=12)
    system.edit("delete", "products", third["id"])
    assert system.json("sync", "acme", "--wait")["state"] == "done"
    system.quiet()
    expect_agreement(system, EXCUSED)
    assert system.end("service") == 0
    system.edit("update", "products", first["id"], item_name="While it was down")
    system.edit("update", "products", fourth["id"], item_name="Also while it was down")
    before, count = site(system), writes(system)

    put_back(system, copy)
    assert "--force" in system.command("rebuild", code=2)
    (done,) = system.json("rebuild", "--force")
    assert (done["state"], done["written"]) == ("done", 0)
    assert site(system) == before

    system.service()
    until("the sync that the rebuild asked for is done", lambda: synced(system), 120, every=0.5)
    expect_agreement(system, EXCUSED)
    stamps = {product["external_id"]: product["updated_at"] for product in before["products"]}
    touched = {p["external_id"] for p in site(system)["products"] if stamps[p["external_id"]] != p["updated_at"]}
    assert touched == {str(first["id"]), str(fourth["id"])}, "only what was changed meanwhile is written"
    assert writes(system) <= count + 4
