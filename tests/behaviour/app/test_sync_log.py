"""What the merchant sees in SparkLayer's dashboard: problems with links, full syncs, the last update; nothing twice."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from connector.app.core import Core, open_core
from connector.app.platforms import Platforms
from connector.app.removal import Removal
from connector.app.status import statuses
from connector.app.sync_log_keeping import AFTER_REFUSAL, LATEST_SECONDS, SyncLogKeeper, clear_sync_log_once, told_of
from connector.clock import SteppedClock
from connector.engine.metrics import Metrics
from connector.engine.usage import CallMeter
from connector.errors import PayLayerError
from connector.ports import Unmapped
from connector.sandbox import sparklayer as layer
from connector.settings import ConnectionSettings, Settings
from connector.state.claims import Claim
from connector.state.connections import Connection, SparkLayerAccess, SparkPayAccess
from connector.state.inbox import Arrival, SetApplied, SetRejected
from connector.state.links import Link, Links
from connector.state.problems import Problem
from connector.state.unmapped import UnmappedEntities
from tests.behaviour.state.arrivals import arrival

KEY = "sync-log-tests-only-0123456789-0123456789"
LOGS = "/api/v1/sync-log*"
ADMIN = "https://shop.example/store/admin"


class Stage:
    """One connection, a simulated site, and the keeper of its log."""

    def __init__(self, core: Core, clock: SteppedClock, connection: Connection) -> None:
        self.core, self.clock, self.connection = core, clock, connection
        self.site = layer.SparkLayerSite(clock=clock.now)
        policy = layer.SitePolicy(site_id="acme", client_id="client", client_secret="site-secret")
        self.app = layer.create_app(self.site, policy, sleep=clock.sleep)
        self.sent: list[tuple[str, str]] = []
        self.platforms = Platforms(core, CallMeter(core.usage, Metrics()), self.wire)
        self.keeper = self.restarted()
        self.unmapped = UnmappedEntities(core.database, clock, "acme", "sparkpay")

    def wire(self, _url: str) -> httpx.AsyncBaseTransport:
        inner, sent = httpx.ASGITransport(self.app), self.sent

        class Counted(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if "sync-log" in request.url.path:
                    sent.append((request.method, request.url.path.rpartition("/")[2]))
                return await inner.handle_async_request(request)

        return Counted()

    def restarted(self) -> SyncLogKeeper:
        return SyncLogKeeper(self.core, self.connection, self.platforms)

    async def step(self, seconds: float = 60) -> list[tuple[str, str]]:
        """Let so many seconds pass and look; the calls that this took."""
        self.clock.advance(seconds)
        self.sent.clear()
        await self.keeper.step()
        return list(self.sent)

    def log(self, data_type: str = "products") -> dict[str, Any]:
        return dict(self.site.sync_log["sparkpay", data_type])

    def errors(self, data_type: str = "products") -> dict[str, str]:
        return {error["external_id"]: error["message"] for error in self.log(data_type)["errors"]}

    async def apply(self, *arrivals: Arrival, skips: tuple[Problem, ...] = ()) -> None:
        await self.core.inbox.put(arrivals)
        for entity in {one.entity for one in arrivals}:
            rows = await self.core.inbox.due("acme", "sparklayer", entity, 100, self.clock.now())
            await self.core.inbox.settle([SetApplied(row, "h", skips=skips) for row in rows])
            self.core.last_writes.note("acme", "sparklayer", entity)
        await self.core.last_writes.save()

    async def refuse(self, *arrivals: Arrival, message: str = "no") -> None:
        await self.core.inbox.put(arrivals)
        for one in arrivals:
            rows = await self.core.inbox.due("acme", one.side, one.entity, 100, self.clock.now())
            await self.core.inbox.settle([SetRejected(row, 400, "bad", message) for row in rows if row.key == one.key])

    def refuse_calls(self, status: int, times: int | None = None) -> None:
        self.app.state.faults.add(layer.FaultRule("status", path=LOGS, times=times, status=status))

    def heal(self) -> None:
        self.app.state.faults.clear()


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock = SteppedClock()
    settings = Settings(database_url=database_url, secret_key=SecretStr(KEY))
    async with open_core(settings, clock) as core:
        added = await core.connections.add(
            "acme",
            SparkPayAccess("https://shop.example", "store-token"),
            SparkLayerAccess("http://layer", "acme", "test", "client", "site-secret"),
            ConnectionSettings(),
        )
        yield Stage(core, clock, added)


async def test_nothing_is_told_where_there_is_nothing_to_tell(stage: Stage) -> None:
    assert await stage.step() == []
    assert stage.site.sync_log == {}


async def test_a_problem_is_told_with_its_id_and_link_until_it_is_mended(stage: Stage) -> None:
    no_sku = Problem("sku_missing", "variant 7 has no SKU", "7")
    await stage.apply(arrival("sparkpay:18"), skips=(no_sku,))
    assert await stage.step() == [("PUT", "products"), ("PATCH", "products")]
    (error,) = stage.log()["errors"]
    assert error == {
        "external_id": "18",
        "visible_id": "18",
        "external_url": f"{ADMIN}/products/productedit/general.aspx?ID=18",
        "code": "sku_missing",
        "message": "variant 7 has no SKU",
    }
    assert stage.log()["last_partial_sync"] == "2026-01-01T00:00:00Z"
    assert await stage.step() == [], "nothing is told twice"
    stage.keeper = stage.restarted()
    assert await stage.step() == [], "nor after a restart"
    await stage.apply(arrival("sparkpay:18", 2))
    assert await stage.step() == [("PUT", "products"), ("PATCH", "products")]
    assert stage.log()["errors"] == []


async def test_prices_and_stock_are_told_of_their_product_in_one_entry(stage: Stage) -> None:
    await stage.core.claims.replace("acme", "source:sparkpay", "sparkpay:18", [Claim("ROPE", "v", "observed")])
    await stage.refuse(arrival("ROPE", entity="price"), arrival("ROPE", entity="stock"), message="unknown list")
    await stage.refuse(arrival("sparkpay:18"), message="the slug is taken")
    await stage.refuse(arrival("NOBODYS", entity="stock"))
    await stage.step()
    assert stage.errors() == {
        "18": "the slug is taken; price of ROPE: unknown list; stock of ROPE: unknown list",
        "stock:NOBODYS": "no",
    }


async def test_notes_give_way_to_problems(stage: Stage) -> None:
    await stage.apply(arrival("sparkpay:1"), skips=(Problem("truncated", "the title was cut", "title", note=True),))
    await stage.apply(
        arrival("sparkpay:2"),
        skips=(Problem("a_note", "noted", note=True), Problem("sku_missing", "variant 7 has no SKU", "7")),
    )
    await stage.step()
    assert [(error["external_id"], error["code"]) for error in stage.log()["errors"]] == [
        ("2", "sku_missing"),
        ("1", "truncated"),
    ]
    assert stage.errors()["2"] == "variant 7 has no SKU; noted"
    (status,) = await statuses(stage.core)
    assert status.problems == 1


async def test_customers_and_orders_have_their_own_links(stage: Stage) -> None:
    await Links(stage.core.database).learn([Link("acme", "order", "sparkpay:100020", "sparklayer:cart-1")])
    skip = Problem("address_line1_missing", "an address has no first line", "a1")
    await stage.apply(arrival("sparkpay:77", entity="customer"), skips=(skip,))
    await stage.refuse(arrival("sparklayer:cart-1", entity="order", side="sparkpay"), message="out of stock")
    stage.unmapped.found(Unmapped("order", "sparkpay:5", "total_missing", "it has no total"))
    await stage.unmapped.save()
    with capture_logs() as logs:
        await stage.step()
        await stage.step()
    assert [line["log_level"] for line in logs] == ["info"]
    (status,) = await statuses(stage.core)
    assert set(status.sync_log) == {"products", "customers"}
    told = {error["external_id"]: error.get("external_url") for error in stage.log("customers")["errors"]}
    assert told == {
        "77": f"{ADMIN}/customers/CustomerEdit.aspx?ID=77",
        "order:100020": f"{ADMIN}/accounting/OrderEdit.aspx?OrderID=100020",
        "order:5": f"{ADMIN}/accounting/OrderEdit.aspx?OrderID=5",
    }, "SparkLayer knows no log of orders: they are where the buyer is"
    assert ("PUT", "orders") not in await stage.step(3600), "and it is not asked again"


async def test_orders_have_a_log_of_their_own_where_sparklayer_takes_it(stage: Stage) -> None:
    policy = layer.SitePolicy(
        site_id="acme", client_id="client", client_secret="site-secret",
        sync_log_types=frozenset({"products", "customers", "orders"}),
    )  # fmt: skip
    stage.app = layer.create_app(stage.site, policy, sleep=stage.clock.sleep)
    stage.unmapped.found(Unmapped("order", "sparkpay:5", "total_missing", "it has no total"))
    await stage.unmapped.save()
    assert await stage.step() == [("PUT", "orders")]
    assert stage.errors("orders") == {"5": "it has no total"}


async def test_full_syncs_are_told_from_their_start_to_their_end(stage: Stage) -> None:
    run = await stage.core.runs.request("acme", entities=(), full=True, requested_by="test")
    assert await stage.step() == []
    await stage.core.runs.start(run.id)
    await stage.step()
    began = stage.log()["started_full_sync"]
    assert (began, stage.log()["last_full_sync"]) == ("2026-01-01T00:01:00Z", None)
    stage.clock.advance(100)
    await stage.core.runs.finish(run.id)
    await stage.step()
    for data_type in ("products", "customers"):
        told = stage.log(data_type)
        assert (told["started_full_sync"], told["last_full_sync"]) == (began, "2026-01-01T00:03:40Z")
        assert told["last_full_sync_succeeded"] is True
    stage.clock.advance(100)
    some = await stage.core.runs.request("acme", entities=("customer",), full=True, requested_by="test")
    await stage.core.runs.start(some.id)
    await stage.core.runs.fail(some.id, "the token was refused")
    assert await stage.step() == [("PUT", "customers")]
    told = stage.log("customers")
    assert (told["last_full_sync_succeeded"], told["started_full_sync"] > began) == (False, True)


async def test_reports_are_gathered(stage: Stage) -> None:
    await stage.refuse(arrival("sparkpay:1"))
    assert await stage.step(0) == [("PUT", "products")]
    await stage.refuse(arrival("sparkpay:2"))
    assert await stage.step(30) == []
    await stage.refuse(arrival("sparkpay:3"))
    assert await stage.step(30) == [("PUT", "products")]
    assert set(stage.errors()) == {"1", "2", "3"}


async def test_an_update_alone_is_told_seldom(stage: Stage) -> None:
    await stage.apply(arrival("sparkpay:1"))
    assert await stage.step() == [("PUT", "products"), ("PATCH", "products")]
    calls = []
    for version in range(2, 32):
        await stage.apply(arrival("sparkpay:1", version))
        calls += await stage.step()
    assert calls == [("PATCH", "products")] * 2, "two in half an hour of an update each minute"
    assert stage.log()["last_partial_sync"] == "2026-01-01T00:30:00Z"


async def test_it_waits_for_a_moment_without_writes(stage: Stage) -> None:
    await stage.refuse(arrival("sparkpay:1"))
    await stage.core.inbox.put([arrival("sparkpay:2")])
    assert await stage.step() == []
    assert await stage.step(5) == []
    rows = await stage.core.inbox.due("acme", "sparklayer", "product", 10, stage.clock.now())
    await stage.core.inbox.settle([SetApplied(row, "h") for row in rows])
    assert await stage.step(5) == [("PUT", "products")]
    await stage.refuse(arrival("sparkpay:3"))
    await stage.core.inbox.put([arrival("sparkpay:4")])
    assert await stage.step() == []
    assert await stage.step(LATEST_SECONDS) == [("PUT", "products")], "a first sync may take hours"


async def test_a_refusal_stops_nothing_and_is_said_once(stage: Stage) -> None:
    await stage.refuse(arrival("sparkpay:1"))
    stage.refuse_calls(403)
    with capture_logs() as logs:
        assert await stage.step() == [("PUT", "products")]
        assert await stage.step() == []
        stage.keeper = stage.restarted()
        assert await stage.step() == []
        assert await stage.step(AFTER_REFUSAL.total_seconds()) == [("PUT", "products")]
    assert [line["event"] for line in logs] == ["sync_log_not_told"]
    assert await stage.core.pauses.paused("acme") == {}
    (status,) = await statuses(stage.core)
    assert "403" in str(status.sync_log["products"].refused)
    stage.heal()
    assert await stage.step(AFTER_REFUSAL.total_seconds()) == [("PUT", "products")]
    (status,) = await statuses(stage.core)
    assert (status.problems, status.sync_log["products"].refused) == (1, None)
    assert status.sync_log["products"].told_at is not None


async def test_a_site_without_partial_reports_gets_the_others(stage: Stage) -> None:
    await stage.apply(arrival("sparkpay:1"))
    stage.app.state.faults.add(layer.FaultRule("status", path=LOGS, status=400, method="PATCH"))
    assert await stage.step() == [("PUT", "products"), ("PATCH", "products")]
    stage.heal()
    await stage.refuse(arrival("sparkpay:2"))
    assert await stage.step() == [("PUT", "products")], "it is not asked for hours"


async def test_a_site_that_is_away_is_tried_again(stage: Stage) -> None:
    await stage.refuse(arrival("sparkpay:1"))
    stage.refuse_calls(503)
    assert await stage.step() == [("PUT", "products")]
    stage.heal()
    assert await stage.step(299) == []
    assert await stage.step(1) == [("PUT", "products")]


async def test_a_side_that_stands_still_is_not_called(stage: Stage) -> None:
    await stage.refuse(arrival("sparkpay:1"))
    await stage.core.pauses.pause("acme", "sparklayer", "keys refused", kind="credentials")
    assert await stage.step() == []


async def test_more_problems_than_the_log_takes(stage: Stage) -> None:
    many = [Unmapped("product", f"sparkpay:{number}", "bad", "x" * 40) for number in range(6000)]
    for one in many:
        stage.unmapped.found(one)
    await stage.unmapped.save()
    await stage.step()
    assert len(stage.log()["errors"]) == 5000


async def test_a_kind_that_goes_nowhere_is_not_reported(stage: Stage) -> None:
    off = stage.connection.settings.with_values(
        {"flow.customer": "off", "flow.customer_group": "off", "flow.order": "off"}
    )
    stage.connection = await stage.core.connections.update("acme", settings=off)
    stage.keeper = stage.restarted()
    run = await stage.core.runs.request("acme", entities=(), full=True, requested_by="test")
    await stage.core.runs.start(run.id)
    await stage.step()
    assert list(stage.site.sync_log) == [("sparkpay", "products")]
    silent = stage.connection.settings.with_values({"sync_log.data_types": "[]"})
    stage.connection = await stage.core.connections.update("acme", settings=silent)
    stage.keeper = stage.restarted()
    await stage.refuse(arrival("sparkpay:1"))
    assert await stage.step() == []


async def test_removal_clears_our_log_alone(stage: Stage) -> None:
    stage.site.sync_log["shopify", "products"] = {"errors": [{"external_id": "9"}]}
    await stage.refuse(arrival("sparkpay:1"))
    await stage.step()
    await Removal(stage.core, stage.platforms).connection(stage.connection)
    assert stage.log()["errors"] == []
    assert stage.site.sync_log["shopify", "products"]["errors"] != []
    assert await stage.step() == [], "a keeper that has not heard of it tells nothing any more"
    assert stage.log()["errors"] == []


async def test_removal_deletes_the_site_s_logs_where_that_is_wanted(stage: Stage) -> None:
    chosen = stage.connection.settings.with_values({"sync_log.delete_on_remove": "true"})
    stage.connection = await stage.core.connections.update("acme", settings=chosen)
    stage.site.sync_log["shopify", "products"] = {"errors": []}
    await Removal(stage.core, stage.platforms).connection(stage.connection)
    assert stage.site.sync_log == {}


async def test_a_command_that_removes_it_clears_what_was_told(stage: Stage) -> None:
    await clear_sync_log_once(stage.core, stage.connection, stage.wire)
    assert stage.sent == [], "nothing was told"
    await stage.refuse(arrival("sparkpay:1"))
    await stage.step()
    await clear_sync_log_once(stage.core, stage.connection, stage.wire)
    assert stage.log()["errors"] == []
    stage.refuse_calls(500)
    with pytest.raises(PayLayerError):
        await clear_sync_log_once(stage.core, stage.connection, stage.wire)


async def test_the_loop_begins_at_a_moment_of_its_own(stage: Stage) -> None:
    await stage.refuse(arrival("sparkpay:1"))
    waits: list[float] = []

    class Enough(Exception):
        pass

    class Counting(SteppedClock):
        async def sleep(self, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                raise Enough

    object.__setattr__(stage.core, "clock", Counting())
    with pytest.raises(Enough):
        await stage.keeper.run()
    assert 0 <= waits[0] <= 60
    assert waits[1:] == [60, 60]
    assert (await told_of(stage.core, "acme"))["products"].told_at is not None
    assert timedelta(hours=1) < AFTER_REFUSAL
