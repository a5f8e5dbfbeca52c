"""What a rebuild makes of the topics, over each kind of broker and database, against the SparkLayer sandbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connector.app.core import Core
from connector.app.rebuild import Rebuilt, rebuild
from connector.app.service import started
from connector.clock import SteppedClock
from connector.errors import UserFault
from connector.ports import Priority
from connector.sandbox.sparklayer import SitePolicy, SparkLayerSite, create_app
from connector.settings import ConnectionSettings
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from connector.state.inbox import Row
from connector.state.observations import SourceMemory
from contracts.entities import KINDS, Price, Product, Stock, StockLevel
from contracts.events import Event, changed, deleted
from tests.behaviour.app.letter_desk import LetterDesk

pytestmark = pytest.mark.timeout(300)

SIDE = "sparklayer"
START = datetime(2026, 1, 1, tzinfo=UTC)


def product(key: str, *skus: str, seconds: int = 0, source: str = "sparkpay", title: str = "Rope") -> Event:
    number = key.partition(":")[2]
    variants = [{"id": f"p-{number}-{at}", "sku": sku, "position": at} for at, sku in enumerate(skus, start=1)]
    entity = Product.model_validate({"key": key, "title": title, "slug": f"rope-{number}", "variants": variants})
    return changed(entity, connection="acme", source=source, time=START + timedelta(seconds=seconds))


def price(sku: str, amount: str, seconds: int = 0) -> Event:
    lists = [{"list": "base", "rows": [{"from_quantity": 1, "amount": amount}]}]
    entity = Price.model_validate({"sku": sku, "currency": "USD", "lists": lists})
    return changed(entity, connection="acme", source="sparkpay", time=START + timedelta(seconds=seconds))


def stock(sku: str, level: int, seconds: int = 0, source: str = "sparkpay", connection: str = "acme") -> Event:
    entity = Stock(sku=sku, levels=(StockLevel(level=level),))
    return changed(entity, connection=connection, source=source, time=START + timedelta(seconds=seconds))


@dataclass
class Joined:
    """A deployment whose one connection leads to a simulated site."""

    desk: LetterDesk
    core: Core
    site: SparkLayerSite
    app: Any

    def transport(self, _url: str) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(self.app)

    async def add(self) -> None:
        await self.core.connections.add(
            "acme",
            SparkPayAccess("http://store", "token"),
            SparkLayerAccess("http://site", "acme", "live", "id-1", "secret-1"),
            ConnectionSettings().with_values({"apply.linger_seconds": "0", "apply.sync_linger_seconds": "0"}),
        )

    async def lose(self) -> None:
        """Everything that the database holds of the connection."""
        await self.core.connections.remove("acme")
        await self.add()

    async def publish(self, *events: Event) -> None:
        await self.desk.publisher.publish(events, Priority.LIVE)

    async def apply(self) -> None:
        """A service runs until everything that was published is applied."""
        async with started(self.core, frozenset({"intake", "appliers"}), self.transport) as service:
            working = asyncio.create_task(service.run())
            await service.until_settled("acme")
            working.cancel()
            await asyncio.wait([working])

    async def rebuild(self, **options: Any) -> Rebuilt:
        (found,) = await rebuild(self.core, ["acme"], transport=self.transport, **options)
        return found

    async def rows(self) -> dict[tuple[str, str], Row]:
        async with self.core.database.read() as transaction:
            found = await transaction.exec_driver_sql("SELECT entity, key FROM inbox")
            names = [(row.entity, row.key) for row in found]
        return {
            (entity, key): row
            for entity in KINDS
            for key, row in (
                await self.core.inbox.wanted("acme", SIDE, entity, [key for of, key in names if of == entity])
            ).items()
        }

    @property
    def writes(self) -> int:
        return int(self.app.state.journal.writes)


@asynccontextmanager
async def joined_to(desk: LetterDesk) -> AsyncIterator[Joined]:
    site = SparkLayerSite(clock=desk.core.clock.now)
    app = create_app(site, SitePolicy(site_id="acme", client_id="id-1", client_secret="secret-1"))
    made = Joined(desk, desk.core, site, app)
    await made.add()
    yield made


@pytest.fixture
async def joined(desk: LetterDesk) -> AsyncIterator[Joined]:
    async with joined_to(desk) as made:
        yield made


async def test_the_state_after_a_rebuild_is_the_state_before(joined: Joined) -> None:
    await joined.publish(
        product("sparkpay:1", "A", "B"),
        product("sparkpay:2", "C"),
        price("A", "10.5"),
        stock("A", 5),
        stock("C", 7),
        stock("UNKNOWN", 1),
        product("sparkpay:2", "C", seconds=5, title="Newer"),
        deleted("stock", "C", connection="acme", source="sparkpay", time=START + timedelta(seconds=9)),
        product("sparkpay:3", "A", seconds=1, title="Copy"),
    )
    await joined.apply()
    # Of another service, keyed by its own number: it is about the product that has its item number.
    await joined.publish(product("pim:77", "C", seconds=20, source="pim", title="From the PIM"))
    # What nobody can read, what nobody wants, and what was there once.
    topic = joined.desk.names.of("stock")
    for key, value in ((b"acme/A", b"not json"), (b"acme/A", None)):
        await joined.desk.publisher.send_record(topic, key, value, [])
    await joined.publish(stock("A", 99, seconds=99, connection="gone"))
    await joined.apply()
    before = {name: facts(row) for name, row in (await joined.rows()).items()}
    letters = len(await joined.desk.letters())
    site, writes = joined.site.dump(), joined.writes
    assert before["product", "sparkpay:2"][1] == START + timedelta(seconds=20)

    await joined.lose()
    done = await joined.rebuild()
    assert (done.state, done.rows, done.written) == ("done", len(before), 0)
    assert {name: facts(row) for name, row in (await joined.rows()).items()} == before
    assert joined.site.dump() == site
    assert joined.writes == writes
    assert len(await joined.desk.letters()) == letters, "what was refused before is not refused twice"
    calls = 1 + 3 + 2 + 2  # a token; three products; the lists and one of them; the locations and the levels
    assert done.calls == {"sparkpay": 0, "sparklayer": calls}


def facts(row: Row) -> tuple[object, ...]:
    ledger = dict(row.ledger) if row.state == "applied" else {}  # one that was refused may still tell what was found
    return row.state, row.version_time, row.event_id, row.deleted, row.applied_hash, ledger, dict(row.refs)


async def test_what_was_not_applied_yet_is_written(joined: Joined) -> None:
    await joined.publish(product("sparkpay:1", "A"), price("A", "10"), stock("A", 5))
    await joined.apply()
    await joined.publish(product("sparkpay:1", "A", seconds=5, title="Newer"), product("sparkpay:2", "B"))
    await joined.publish(price("A", "11", seconds=5), stock("B", 6))
    await joined.lose()
    tried = await joined.rebuild(dry_run=True)
    assert sorted((entity, key) for entity, key, _ in tried.differences) == [
        ("price", "A"), ("product", "sparkpay:1"), ("product", "sparkpay:2"),
    ]  # fmt: skip
    assert (tried.unchanged, tried.waiting, await joined.rows()) == (1, 1, {})

    done = await joined.rebuild()
    assert (done.rows, done.unchanged, done.written) == (5, 1, 4)
    found = joined.site.product("1")
    assert found is not None
    assert found["title"] == "Newer"
    assert [str(row["price"]) for row in joined.site.prices("A")["sp-base-usd"]] == ["11"]
    assert joined.site.stock("B")["default"]["stock_level"] == 6
    writes = joined.writes
    await joined.apply()  # the intake of a service reads the same events: they are known
    assert joined.writes == writes


async def test_the_producers_memory_comes_back_and_a_sync_is_asked_for(joined: Joined) -> None:
    await joined.publish(product("sparkpay:1", "A"), stock("A", 5), stock("A", 6, seconds=5, source="wms"))
    await joined.publish(price("A", "3", seconds=1), price("A", "4", seconds=2))
    await joined.rebuild()
    memory = SourceMemory(joined.core.database, joined.core.clock, "acme", "sparkpay")
    assert await memory.numbers("product", 0, None) == [1]
    assert list(await memory.claimants(["A"])) == ["A"]
    assert (await memory.observed("price", ["A"]))["A"].time == START + timedelta(seconds=2)
    assert (await memory.observed("stock", ["A"]))["A"].time == START, "what the store itself said last"
    run = await joined.core.runs.next_requested("acme")
    assert run is not None
    assert (run.full, run.requested_by) == (False, "rebuild")


class Died(Exception):
    pass


def dying(_text: str) -> None:
    raise Died


async def test_an_interrupted_rebuild_lets_nobody_write_and_goes_on(joined: Joined) -> None:
    await joined.publish(product("sparkpay:1", "A"), stock("A", 5))
    await joined.apply()
    site = joined.site.dump()
    await joined.lose()
    with pytest.raises(Died):
        await joined.rebuild(say=dying)
    paused = await joined.core.pauses.paused("acme")
    assert set(paused) == {"sparklayer", "sparkpay"}
    assert "paylayer rebuild acme" in paused[SIDE].reason
    done = await joined.rebuild()
    assert (done.state, done.rows, done.unchanged) == ("done", 2, 2)
    assert await joined.core.pauses.paused("acme") == {}
    assert joined.site.dump() == site


async def test_a_service_goes_on_with_what_a_rebuild_has_not_looked_at(joined: Joined) -> None:
    await joined.publish(*(product(f"sparkpay:{number}", f"S{number}") for number in range(1, 9)))
    await joined.apply()
    site = joined.site.dump()
    await joined.lose()

    def after_reading(text: str) -> None:
        if "decided" in text:
            raise Died

    with pytest.raises(Died):
        await joined.rebuild(say=after_reading)
    await joined.apply()
    assert {row.state for row in (await joined.rows()).values()} == {"applied"}
    assert joined.site.dump() == site
    assert (await joined.rebuild()).rows == 0, "it is done"


async def test_a_side_that_does_not_let_us_in_stops_the_rebuild(joined: Joined) -> None:
    await joined.publish(product("sparkpay:1", "A"))
    joined.app.state.service.tokens.revoke(keys=True)
    stopped = await joined.rebuild()
    assert stopped.state == "paused"
    assert stopped.message is not None
    joined.app.state.service.tokens.revoke(keys=False)
    await joined.core.pauses.resume("acme", SIDE)
    assert (await joined.rebuild()).written == 1


async def test_a_rebuild_is_refused_where_it_would_do_harm(joined: Joined) -> None:
    core = replace(joined.core, clock=SteppedClock())
    with pytest.raises(UserFault, match="there is no connection 'other'"):
        await rebuild(core, ["other"])
    await joined.publish(product("sparkpay:1", "A"))
    await joined.apply()
    with pytest.raises(UserFault, match="--force"):
        await rebuild(core, [])
    await joined.core.workers.register("w", ["web"], "host-1", 7)
    with pytest.raises(UserFault, match="host-1"):
        await rebuild(core, [], force=True)
    await joined.core.workers.leave("w")
    await joined.core.connections.set_state("acme", "paused")
    with pytest.raises(UserFault, match="resume"):
        await rebuild(core, [])
    await joined.core.connections.remove("acme")
    with pytest.raises(UserFault, match="add the connections first"):
        await rebuild(core, [])


async def test_with_force_everything_is_looked_at_again(joined: Joined) -> None:
    await joined.publish(product("sparkpay:1", "A"), price("A", "10"), stock("A", 5))
    await joined.apply()
    block = {"quantity": 1, "price": 77, "unit_of_measure": None}
    variant = joined.site.catalogue.variant_by_sku("A")
    assert variant is not None
    joined.site.price_blocks.put(variant["id"], "sp-base-usd", [block])  # somebody changed it there
    done = await joined.rebuild(force=True)
    assert (done.unchanged, done.written) == (2, 1)
    assert [str(row["price"]) for row in joined.site.prices("A")["sp-base-usd"]] == ["10"]
