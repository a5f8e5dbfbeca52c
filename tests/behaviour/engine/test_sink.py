"""From events to rows: what is taken, what is skipped, what is refused, and under which key."""

from typing import Any

import pytest

from connector.engine.book import ConnectionBook
from connector.engine.linking import Linker
from connector.engine.sink import InboxSink
from connector.engine.tally import Tally
from connector.engine.usage import CallMeter
from connector.ports import Priority
from connector.settings import ConnectionSettings
from connector.state.claims import Claim
from connector.state.database import Database
from connector.state.inbox import SetApplied
from connector.state.links import Links
from connector.state.usage import Usage
from contracts.events import Event
from tests.behaviour.engine.bench import SIDE, Bench, customer, incoming, product, stock
from tests.support.statements import statements


class Desk:
    """A sink and what it woke."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.woken: list[tuple[str, str, str]] = []
        self.sink = InboxSink(
            SIDE,
            inbox=bench.inbox,
            book=ConnectionBook(bench.connections, bench.clock),
            linker=Linker(bench.inbox, bench.claims, Links(bench.db), SIDE),
            clock=bench.clock,
            metrics=bench.metrics,
            wake=lambda *lane: self.woken.append(lane),
        )

    async def take(self, *events: Event) -> list[str | None]:
        """The code of each refusal; none = taken or skipped."""
        answers = await self.sink.take([incoming(event) for event in events])
        return [None if answer is None else answer.code for answer in answers]

    async def keys(self, entity: str = "product") -> list[str]:
        rows = await self.bench.inbox.due("acme", SIDE, entity, 100, self.bench.clock.now())
        return sorted(row.key for row in rows)

    def counted(self, result: str) -> float:
        labels = {"side": SIDE, "result": result}
        return self.bench.metrics.registry.get_sample_value("paylayer_intake_records_total", labels) or 0.0


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


async def test_events_become_rows_and_wake_their_applier_once(desk: Desk) -> None:
    assert await desk.take(stock("A-1", 1, 1), stock("A-1", 2, 2), stock("A-2")) == [None, None, None]
    assert await desk.keys("stock") == ["A-1", "A-2"]
    assert desk.woken == [("acme", SIDE, "stock")]
    assert await desk.take(stock("A-1", 1, 1)) == [None]
    assert (desk.counted("new"), desk.counted("stale")) == (2, 2)


async def test_an_unknown_connection_is_refused_and_a_new_one_is_known_at_once(desk: Desk) -> None:
    event = stock("A-1").model_copy(update={"connection": "late"})
    (answer,) = await desk.sink.take([incoming(event)])
    assert answer is not None
    assert answer.code == "unknown_connection"
    assert "paylayer connections add" in answer.message
    await desk.bench.connect("late")
    assert await desk.take(event) == [None]


async def test_a_batch_of_unknown_connections_is_looked_up_once(desk: Desk, bench: Bench) -> None:
    strangers = [stock(f"A-{n}").model_copy(update={"connection": f"nobody-{n}"}) for n in range(50)]
    await desk.take(stock("A-1"))
    with statements(bench.db) as asked:
        assert await desk.take(*strangers) == ["unknown_connection"] * 50
    assert len(asked) == 1


async def test_a_batch_of_another_services_products_is_linked_with_three_look_ups(desk: Desk, bench: Bench) -> None:
    await desk.take(product("sparkpay:1", "A-1", source="sparkpay"))
    events = [product(f"erp:{n}", f"X-{n}", refs={"sparkpay": str(n)}, version=2) for n in range(1, 60)]
    with statements(bench.db) as asked:
        assert await desk.take(*events) == [None] * 59
    assert sum("SELECT" in statement and "INSERT" not in statement for statement in asked) <= 4
    assert await desk.keys() == sorted(["sparkpay:1", *(f"erp:{n}" for n in range(2, 60))])


async def test_a_flow_that_is_off_and_a_sides_own_events_are_skipped(desk: Desk) -> None:
    settings = ConnectionSettings().with_values({"flow.stock": "off"})
    await desk.bench.connections.update("acme", settings=settings)
    assert await desk.take(stock("A-1"), product("sparklayer:7", "A-7", source=SIDE)) == [None, None]
    assert (await desk.keys("stock"), await desk.keys()) == ([], [])
    assert desk.counted("skipped") == 2
    assert desk.woken == []


async def test_products_of_the_platforms_keep_their_key(desk: Desk) -> None:
    await desk.take(product("sparkpay:1", "A-1", source="sparkpay"))
    await desk.bench.claims.replace("acme", SIDE, "sparkpay:1", [Claim("A-1", "v0", "live")])
    assert await desk.take(product("sparkpay:2", "A-1", source="sparkpay")) == [None]
    assert await desk.keys() == ["sparkpay:1", "sparkpay:2"]


async def test_another_services_product_is_linked_by_its_refs(desk: Desk) -> None:
    await desk.take(product("sparkpay:1", "A-1", source="sparkpay"))
    assert await desk.take(product("erp:900", "X-1", refs={"sparkpay": "1"}, version=2)) == [None]
    assert await desk.keys() == ["sparkpay:1"]


async def test_another_services_product_is_linked_by_its_item_numbers(desk: Desk) -> None:
    await desk.bench.claims.replace("acme", SIDE, "sparkpay:1", [Claim("A-1", "v0", "live")])
    assert await desk.take(product("erp:900", "A-1", "A-2")) == [None]
    assert await desk.keys() == ["sparkpay:1"]


async def test_a_new_product_keeps_its_own_key_and_so_does_one_whose_number_was_refused(desk: Desk) -> None:
    await desk.bench.claims.replace("acme", SIDE, "sparkpay:9", [Claim("A-9", "v0", "refused")])
    assert await desk.take(product("erp:900", "N-1"), product("erp:901", "A-9")) == [None, None]
    assert await desk.keys() == ["erp:900", "erp:901"]


async def test_what_fits_several_products_is_refused_and_not_guessed(desk: Desk) -> None:
    for number in (1, 2):
        await desk.take(product(f"sparkpay:{number}", f"A-{number}", source="sparkpay"))
        claims = [Claim(f"A-{number}", "v0", "live")]
        await desk.bench.claims.replace("acme", SIDE, f"sparkpay:{number}", claims)
    (answer,) = await desk.sink.take([incoming(product("erp:900", "A-1", "A-2"))])
    assert answer is not None
    assert answer.code == "ambiguous_link"
    assert "sparkpay:1, sparkpay:2" in answer.message
    assert "name the right one in refs" in answer.message


async def test_the_urgency_of_a_record_reaches_its_row(desk: Desk) -> None:
    await desk.sink.take([incoming(stock("SLOW"), Priority.SYNC), incoming(stock("FAST"))])
    rows = await desk.bench.inbox.due("acme", SIDE, "stock", 10, desk.bench.clock.now())
    assert [row.key for row in rows] == ["FAST", "SLOW"]


async def test_a_tally_counts_for_the_run_under_way_only(bench: Bench) -> None:
    tally = Tally(bench.runs)
    tally.note("acme", "applied")
    await tally.save()
    run = await bench.runs.request("acme", entities=(), full=True, requested_by="test")
    await bench.runs.start(run.id)
    for outcome in ("applied", "partly", "unchanged", "rejected", "waiting", "retry"):
        tally.note("acme", outcome)
    await tally.save()
    await tally.save()
    now = await bench.runs.get(run.id)
    assert (now.applied, now.unchanged, now.rejected) == (2, 1, 1)


class FailingUsage(Usage):
    """A database that is away for the first save."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.away = True

    async def add(self, calls: Any) -> None:
        if self.away:
            raise OSError("away")
        await super().add(calls)


async def test_calls_are_kept_until_the_database_takes_them(bench: Bench) -> None:
    usage = FailingUsage(bench.db)
    meter = CallMeter(usage, bench.metrics)
    meter.count("acme", "sparkpay", 200, 0.1)
    meter.count("acme", "sparkpay", None, 0.1)
    with pytest.raises(OSError, match="away"):
        await meter.save()
    meter.count("acme", "sparklayer", 500, 0.1)
    usage.away = False
    assert await meter.total("acme") == {"sparkpay": 2, "sparklayer": 1}
    assert await meter.total("acme") == {"sparkpay": 2, "sparklayer": 1}
    other = CallMeter(Usage(bench.db), bench.metrics)
    other.count("acme", "sparkpay", 200, 0.1)
    assert (await other.total("acme"))["sparkpay"] == 3


async def test_a_customer_of_another_service_is_the_one_of_that_address_also_when_it_changes(
    desk: Desk, bench: Bench
) -> None:
    await desk.take(customer("sparkpay:5", "Ann@x.example", source="sparkpay"))
    assert await desk.take(customer("erp:77", "ann@x.example", version=2)) == [None]
    assert await desk.take(customer("erp:77", "new@x.example", version=3)) == [None]
    row = await bench.row("sparkpay:5", "customer")
    assert (row.version_time.second, row.refs["erp"]) == (3, "77")
    assert await bench.inbox.get("acme", SIDE, "customer", "erp:77") is None
    assert await desk.take(customer("crm:1", "ann@x.example", version=4)) == [None], "nobody has that address now"
    assert (await bench.row("crm:1", "customer")).version_time.second == 4


async def test_an_address_of_two_customers_is_nobodys_guess(desk: Desk) -> None:
    await desk.take(customer("sparkpay:5", "ann@x.example", source="sparkpay"))
    await desk.take(customer("sparkpay:6", "ann@x.example", source="sparkpay"))
    assert await desk.take(customer("erp:77", "ann@x.example", version=2)) == ["ambiguous_link"]


async def test_what_was_made_for_another_key_is_known_by_that(desk: Desk, bench: Bench) -> None:
    await desk.take(customer("erp:77", "ann@x.example"))
    row = await bench.row("erp:77", "customer")
    await bench.inbox.settle([SetApplied(row, hash="h", refs={"sparkpay": "123"})])
    await desk.take(customer("sparkpay:123", "other@x.example", source="sparkpay", version=2))
    assert (await bench.row("erp:77", "customer")).version_time.second == 2


async def test_records_of_connections_that_send_nothing_there_are_not_even_read(desk: Desk, bench: Bench) -> None:
    kinds = [("stock", b"acme/A-1"), ("setting", b"acme/x"), ("stock", b"nobody/A-1"), (None, b"acme/A-1")]
    assert await desk.sink.concerned(kinds) == [True, False, True, True]
    other = InboxSink(
        "sparkpay", inbox=bench.inbox, book=ConnectionBook(bench.connections, bench.clock),
        linker=Linker(bench.inbox, bench.claims, Links(bench.db), "sparkpay"), clock=bench.clock,
        metrics=bench.metrics, wake=lambda *_: None,
    )  # fmt: skip
    assert await other.concerned([("stock", b"acme/A-1"), ("order", b"acme/sparklayer:c"), ("stock", None)]) == [
        False,
        True,
        False,
    ]
