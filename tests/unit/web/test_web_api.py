"""/api: what the commands show and do."""

from typing import Any

import pytest

from connector.ports import Unmapped
from connector.state.unmapped import UnmappedEntities
from tests.unit.web.conftest import Site


async def test_status_and_connections_are_told(site: Site) -> None:
    await site.core.workers.register("w-1", ["web"], "host", 7)
    told = await site.call("GET", "/status")
    (status,) = told["connections"]
    assert (status["id"], status["state"], status["sync"]) == ("acme", "active", None)
    assert status["budget"] == {"limit": 50, "used": 0, "window_seconds": 10.0}
    assert [worker["id"] for worker in told["workers"]] == ["w-1"]
    assert (await site.call("GET", "/status?connection=acme"))["connections"] == [status]
    (connection,) = await site.call("GET", "/connections")
    assert connection["site_id"] == "tools"
    assert connection["settings"]["flow"]["stock"] == "to_sparklayer"


async def test_a_connection_is_paused_and_resumed_whoever_paused_it(site: Site) -> None:
    assert await site.call("POST", "/connections/acme/pause") == {"id": "acme", "state": "paused"}
    assert (await site.core.connections.get("acme")).state == "paused"
    await site.core.pauses.pause("acme", "sparklayer", "keys")
    assert await site.call("POST", "/connections/acme/resume") == {"id": "acme", "state": "active"}
    assert await site.core.pauses.paused("acme") == {}


async def test_a_sync_is_asked_for_and_followed(site: Site) -> None:
    run = await site.call("POST", "/connections/acme/syncs", 202, json={"full": True, "entities": ["price"]})
    assert (run["state"], run["full"], run["entities"]) == ("requested", True, ["price"])
    assert await site.call("GET", f"/syncs/{run['id']}") == run
    asked = await site.core.runs.next_requested("acme")
    assert asked is not None
    assert asked.requested_by == "api"


async def test_problems_are_listed(site: Site) -> None:
    assert await site.call("GET", "/problems?connection=acme") == []
    entities = UnmappedEntities(site.core.database, site.core.clock, "acme", "sparkpay")
    for number in (5, 6):
        entities.found(Unmapped("order", f"sparkpay:{number}", "total_missing", "it has no total"))
    await entities.save()
    (first, _) = await site.call("GET", "/problems?connection=acme")
    assert (first["trouble"], first["code"], first["key"]) == ("unmapped", "total_missing", "sparkpay:5")
    assert first["url"].endswith("/store/admin/accounting/OrderEdit.aspx?OrderID=5")
    assert await site.call("GET", "/problems?connection=acme&limit=1") == [first]
    assert (await site.call("GET", "/status"))["connections"][0]["problems"] == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "/status?connection=nope", None, (400, "there is no connection 'nope'")),
        ("POST", "/connections/nope/pause", None, (400, "there is no connection 'nope'")),
        ("POST", "/connections/nope/resume", None, (400, "there is no connection 'nope'")),
        ("POST", "/connections/nope/syncs", {}, (400, "there is no connection 'nope'")),
        ("GET", "/problems?connection=nope", None, (400, "there is no connection 'nope'")),
        ("GET", "/problems", None, (422, "query.connection: Field required")),
        ("GET", "/problems?connection=acme&limit=0", None, (422, "query.limit: Input should be greater")),
        ("GET", "/syncs/nope", None, (400, "there is no sync run 'nope'")),
        ("POST", "/connections/acme/syncs", {"entities": ["orders"]}, (422, "write product, price, stock")),
        ("POST", "/connections/acme/syncs", {"ful": True}, (422, "body.ful: Extra inputs are not permitted")),
        ("GET", "/dead-letters/x", None, (400, "'x' is no letter id")),
        ("PUT", "/dead-letters/x/edit", {}, (400, "'x' is no letter id")),
        ("POST", "/dead-letters/search", {"side": "nowhere"}, (422, "write one of sparklayer, sparkpay")),
        ("POST", "/dead-letters/search", {"state": "old"}, (422, "write one of new, replayed")),
        ("POST", "/dead-letters/search?limit=5000", {}, (422, "query.limit: Input should be less")),
        ("POST", "/dead-letters/replay", {}, (400, "say which letters")),
        ("POST", "/dead-letters/replay", {"rate": 0, "code": "x"}, (422, "body.rate: Input should be greater")),
        ("POST", "/dead-letters/discard", {}, (400, "say which letters")),
        ("POST", "/dead-letters/discard", {"since": "yesterday"}, (422, "body.since: Input should")),
    ],
)  # fmt: skip
async def test_wrong_input_is_a_sentence(site: Site, method: str, path: str, body: Any, told: tuple[int, str]) -> None:
    code, sentence = told
    answer = await site.call(method, path, code, json=body)
    assert list(answer) == ["error"]
    assert sentence in answer["error"]


async def test_what_needs_the_broker_says_that_it_is_away(site: Site) -> None:
    for method, path, body in (("GET", "/topics", None), ("POST", "/dead-letters/search", {})):
        told = await site.call(method, path, 503, json=body)
        assert told["error"].startswith("Kafka at 127.0.0.1:9 cannot be reached")


async def test_a_body_that_is_no_json_is_told_without_repeating_it(site: Site) -> None:
    told = await site.call("POST", "/dead-letters/search", 422, content=b'{"code": "secret-in-body')
    assert "secret-in-body" not in told["error"]


async def test_one_side_and_stopped_partitions_are_resumed(site: Site) -> None:
    told = await site.call("POST", "/connections/acme/pause?side=sparklayer")
    assert told == {"id": "acme", "state": "active", "side": "sparklayer"}
    await site.core.pauses.pause("acme", "sparkpay", "token", kind="credentials")
    await site.core.stops.stopped("sparklayer", "paylayer.stock", 3, "a flood")
    status = await site.call("GET", "/status")
    sides = status["connections"][0]["sides"]
    assert [sides[side]["pause"]["kind"] for side in ("sparklayer", "sparkpay")] == ["by hand", "credentials"]
    assert [stop["partition"] for stop in status["stopped_partitions"]] == [3]
    shown = (await site.http.get("/metrics")).text
    assert 'paylayer_intake_stopped{partition="3",side="sparklayer",topic="paylayer.stock"} 1.0' in shown
    assert 'paylayer_side_paused_since_seconds{connection="acme",kind="by hand",side="sparklayer"}' in shown
    await site.call("POST", "/connections/acme/resume?side=sparkpay")
    assert set(await site.core.pauses.paused("acme")) == {"sparklayer"}
    assert await site.call("POST", "/topics/resume?side=sparklayer") == {"released": 1}
