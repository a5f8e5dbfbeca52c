"""What webhooks named reaches the poller: at once in the same process, with the next look from another."""

import asyncio

from connector.errors import TargetIll
from connector.state.hints import ConnectionHints, HintStore
from tests.behaviour.engine.bench import Bench
from tests.behaviour.engine.test_producing import Stage


class HintedPoller:
    """Counts what it is asked, and forgets the hints as a read would."""

    def __init__(self, hints: ConnectionHints) -> None:
        self.hints, self.steps, self.fails = hints, 0, 0

    async def step(self) -> float:
        self.steps += 1
        if self.fails:
            self.fails -= 1
            raise TargetIll("away", side="sparkpay", endpoint="GET /products/select_many")
        await self.hints.forget(await self.hints.take(100))
        return 0.0


def hinted(bench: Bench) -> tuple[Stage, HintStore, HintedPoller]:
    stage, store = Stage(bench), HintStore(bench.db, bench.clock)
    stage.lookout.hints = store
    poller = HintedPoller(ConnectionHints(bench.db, "acme"))
    stage.producer.steps = {**stage.producer.steps, "hints": stage.lookout.when_hinted("acme", poller.step)}
    return stage, store, poller


async def test_hints_are_read_when_they_are_found_and_not_before(bench: Bench) -> None:
    stage, store, poller = hinted(bench)
    async with stage.at_work():
        await stage.until_looked(5)
        assert poller.steps == 0
        await store.store([("acme", "products", 5)])

        async def gone() -> bool:
            return not await store.waiting()

        await stage.until(gone)
        assert poller.steps == 1
        await stage.until_looked(5)
        assert poller.steps == 1


async def test_a_read_that_fails_is_made_again(bench: Bench) -> None:
    stage, store, poller = hinted(bench)
    poller.fails = 2
    async with stage.at_work():
        await store.store([("acme", "products", 5)])

        async def gone() -> bool:
            return not await store.waiting()

        await stage.until(gone)
        assert poller.steps == 3


async def test_a_side_that_stands_still_keeps_its_hints(bench: Bench) -> None:
    stage, store, poller = hinted(bench)
    await bench.pauses.pause("acme", "sparkpay", "by hand")
    async with stage.at_work():
        await store.store([("acme", "products", 5)])
        looks = stage.lookout.last_tick

        async def on() -> bool:
            return (stage.lookout.last_tick or 0) > (looks or 0) + 3

        await stage.until(on)
        assert (poller.steps, await store.waiting()) == (0, {"acme"})


async def test_what_is_said_while_hints_are_read_is_read_next_without_a_look(bench: Bench) -> None:
    lookout = Stage(bench).lookout
    lookout.hints = HintStore(bench.db, bench.clock)
    steps: list[int] = []

    async def read() -> float:
        steps.append(len(steps))
        if len(steps) == 1:
            lookout.hint("acme")  # a webhook comes just now
        return 0.0

    step = lookout.when_hinted("acme", read)
    lookout.hint("acme")
    async with asyncio.timeout(5):
        await step()
        await step()
    assert steps == [0, 1]
    third = asyncio.create_task(step())
    await asyncio.sleep(0)
    await lookout.look()  # nothing is there
    await asyncio.sleep(0)
    assert not third.done()
    third.cancel()
