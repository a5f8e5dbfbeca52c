"""What becomes of a row, for everything that a handler, an office or a platform may do."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.engine.applier import Applier
from connector.errors import Unavailable
from connector.permit import WITHHELD, CallPermit
from connector.ports import Priority
from connector.state.inbox import Inbox, SetApplied, SetRetry
from connector.state.last_writes import LastWrites
from connector.state.lease import Lease, LeaseLost
from connector.state.workers import Workers
from handlers.outcome import Applied, Failed, Outcome, Rejected, Skip, Task, Waiting
from tests.behaviour.engine.bench import SIDE, START, Bench, FakeHandler, arrival, product, stock

ILL = Failed("503", status=503)


@pytest.mark.parametrize(
    ("outcome", "state", "letters", "facts"),
    [
        (Applied("h1"), "applied", 0, {"applied_hash": "h1", "attempts": 0}),
        (Applied("h1", unchanged=True), "applied", 0, {"applied_hash": "h1"}),
        (Applied("h1", skips=[Skip("sku_missing", "no SKU", "v1")]), "applied", 1, {"applied_hash": "h1"}),
        (Rejected("bad", "no", 422), "rejected", 1, {"error_code": "bad", "error_status": 422, "error_message": "no"}),
        (Waiting("sku:A-1", "no product yet"), "waiting", 0, {"waiting_for": "sku:A-1"}),
        (ILL, "retrying", 0, {"attempts": 0, "error_status": 503}),
        (Failed("500", target=False, status=500), "retrying", 0, {"attempts": 1, "error_status": 500}),
        (Failed("slow down", status=429, retry_after=7), "retrying", 0, {"due_at": START + timedelta(seconds=7)}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Outcome) else None,
)  # fmt: skip
async def test_every_outcome_ends_in_its_state(
    bench: Bench, outcome: Outcome, state: str, letters: int, facts: dict[str, object]
) -> None:
    bench.handler.answer = lambda _task: outcome
    await bench.put(stock("A-1"))
    assert await bench.applier().step("stock") == 0.0
    row = await bench.row("A-1")
    assert row.state == state
    assert {name: getattr(row, name) for name in facts} == facts
    assert len(bench.office.posted) == letters


async def test_only_what_was_written_is_an_update(bench: Bench) -> None:
    applier = bench.applier()
    applier.last_writes = LastWrites(bench.db, bench.clock)
    for outcome in (Rejected("bad", "no", 422), Applied("h", unchanged=True)):
        bench.handler.answer = lambda _task, outcome=outcome: outcome
        await bench.put(stock(outcome.__class__.__name__))
        await applier.step("stock")
    await applier.last_writes.save()
    assert await applier.last_writes.read() == {}
    bench.handler.answer = lambda _task: Applied("h")
    await bench.put(stock("A-1"))
    await applier.step("stock")
    await applier.last_writes.save()
    assert await applier.last_writes.read() == {("acme", "sparklayer", "stock"): bench.clock.now()}


async def test_a_letter_is_acknowledged_before_its_row_is_closed(bench: Bench) -> None:
    bench.handler.answer = lambda _task: Rejected("bad", "no", 422)
    seen: list[str] = []

    async def watch() -> None:
        seen.append((await bench.row("A-1")).state)

    bench.office.watch = watch
    await bench.put(stock("A-1"))
    await bench.applier().step("stock")
    assert seen == ["pending"]
    assert (await bench.row("A-1")).state == "rejected"


async def test_a_letter_that_cannot_be_posted_keeps_its_row(bench: Bench) -> None:
    bench.handler.answer = lambda _task: Rejected("bad", "no", 422)
    bench.office.error = Unavailable("Kafka is away")
    await bench.put(stock("A-1"))
    applier = bench.applier()
    for turn in range(3):
        await applier.step("stock")
        row = await bench.row("A-1")
        assert (row.state, row.attempts, bench.handler.sizes()) == ("retrying", 0, [1] * (turn + 1))
        assert row.error_message == "refused, but its dead letter could not be sent: Kafka is away"
        assert await applier.step("stock") > 0, "not in a hot loop"
        bench.clock.advance(5.1)
    bench.office.error = None
    await applier.step("stock")
    assert (await bench.row("A-1")).state == "rejected"
    assert len(bench.office.posted) == 1


async def test_a_broker_that_is_away_keeps_nobody_from_writing_down_what_was_applied(bench: Bench) -> None:
    bench.handler.answer = lambda task: Rejected("bad", "no", 422) if task.key == "BAD" else Applied("h")
    bench.office.error = Unavailable("Kafka is away")
    await bench.put(stock("A-1"), stock("BAD"), stock("Z-1"))
    await bench.applier().step("stock")
    assert [(await bench.row(key)).state for key in ("A-1", "BAD", "Z-1")] == ["applied", "retrying", "applied"]


async def test_a_process_that_has_lost_its_lease_writes_nothing(bench: Bench) -> None:
    """It was frozen between the call and the settlement; meanwhile its heir has applied something newer."""
    workers = Workers(bench.db, bench.clock)
    await workers.register("frozen", ["appliers"], "host", 1)
    since = (await workers.acquire("frozen", {"appliers": ["job"]})).since["job"]
    lease = Lease("job", "frozen", since, bench.clock, until=bench.clock.monotonic() + 3.5)
    zombie = bench.applier()
    zombie.lease = lease
    zombie.inbox = Inbox(bench.db.fenced(lease.confirm), bench.clock)
    await bench.put(stock("A-1", 1), stock("B-1", 1))

    async def frozen() -> None:
        bench.handler.meanwhile = None
        bench.clock.advance(10)
        await workers.register("heir", ["appliers"], "host", 2)
        assert "job" in (await workers.acquire("heir", {"appliers": ["job"]})).since
        await bench.put(stock("A-1", 2, version=2))
        bench.handler.answer = lambda task: Rejected("bad", "no", 422) if task.key == "B-1" else Applied("new")
        await bench.applier().step("stock")
        bench.handler.answer = lambda _task: Applied("old")

    bench.handler.meanwhile = frozen
    with pytest.raises(LeaseLost):
        await zombie.step("stock")
    assert (await bench.row("A-1")).applied_hash == "new"
    assert (await bench.row("B-1")).state == "rejected"
    lease.until = bench.clock.monotonic() + 1  # even if its own clock told it nothing
    bench.handler.meanwhile = None
    with pytest.raises(LeaseLost):
        await zombie._settle("stock", [(await bench.row("A-1"), Applied("old"))])
    assert (await bench.row("A-1")).applied_hash == "new"


async def test_what_did_not_leave_stays_as_it_is(bench: Bench) -> None:
    withheld = Failed("not sent", code=WITHHELD, retry_after=0.0)
    bench.handler.answer = lambda task: withheld if task.key == "B-1" else Applied("h")
    await bench.put(stock("A-1"), stock("B-1"))
    before = await bench.row("B-1")
    await bench.applier().step("stock")
    assert (await bench.row("A-1")).state == "applied"
    assert replace(await bench.row("B-1"), read_at=before.read_at) == before


async def test_a_row_that_nobody_can_read_is_refused_and_does_not_hold_up_others(bench: Bench) -> None:
    await bench.inbox.put([arrival(stock("BAD"), value=b"{"), arrival(stock("GOOD"))])
    await bench.applier().step("stock")
    assert (await bench.row("BAD")).state == "rejected"
    assert (await bench.row("GOOD")).state == "applied"
    assert [refusal.key for refusal in bench.office.posted] == ["BAD"]


async def test_when_nearly_everything_is_refused_the_side_stops_and_keeps_its_backlog(bench: Bench) -> None:
    bench.handler.answer = lambda _task: Rejected("scope", "not allowed", 403)
    await bench.put(*(stock(f"S-{number}") for number in range(100)))
    applier = bench.applier()
    await applier.step("stock")
    assert bench.office.posted == []
    assert await bench.states() == {"waiting": 100, "retrying": 100, "rejected": 0, "applied": 0}
    reason = (await bench.pauses.paused("acme"))[SIDE].reason
    assert "most of the last 100 rows were refused" in reason
    assert "paylayer connections resume acme" in reason
    bench.clock.advance(20)
    await applier.step("stock")
    assert len(bench.handler.calls) == 1, "a paused side makes no call"
    bench.handler.answer = lambda _task: Applied("h")
    await bench.pauses.resume("acme", SIDE)
    await applier.step("stock")
    assert (await bench.states())["applied"] == 100


async def test_refused_credentials_pause_the_side_at_once(bench: Bench) -> None:
    bench.handler.answer = lambda _task: Failed("401 the keys are revoked", pause=True, status=401)
    await bench.put(stock("A-1"), stock("A-2"))
    await bench.applier().step("stock")
    assert "the keys are revoked" in (await bench.pauses.paused("acme"))[SIDE].reason
    row = await bench.row("A-1")
    assert (row.open, row.attempts) == (True, 0)


async def test_an_ill_platform_is_probed_with_one_row_until_it_recovers(bench: Bench) -> None:
    bench.handler.answer = lambda _task: ILL
    await bench.put(*(stock(f"S-{number}") for number in range(6)))
    applier = bench.applier()
    for _ in range(3):
        await applier.step("stock")
        wait = await applier.step("stock")
        assert wait > 0, "after a failure everybody waits"
        bench.clock.advance(wait)
    bench.clock.advance(60)
    await applier.step("stock")
    assert bench.handler.sizes() == [6, 6, 6, 1]
    bench.handler.answer = lambda _task: Applied("h")
    bench.clock.advance(60)
    await applier.step("stock")
    bench.clock.advance(60)
    await applier.step("stock")
    assert bench.handler.sizes()[4:] == [1, 5]
    assert (await bench.states())["applied"] == 6


async def test_a_row_that_fails_while_others_succeed_is_refused_after_its_attempts(bench: Bench) -> None:
    def answer(task: Task) -> Outcome:
        return ILL if task.key == "BAD" else Applied(f"h-{len(bench.handler.calls)}")

    bench.handler.answer = answer
    applier = bench.applier(apply__attempts="3")
    await bench.put(stock("BAD"))
    for version in range(1, 12):
        await bench.put(stock("GOOD", version, version))
        await applier.step("stock")
        bench.clock.advance(120)
        if not (await bench.row("BAD")).open:
            break
    row = await bench.row("BAD")
    assert (row.state, row.error_status) == ("rejected", 503)
    (refusal,) = bench.office.posted
    assert (refusal.key, refusal.attempts, refusal.error_class) == ("BAD", 3, "AttemptsExhausted")


async def test_a_newer_state_that_comes_while_the_older_is_applied_is_applied_after_it(bench: Bench) -> None:
    async def meanwhile() -> None:
        if len(bench.handler.calls) == 1:
            await bench.put(stock("A-1", 2, 2), stock("A-1", 3, 3))

    bench.handler.meanwhile = meanwhile
    bench.handler.answer = lambda task: Applied(f"level {task.entity.levels[0].level}")  # type: ignore[union-attr]
    await bench.put(stock("A-1", 1, 1))
    applier = bench.applier()
    await applier.step("stock")
    row = await bench.row("A-1")
    assert (row.state, row.applied_hash) == ("pending", "level 1")
    await applier.step("stock")
    row = await bench.row("A-1")
    assert (row.state, row.applied_hash) == ("applied", "level 3")
    assert bench.handler.sizes() == [1, 1]
    assert bench.handler.calls[1][0].applied_hash == "level 1"


async def test_what_the_one_before_may_have_sent_is_sent_again(bench: Bench) -> None:
    """It died in a call: then the hash of what was applied last proves nothing, even if the row looks unchanged."""
    bench.handler.answer = lambda _task: Applied("h")
    await bench.put(stock("A-1"))
    first = bench.applier()
    await first.step("stock")
    await bench.inbox.reopen("acme", SIDE, "stock", ["A-1"])
    await bench.put(stock("B-1"))
    bench.clock.advance(1)
    second = bench.applier()
    await bench.inbox.put([arrival(stock("C-1"))])
    await second.step("stock")
    assert {task.key: task.applied_hash for task in bench.handler.calls[-1]} == {"A-1": None, "B-1": None, "C-1": None}
    await bench.inbox.reopen("acme", SIDE, "stock", ["A-1"])
    await second.step("stock")
    assert [task.applied_hash for task in bench.handler.calls[-1]] == ["h"]


async def test_a_state_that_comes_back_while_another_is_in_flight_is_sent(bench: Bench) -> None:
    """5, then 7 is sent and its process dies, then 5 again: the platform may have 7."""
    bench.handler.answer = lambda _task: Applied("five")
    await bench.put(stock("A-1", 5, 1))
    applier = bench.applier()
    await applier.step("stock")
    await bench.put(stock("A-1", 7, 2))
    await bench.put(stock("A-1", 5, 3))
    await applier.step("stock")
    assert bench.handler.calls[-1][0].applied_hash is None


async def test_a_late_settlement_of_an_older_state_has_the_newest_sent_again(bench: Bench) -> None:
    await bench.put(stock("A-1", 1, 1))
    late = await bench.row("A-1")
    await bench.put(stock("A-1", 2, 2))
    await bench.applier().step("stock")
    assert (await bench.row("A-1")).state == "applied"
    for settlement in (SetApplied(late, "one"), SetRetry(late, START, False, "lost", uncertain=True)):
        await bench.inbox.settle([settlement])
        row = await bench.row("A-1")
        assert (row.state, row.event_id) == ("pending", stock("A-1", 2, 2).id)
        await bench.applier().step("stock")
    assert (await bench.row("A-1")).state == "applied"


async def test_a_sale_wakes_its_row_when_it_begins_and_when_it_ends(bench: Bench) -> None:
    wakes = {1: START + timedelta(hours=1), 2: START + timedelta(hours=5), 3: None}
    bench.handler.answer = lambda _task: Applied("h", wake_at=wakes[len(bench.handler.calls)])
    await bench.put(stock("A-1"))
    applier = bench.applier()
    for hours, calls in ((0.0, 1), (0.9, 1), (1.01, 2), (4.9, 2), (5.01, 3), (100.0, 3)):
        bench.clock.advance(max(0.0, hours * 3600 - bench.clock.monotonic()))
        await applier.step("stock")
        assert (len(bench.handler.calls), (await bench.row("A-1")).state) == (calls, "applied")


async def test_a_sale_begins_although_no_process_ran_at_that_moment(bench: Bench) -> None:
    wakes = {1: START + timedelta(hours=1), 2: START + timedelta(hours=5), 3: None}
    bench.handler.answer = lambda _task: Applied("h", wake_at=wakes[len(bench.handler.calls)])
    await bench.put(stock("A-1"))
    await bench.applier().step("stock")
    bench.clock.advance(2 * 3600)
    await bench.applier().step("stock")  # another process, an hour late
    assert len(bench.handler.calls) == 2
    bench.clock.advance(30 * 86_400)
    restarted = bench.applier()
    await restarted.step("stock")
    await restarted.step("stock")
    assert (len(bench.handler.calls), (await bench.row("A-1")).due_at) == (3, None)


async def test_a_refused_price_is_tried_again_when_its_period_ends_and_told_once(bench: Bench) -> None:
    moments = iter([timedelta(hours=1), timedelta(hours=2)])
    answers = iter([None, None, Applied("h")])

    def answer(_task: Task) -> Outcome:
        return next(answers) or Rejected("price_refused", "too dear", 400, wake_at=START + next(moments))

    bench.handler.answer = answer
    await bench.put(stock("A-1"))
    applier = bench.applier()
    for hours, tries, letters, state in ((0, 1, 1, "rejected"), (1, 2, 1, "rejected"), (2, 3, 1, "applied")):
        bench.clock.advance(hours * 3600 - bench.clock.monotonic())
        await applier.step("stock")
        found = (len(bench.handler.calls), len(bench.office.posted), (await bench.row("A-1")).state)
        assert found == (tries, letters, state)


async def test_a_price_that_is_refused_for_another_reason_later_gets_another_letter(bench: Bench) -> None:
    answers = iter(["too dear", "no such list"])
    later = START + timedelta(hours=1)
    bench.handler.answer = lambda _task: Rejected("price_refused", next(answers), 400, wake_at=later)
    await bench.put(stock("A-1"))
    for letters in (1, 2):
        await bench.applier().step("stock")
        assert len(bench.office.posted) == letters
        bench.clock.advance(3601)


async def test_a_bulk_call_lingers_for_live_rows_but_not_when_it_is_full(bench: Bench) -> None:
    bench.handler = FakeHandler(after=("product",), batch=3)
    applier = bench.applier(FakeHandler("product"))
    await bench.put(stock("A-1"), stock("A-2"))
    assert await applier.step("stock") == pytest.approx(applier.settings.apply.linger_seconds)
    assert bench.handler.calls == []
    await bench.put(stock("A-3"))
    await applier.step("stock")
    assert bench.handler.sizes() == [3]
    await bench.put(stock("B-1"))
    bench.clock.advance(await applier.step("stock"))
    bench.clock.advance(0.31)
    await applier.step("stock")
    assert bench.handler.sizes() == [3, 1]


async def test_rows_of_a_sync_linger_longer_while_products_are_still_to_come(bench: Bench) -> None:
    bench.handler = FakeHandler(after=("product",))
    products = FakeHandler("product")
    applier = bench.applier(products)
    await bench.put(product("erp:1", "A-1"), stock("A-1"), priority=Priority.SYNC)
    bench.clock.advance(1)
    assert await applier.step("stock") > 0
    assert bench.handler.calls == []
    await applier.step("product")
    assert await seconds_until_called(bench, applier) < 1, "nothing more is coming: no reason to wait"
    await bench.put(product("erp:2", "A-2"), stock("A-2"), priority=Priority.SYNC)
    assert await seconds_until_called(bench, applier) == pytest.approx(5, abs=0.5), "products are still to come"


async def seconds_until_called(bench: Bench, applier: Applier) -> float:
    """Step as an applier's own loop does; how long the handler was not called."""
    begun, calls = bench.clock.monotonic(), len(bench.handler.calls)
    while len(bench.handler.calls) == calls:
        bench.clock.advance(await applier.step("stock"))
        assert bench.clock.monotonic() - begun < 60
    return bench.clock.monotonic() - begun


async def test_what_was_done_is_counted(bench: Bench) -> None:
    await bench.put(stock("A-1"))
    await bench.applier().step("stock")
    labels = {"connection": "acme", "side": SIDE, "entity": "stock", "outcome": "applied"}
    assert bench.metrics.registry.get_sample_value("paylayer_applied_rows_total", labels) == 1


async def test_a_kind_with_nothing_to_do_does_not_cut_off_the_calls_of_another(bench: Bench) -> None:
    answer, asked = asyncio.Event(), asyncio.Event()
    permit = CallPermit()

    async def call() -> None:
        async with permit.call("sparklayer", "/x") as leave:
            leave.take()
            asked.set()
            await answer.wait()

    bench.handler.meanwhile = call
    applier = bench.applier(FakeHandler("product"), FakeHandler("price"))
    applier.permit = permit
    await bench.put(stock("A-1"))
    running = asyncio.create_task(applier.run())
    async with asyncio.timeout(30):
        await asked.wait()
    running.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not permit.open
    assert not running.done()
    answer.set()
    await asyncio.wait([running])
    assert running.cancelled()
    assert (await bench.row("A-1")).state == "applied"
