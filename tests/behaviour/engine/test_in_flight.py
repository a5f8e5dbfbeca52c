"""What is known of an entity with parts while, and after, nobody can say whether the platform has it."""

import pytest

from connector.ports import Doubt
from handlers.outcome import Applied, Failed, Outcome, Rejected, Task, Waiting
from tests.behaviour.engine.bench import Bench, FakeHandler, product, stock

KEY = "sparkpay:1"
LOST = Failed("no answer came", uncertain=True)


class Killed(Exception):
    """The process ends here."""


async def killed() -> None:
    raise Killed


def products(bench: Bench) -> FakeHandler:
    bench.handler.entity = "product"
    return bench.handler


async def test_a_newer_event_after_a_death_in_the_middle_of_a_call_looks_first(bench: Bench) -> None:
    handler = products(bench)
    handler.meanwhile = killed
    await bench.put(product(KEY, "A-1", "A-2"))
    with pytest.raises(Killed):
        await bench.applier().step("product")
    bench.clock.advance(1)
    handler.meanwhile = None
    successor = bench.applier()
    await bench.put(product(KEY, "A-1", version=2))
    await successor.step("product")
    assert [task.doubt for task in handler.calls[-1]] == [Doubt.SENT]


async def test_a_newer_event_that_comes_during_a_lost_call_looks_first(bench: Bench) -> None:
    handler = products(bench)

    async def newer() -> None:
        handler.meanwhile = None
        await bench.put(product(KEY, "A-1", version=2))

    handler.meanwhile, handler.answer = newer, lambda _task: LOST
    await bench.put(product(KEY, "A-1", "A-2"))
    applier = bench.applier()
    await applier.step("product")
    bench.clock.advance(10)
    await applier.step("product")
    assert [task.doubt for (task,) in handler.calls] == [Doubt.NONE, Doubt.SENT]


@pytest.mark.parametrize(
    ("outcome", "doubt"),
    [
        (Applied("h"), Doubt.NONE),
        (Failed("503", status=503), Doubt.NONE),
        (Waiting("product:sparkpay:2", "it lets the SKU go"), Doubt.NONE),
        (Rejected("bad", "no", 422), Doubt.NONE),
        (LOST, Doubt.SENT),
    ],
    ids=lambda value: getattr(value, "message", None),
)
async def test_what_is_sure_needs_no_look(bench: Bench, outcome: Outcome, doubt: Doubt) -> None:
    products(bench).answer = lambda _task: outcome
    await bench.put(product(KEY, "A-1"))
    await bench.applier().step("product")
    assert (await bench.row(KEY, "product")).doubt is doubt


async def test_what_was_in_doubt_before_stays_so_after_a_failure(bench: Bench) -> None:
    handler = products(bench)
    await bench.put(product(KEY, "A-1"))
    await bench.inbox.doubt("acme", "sparklayer")
    handler.answer = lambda _task: Failed("503", status=503)
    await bench.applier().step("product")
    assert (await bench.row(KEY, "product")).doubt is Doubt.UNSEEN


async def test_what_was_applied_already_is_not_doubted_for_a_second_look(bench: Bench) -> None:
    handler = products(bench)
    await bench.put(product(KEY, "A-1"))
    applier = bench.applier()
    await applier.step("product")
    await bench.inbox.reopen("acme", "sparklayer", "product", [KEY])
    handler.meanwhile = killed
    with pytest.raises(Killed):
        await applier.step("product")
    assert (await bench.row(KEY, "product")).doubt is Doubt.NONE


async def test_what_has_no_parts_is_sent_again_without_a_look(bench: Bench) -> None:
    asked: list[Task] = []

    def lost(task: Task) -> Outcome:
        asked.append(task)
        return LOST

    bench.handler.answer = lost
    await bench.put(stock("A-1"))
    applier = bench.applier()
    await applier.step("stock")
    bench.clock.advance(10)
    await applier.step("stock")
    assert [task.doubt for task in asked] == [Doubt.NONE, Doubt.NONE]


async def test_after_a_death_a_few_are_looked_at_at_once(bench: Bench) -> None:
    handler = products(bench)
    handler.meanwhile = killed
    await bench.put(*(product(f"sparkpay:{number}", f"A-{number}") for number in range(1, 31)))
    with pytest.raises(Killed):
        await bench.applier().step("product")
    handler.meanwhile = None
    successor = bench.applier()
    while await successor.step("product") == 0.0:
        pass
    assert [len(call) for call in handler.calls] == [30, 8, 8, 8, 6]
