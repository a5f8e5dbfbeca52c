"""The main job with real processes, over each broker and database."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from connector.demo.oracle import Excuse
from tests.acceptance.agreement import differences, expect_agreement
from tests.acceptance.system import ADMIN_TOKEN, SECRET, SECRET_KEY, TOKEN, System, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def writes(system: System) -> int:
    return int(system.layer("GET", "stats")["writes"])


def rows(system: System, resource: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = system.pay("GET", "state")[resource]
    return found


def test_a_catalogue_reaches_sparklayer_and_follows_its_changes(system: System) -> None:
    system.sandboxes(products=60)
    system.connect(sync=False)
    system.service()
    report = system.json("sync", "acme", "--full", "--wait")
    assert report["state"] == "done"
    assert report["read"] >= 60
    assert report["published"] == report["applied"] + report["unchanged"] + report["rejected"]
    assert report["calls"]["sparkpay"] > 0
    assert report["calls"]["sparklayer"] > 0
    expect_agreement(system)

    before = writes(system)
    again = system.json("sync", "acme", "--full", "--wait")
    assert again["applied"] == 0
    assert writes(system) == before, "a second full sync with nothing changed writes nothing"

    plain = [row for row in rows(system, "products") if row["item_number"] and not row["use_variant_inventory"]]
    first, second, third, fourth = plain[:4]
    system.edit("update", "products", first["id"], item_name="Ürün — 改名 🪛", price="123.4567")
    system.edit("update", "products", second["id"], touch=False, quantity_on_hand=4711)
    system.edit("update", "products", third["id"], is_hidden=1)
    system.edit("delete", "products", fourth["id"])
    assert system.json("sync", "acme", "--wait")["state"] == "done"
    expect_agreement(system)
    assert system.json("dlq", "list") == []


def test_what_is_refused_can_be_mended_and_replayed(system: System) -> None:
    system.sandboxes(products=20)
    status = rows(system, "product_statuses")[0]["id"]
    category = rows(system, "categories")[0]["id"]
    common = {"product_status_id": status, "primary_category_id": category, "quantity_on_hand": 3}
    bare = system.edit("insert", "products", item_name="No Number", item_number="", price="5.00", **common)
    system.edit("insert", "products", item_name="Dear", item_number="DEAR-1", price="10000000.00", **common)
    holder = next(r for r in rows(system, "products") if r["item_number"] and not r["use_variant_inventory"])
    copy = system.edit(
        "insert", "products", item_name="Copy", item_number=holder["item_number"], price="5.00", **common
    )
    system.connect(sync=False)
    system.service()
    assert system.json("sync", "acme", "--full", "--wait")["state"] == "done"

    letters = {letter["key"]: letter for letter in system.json("dlq", "list")}
    assert letters[f"sparkpay:{bare['id']}"]["code"] == "sku_missing"
    assert letters[f"sparkpay:{copy['id']}"]["code"] == "sku_duplicate"
    assert letters["DEAR-1"]["status"] == 400
    assert len(letters) == 3
    assert {letter["state"] for letter in letters.values()} == {"new"}
    assert len(system.json("dlq", "list", "--code", "sku_missing")) == 1
    assert len(system.json("dlq", "list", "--grep", "dear-1")) == 1
    assert system.json("dlq", "list", "--status", "422") == []

    id_ = letters["DEAR-1"]["id"]
    event = json.loads(system.json("dlq", "show", id_)["value"])
    for price_list in event["data"]["lists"]:
        price_list["rows"] = [{"from_quantity": 1, "amount": "99.90"}]
    mended = system.folder / "mended.json"
    mended.write_text(json.dumps(event))
    system.command("dlq", "edit", id_, "--file", str(mended))
    tried = system.json("dlq", "replay", id_, "--dry-run")
    names = ("selected", "sent", "superseded", "skipped", "dry_run")
    assert [tried[name] for name in names] == [1, 0, 0, 0, True]
    assert system.json("dlq", "replay", id_)["sent"] == 1
    until("the replayed price is applied", lambda: system.json("dlq", "list", "--state", "replayed"))
    lists = system.layer("GET", "state")["price_lists"]
    amounts = {row["slug"]: ((1, Decimal("99.90")),) for row in lists}
    expect_agreement(system, {"price:DEAR-1": Excuse("edited and replayed", amounts)})

    system.command("dlq", "discard", "--code", "sku_duplicate")
    assert [letter["key"] for letter in system.json("dlq", "list", "--state", "new")] == [f"sparkpay:{bare['id']}"]

    # The merchant mends the other one at the source: the old letter is overtaken, and a replay leaves it alone.
    system.edit("update", "products", bare["id"], item_number="NOW-IT-HAS-ONE")
    assert system.json("sync", "acme", "--wait")["state"] == "done"
    stale = system.json("dlq", "list", "--code", "sku_missing")[0]
    assert stale["state"] == "superseded"
    assert system.json("dlq", "replay", stale["id"])["sent"] == 0
    expect_agreement(system, {"price:DEAR-1": Excuse("edited and replayed", amounts)})


def test_kills_in_the_middle_lose_nothing(system: System) -> None:
    system.sandboxes(products=120)
    system.connect()
    for number in range(3):
        system.start(f"killed{number}", "run")
        wanted = 25 * (number + 1)
        until(
            f"{wanted} products are there",
            lambda wanted=wanted: len(system.layer("GET", "state")["products"]) >= wanted,
            seconds=90,
        )
        system.kill(f"killed{number}")
    plain = [row for row in rows(system, "products") if row["item_number"] and not row["use_variant_inventory"]]
    for row in plain[:10]:
        system.edit("update", "products", row["id"], price="77.70")
    system.service()
    until("the sync is over", lambda: system.json("status", "acme")["connections"][0]["sync"]["state"] == "done", 120)
    system.json("sync", "acme", "--wait")
    expect_agreement(system)
    assert system.end("service") == 0


def test_another_service_publishes_stock_with_a_plain_client(system: System) -> None:
    system.sandboxes(products=10)
    system.connect("flow.stock=to_sparklayer")
    system.service()
    system.json("sync", "acme", "--full", "--wait")
    sku = next(
        r["item_number"] for r in rows(system, "products") if r["item_number"] and not r["use_variant_inventory"]
    )
    soon = datetime.now(UTC) + timedelta(hours=1)
    event = {
        "specversion": "1.0", "id": "wms-1", "source": "wms", "type": "paylayer.stock.changed.v1",
        "time": soon.isoformat(), "connection": "acme", "data": {"sku": sku, "levels": [{"level": 321}]},
    }  # fmt: skip
    producer = Producer({"bootstrap.servers": system.bootstrap})
    producer.produce(f"{system.prefix}.stock", json.dumps(event).encode(), f"acme/{sku}".encode())
    assert producer.flush(20) == 0

    def level() -> bool:
        found = system.layer("GET", "state")["stock"].get(sku, {}).get("default", {})
        return bool(found) and int(found["stock_level"]) == 321

    until("SparkLayer has the level that the warehouse published", level)
    assert any("stock" in text for text in differences(system)), "the store still has its own level"


def test_the_service_tells_how_it_is_and_keeps_its_secrets(system: System) -> None:
    system.sandboxes(products=5)
    system.connect()
    system.service()
    system.json("sync", "acme", "--full", "--wait")
    base = f"http://127.0.0.1:{system.http_port}"
    assert httpx.get(f"{base}/health/live").json() == {"ok": True, "problems": []}
    metrics = httpx.get(f"{base}/metrics").text
    assert 'paylayer_applied_rows_total{connection="acme"' in metrics
    assert 'paylayer_inbox_rows{connection="acme"' in metrics
    assert httpx.get(f"{base}/api/status").status_code == 401
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    (status,) = httpx.get(f"{base}/api/status", headers=headers).json()["connections"]
    assert status["sides"]["sparklayer"]["applied"] > 0
    assert status["sides"]["sparklayer"]["paused"] is None
    assert status["budget"]["limit"] == 50
    assert "SparkLayer" in system.command("status", "acme")
    shown = system.command("connections", "show", "acme")
    assert all(finding["ok"] for finding in system.json("connections", "check", "acme"))
    everything = shown + metrics + system.log("service") + system.command("connections", "list")
    for secret in (TOKEN, SECRET, SECRET_KEY, ADMIN_TOKEN):
        assert secret not in everything
    stored = b"".join(path.read_bytes() for path in system.folder.glob("state.sqlite3*"))
    for secret in (TOKEN, SECRET):
        assert secret.encode() not in stored


def test_revoked_credentials_pause_the_side_and_nothing_is_lost(system: System) -> None:
    system.sandboxes(products=15)
    system.connect()
    system.service()
    system.json("sync", "acme", "--full", "--wait")
    system.layer("POST", "revoke", {"keys": True})
    row = next(r for r in rows(system, "products") if r["item_number"] and not r["use_variant_inventory"])
    system.edit("update", "products", row["id"], price="55.55", item_name="While Nobody Listened")

    def paused() -> Any:
        return system.json("status", "acme")["connections"][0]["sides"]["sparklayer"]["paused"]

    reason = until("the side pauses", paused)
    assert "resume" in reason
    assert system.json("dlq", "list") == []
    system.layer("POST", "revoke", {"keys": False})
    system.command("connections", "resume", "acme")
    expect_agreement(system)
