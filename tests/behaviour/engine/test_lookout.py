"""One look for a whole process: what it finds, whom it wakes, what it costs."""

from datetime import timedelta

from connector.engine.lookout import Lookout
from connector.errors import Unavailable
from connector.ports import Priority
from connector.state.inbox import SetRetry
from contracts.events import Event
from handlers.outcome import Applied
from tests.behaviour.engine.bench import SIDE, START, Bench, arrival, product, stock
from tests.support.statements import statements


class Watch:
    """A lookout and whom it woke."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.woken: list[tuple[str, str, str]] = []
        self.lookout = Lookout(
            bench.inbox, bench.pauses, bench.runs, bench.clock, wake=lambda *lane: self.woken.append(lane)
        )

    async def look(self) -> list[tuple[str, str, str]]:
        self.woken.clear()
        await self.lookout.look()
        return sorted(self.woken)


def of(connection: str, event: Event) -> Event:
    return event.model_copy(update={"connection": connection})


async def test_every_lane_with_rows_to_apply_is_woken_once(bench: Bench) -> None:
    watch = Watch(bench)
    assert await watch.look() == []
    await bench.put(stock("A-1"), stock("A-2"), product("erp:1", "A-1"), of("other-shop", stock("B-1")))
    await bench.put(of("b", stock("B-1")), priority=Priority.SYNC)
    assert await watch.look() == [
        ("acme", SIDE, "product"),
        ("acme", SIDE, "stock"),
        ("b", SIDE, "stock"),
        ("other-shop", SIDE, "stock"),
    ]


async def test_what_is_retried_wakes_its_lane_when_its_time_has_come(bench: Bench) -> None:
    watch = Watch(bench)
    await bench.put(stock("A-1"))
    due = START + timedelta(seconds=5)
    await bench.inbox.settle([SetRetry(await bench.row("A-1"), due_at=due, count_attempt=True, message="503")])
    assert await watch.look() == []
    bench.clock.advance(5.0)
    assert await watch.look() == [("acme", SIDE, "stock")]


async def test_a_paused_side_is_left_alone_until_its_probe_is_due(bench: Bench) -> None:
    watch = Watch(bench)
    await bench.put(stock("A-1"))
    await bench.pauses.pause("acme", SIDE, "revoked", resume_probe_at=START + timedelta(seconds=30))
    assert await watch.look() == []
    assert watch.lookout.pause("acme", SIDE) is not None
    bench.clock.advance(30.0)
    assert await watch.look() == [("acme", SIDE, "stock")]
    await bench.pauses.resume("acme", SIDE)
    await watch.look()
    assert watch.lookout.pause("acme", SIDE) is None


async def test_it_wakes_an_applier_that_rests(bench: Bench) -> None:
    applier = bench.applier()
    await bench.put(stock("A-1"))
    await applier.step("stock")
    assert await applier.step("stock") > 10, "with nothing to do it waits to be woken"
    applier.due("stock")
    assert applier._wake["stock"].is_set()
    applier.due("unknown kind")


async def test_it_does_not_wake_a_kind_that_is_at_work(bench: Bench) -> None:
    applier = bench.applier()

    async def meanwhile() -> None:
        applier.due("stock")

    bench.handler.meanwhile = meanwhile
    bench.handler.answer = lambda _task: Applied("h")
    await bench.put(stock("A-1"))
    await applier.step("stock")
    assert not applier._wake["stock"].is_set()


async def test_a_look_costs_three_statements_whatever_there_is(bench: Bench) -> None:
    watch = Watch(bench)
    for number in range(60):
        await bench.inbox.put([arrival(of(f"shop-{number}", stock("A-1")))])
    with statements(bench.db) as asked:
        assert len(await watch.look()) == 60
    assert len(asked) == 3


async def test_a_database_that_is_away_is_waited_for(bench: Bench) -> None:
    watch = Watch(bench)
    answers = iter([Unavailable("away"), Unavailable("away"), None])

    async def all_pauses() -> dict[tuple[str, str], object]:
        error = next(answers, None)
        if error is not None:
            raise error
        raise _Enough

    pauses: object = _Pauses(all_pauses)
    watch.lookout.pauses = pauses  # type: ignore[assignment]
    try:
        await watch.lookout.run()
    except _Enough:
        assert bench.clock.monotonic() > 0
    else:
        raise AssertionError("it never ends by itself")


class _Enough(Exception):
    """The third look was reached."""


class _Pauses:
    def __init__(self, all_pauses: object) -> None:
        self.all = all_pauses
