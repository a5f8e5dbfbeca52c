from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connector.engine.metrics import Metrics
from tests.unit.web.conftest import FakeIntake, Mover, Site


def put(site: Site, *, intake: Any = None, applier: Any = None, supervisor: Any = None) -> None:
    if intake is not None:
        site.service.intakes["sparklayer"] = intake
    if applier is not None:
        site.service.appliers["acme", "sparklayer"] = applier
    site.service.supervisor = supervisor


async def test_a_service_that_moves_is_live_and_ready(site: Site) -> None:
    put(site, intake=FakeIntake(), applier=Mover(), supervisor=Mover())
    for path in ("live", "ready"):
        answer = await site.http.get(f"/health/{path}")
        assert (answer.status_code, answer.json()) == (200, {"ok": True, "problems": []})


@pytest.mark.parametrize(
    ("intake", "told"),
    [
        (FakeIntake(running=False), "intake sparklayer does not move"),
        (FakeIntake(tick_age=31), "last tick 31 s ago"),
        (FakeIntake(unfinished=301), "oldest unfinished record 301 s"),
    ],
)
async def test_a_consumer_that_does_not_move_is_not_live(site: Site, intake: FakeIntake, told: str) -> None:
    put(site, intake=intake)
    answer = await site.http.get("/health/live")
    assert answer.status_code == 503
    assert told in answer.json()["problems"][0]


@pytest.mark.parametrize(
    ("worker", "seconds"),
    [("applier", 300), ("supervisor", 60), ("producer", 900)],
)
async def test_a_worker_that_does_not_move_is_not_live(site: Site, worker: str, seconds: int) -> None:
    if worker == "producer":
        mover: Any = Mover()
        site.service.producers["acme", "sparkpay"] = mover
        put(site)
    else:
        put(site, **{worker: Mover()})
    site.clock.advance(seconds - 1)
    assert (await site.http.get("/health/live")).status_code == 200
    site.clock.advance(2)
    answer = await site.http.get("/health/live")
    assert answer.status_code == 503
    name = {
        "supervisor": "supervisor",
        "producer": "producer sparkpay of acme",
        "applier": "applier sparklayer of acme",
    }[worker]
    assert answer.json()["problems"] == [f"{name} has not moved for {seconds + 1} s"]


async def test_a_consumer_without_partitions_or_with_a_fault_is_live_but_not_ready(site: Site) -> None:
    for intake, told in (
        (FakeIntake(assigned=0), "intake sparklayer is not ready: no partitions yet"),
        (FakeIntake(failing="the database is away"), "intake sparklayer is not ready: the database is away"),
    ):
        put(site, intake=intake)
        assert (await site.http.get("/health/live")).status_code == 200
        answer = await site.http.get("/health/ready")
        assert (answer.status_code, answer.json()["problems"]) == (503, [told])


async def test_metrics_are_readable_and_show_the_state(site: Site) -> None:
    put(site, intake=FakeIntake(lag={("paylayer.stock", 3): 7, ("paylayer.stock", 4): None}))
    await site.core.pauses.pause("acme", "sparklayer", "wrong keys")
    site.service.metrics.outcome("acme", "sparklayer", "stock", "applied")
    answer = await site.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    side = (("connection", "acme"), ("side", "sparklayer"))
    assert found["paylayer_build_info", (("version", version("paylayer")),)] == 1
    assert found["paylayer_side_paused", side] == 1
    assert found["paylayer_budget_used_calls", (("connection", "acme"),)] == 0
    lag = (("partition", "3"), ("side", "sparklayer"), ("topic", "paylayer.stock"))
    assert found["paylayer_consumer_lag", lag] == 7
    outcome = (("connection", "acme"), ("entity", "stock"), ("outcome", "applied"), ("side", "sparklayer"))
    assert found["paylayer_applied_rows_total", outcome] == 1
    await site.core.pauses.resume("acme", "sparklayer")
    assert 'paylayer_side_paused{connection="acme",side="sparklayer"} 0.0' in (await site.http.get("/metrics")).text


def test_every_metric_is_in_the_manual_and_the_other_way_round() -> None:
    text = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    documented = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `paylayer_")}
    suffix = {"counter": "_total", "info": "_info"}
    made = {family.name + suffix.get(family.type, "") for family in Metrics().registry.collect()}
    assert documented == made
