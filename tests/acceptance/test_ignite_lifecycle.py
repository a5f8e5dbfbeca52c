"""SparkLayer connects a store by HTTP as it would: the process dies in the full sync, the site is removed in it."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connector.demo.oracle import CATALOGUE, ORDERS, PEOPLE, OracleSettings
from connector.state.tables import metadata
from tests.acceptance.agreement import expect_agreement
from tests.acceptance.system import SECRET, TOKEN, System, threading_pause, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

IGNITE_TOKEN = "ignite-token-90ce"
ROOT = "/v1/test/acme-tools"
CONNECTION = "acme-tools-test"
PRODUCTS, CUSTOMERS = 120, 60
SLOW = {"latency_ms": 120}
EVENTS = 9
JUDGE = OracleSettings(kinds=CATALOGUE | PEOPLE | ORDERS)


STILL_WRITTEN = {"leases", "platform_calls", "last_writes"}
"""What those write who still work in the moment of a removal, until they notice and sweep up."""


def prepare(system: System) -> None:
    """A store and a site, and a service that knows SparkLayer's credential; the site answers slowly."""
    system.extra = {
        "PAYLAYER_IGNITE_TOKEN": IGNITE_TOKEN,
        "PAYLAYER_PUBLIC_URL": f"http://127.0.0.1:{system.http_port}",
        "PAYLAYER_SPARKLAYER_TEST_URL": f"http://127.0.0.1:{system.layer_port}",
        "PAYLAYER_DEFAULT_B2B_CUSTOMER_TYPES": "all",
        "PAYLAYER_DEFAULT_CURRENCY": "USD",
    }
    system.sandboxes(products=PRODUCTS, customers=CUSTOMERS, limit=1000)
    system.layer("PUT", "policy", SLOW)
    system.command("topics", "create")
    system.service()


def ignite(system: System, method: str, path: str = "", **more: Any) -> httpx.Response:
    url = f"http://127.0.0.1:{system.http_port}{ROOT}{path}"
    return httpx.request(method, url, headers={"Authorization": f"Bearer {IGNITE_TOKEN}"}, timeout=20, **more)


def announce(system: System) -> httpx.Response:
    said = {"store_id": "acme", "spark_api_client_id": "client", "spark_api_client_secret": SECRET}
    return ignite(system, "POST", json=said)


def join(system: System) -> None:
    """In the Dashboard: SparkLayer announces the site, the merchant gives the store's token on the page."""
    answer = announce(system)
    assert answer.status_code == 201, answer.text
    page = httpx.URL(answer.json()["redirect_url"])
    assert httpx.get(page, timeout=20).status_code == 200
    store = f"http://127.0.0.1:{system.pay_port}"
    form = {"link": page.params["link"], "store": store, "token": TOKEN}
    done = httpx.post(page.copy_with(query=None), data=form, timeout=20)
    assert (done.status_code, "connected" in done.text) == (200, True), done.text
    assert announce(system).status_code == 204


def run(system: System) -> tuple[str, str, int]:
    """Id, state and progress of the one full sync that the connecting asked for."""
    rows = system.query(f"SELECT id, state, applied FROM sync_runs WHERE connection = '{CONNECTION}'")  # noqa: S608
    assert len(rows) == 1, rows
    return rows[0]


def wait_for_the_middle(system: System) -> None:
    """Part of it is there, and much is not."""
    until("the sync has begun", lambda: run(system)[2] > 20, 60, every=0.05)
    id_, state, applied = run(system)
    assert state in ("reading", "applying"), f"run {id_} is {state} with {applied} applied: it is too quick"


def webhooks(system: System) -> list[str]:
    return sorted(row["event_type"] for row in system.pay("GET", "state")["webhooks"])


def left_over(system: System) -> dict[str, int]:
    """By table, the rows that belong to the connection, its site or its store."""
    asked = {name: f"connection = '{CONNECTION}'" for name, table in metadata.tables.items() if "connection" in table.c}
    site = "site_id = 'acme-tools'"
    asked |= {"connections": site, "ignite_sites": site, "installed_stores": site, "oauth_handshakes": site}
    asked |= {"tokens": f"name LIKE '{CONNECTION}%'", "leases": f"name LIKE '%:{CONNECTION}'"}
    asked |= {"budgets": f"store LIKE '%:{system.pay_port}%'"}
    counts = {
        table: system.query(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]  # noqa: S608 - our own names
        for table, where in asked.items()
    }
    assert len(counts) > 20
    return {table: count for table, count in counts.items() if count}


def test_a_full_sync_goes_on_where_the_process_died(system: System) -> None:
    prepare(system)
    join(system)
    wait_for_the_middle(system)
    before = run(system)
    system.kill("service")
    system.service()
    system.layer("PUT", "policy", {"latency_ms": 0})
    until("the sync is done", lambda: run(system)[1] == "done", 120)
    assert run(system)[0] == before[0]
    assert run(system)[2] > before[2], "progress goes on from where it was"
    expect_agreement(system, judge=JUDGE)
    assert len(webhooks(system)) == EVENTS
    state = system.pay("GET", "state")
    settings = system.query("SELECT state FROM inbox WHERE side = 'sparklayer' AND entity = 'setting'")
    assert set(settings) == {("applied",)}, "the store's settings are synchronised as well"

    system.edit("delete", "webhooks", state["webhooks"][0]["id"])
    assert announce(system).status_code == 204
    until("the webhook is there again", lambda: len(webhooks(system)) == EVENTS)
    assert len(set(webhooks(system))) == EVENTS


def test_a_removal_in_the_middle_of_a_full_sync_leaves_nothing(system: System) -> None:
    prepare(system)
    join(system)
    until("webhooks are there", lambda: webhooks(system))
    wait_for_the_middle(system)
    assert at_once(lambda: ignite(system, "DELETE").status_code, 3) == [204, 204, 204]
    assert left_over(system).keys() <= STILL_WRITTEN
    assert ignite(system, "DELETE").status_code == 204
    threading_pause(12.0)  # longer than anybody takes to notice, and to sweep up after himself
    assert left_over(system) == {}
    assert webhooks(system) == []
    logs = system.layer("GET", "state")["sync_log"]
    assert all(log["last_full_sync"] is None and not log["errors"] for log in logs.values()), logs
    assert ignite(system, "POST", "/status/products").json()["error_code"] == "not-connected"
    assert SECRET not in system.log("service")

    system.layer("PUT", "policy", {"latency_ms": 0})
    join(system)
    until("the new sync is done", lambda: run(system)[1] == "done", 120)
    expect_agreement(system, judge=JUDGE)
    assert system.end("service") == 0
    assert "Traceback" not in system.log("service")


def at_once(work: Callable[[], int], times: int) -> list[int]:
    """What so many callers hear who call at the same moment."""
    heard: list[int] = []
    threads = [threading.Thread(target=lambda: heard.append(work())) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return heard
