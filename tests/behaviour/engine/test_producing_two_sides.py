"""One sync request, two platforms: one producer leads the run, the other reads its part of it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connector.engine.policies import Backoff
from connector.engine.producing import Producer
from connector.errors import CredentialsRefused, TargetIll, UserFault
from connector.state.runs import Run
from tests.behaviour.engine.bench import Bench
from tests.behaviour.engine.test_producing import FakePoller, Stage


class TwoSides(Stage):
    """The producer of Spark Pay leads; that of SparkLayer, over a reader of its own, follows."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.producer.others = frozenset({"sparklayer"})
        self.site = FakePoller()
        reader: Any = self.site
        self.follower = Producer(
            "acme", "sparklayer", reader, {"poll": reader.look_step}, runs=bench.runs, meter=self.meter,
            tally=self.tally, pauses=bench.pauses, lookout=self.lookout, places=self.producer.places, clock=bench.clock,
            until_settled=self._until_settled, leads=False, rng=random.Random(2), backoff=Backoff(jitter=0.0),
        )  # fmt: skip

    @asynccontextmanager
    async def both_at_work(self) -> AsyncIterator[None]:
        async with self.at_work():
            follower = asyncio.create_task(self.follower.run())
            try:
                yield
            finally:
                follower.cancel()
                await asyncio.wait([follower])
                assert self.site.closed


async def test_a_run_reads_both_platforms_and_counts_both(bench: Bench) -> None:
    stage = TwoSides(bench)
    async with stage.both_at_work():
        run = await stage.over(await stage.request())
        later = await stage.over(await stage.request(full=False))
    assert (run.state, run.read, run.published) == ("done", 6, 10)
    assert stage.poller.full == stage.site.full == [run.id], "each platform is read once"
    assert (later.state, stage.poller.caught_up, stage.site.caught_up) == ("done", 1, 1)


async def test_the_run_waits_for_the_part_of_the_other_side(bench: Bench) -> None:
    stage = TwoSides(bench)
    asked = await stage.request()
    async with stage.at_work():

        async def being_read() -> bool:
            return stage.poller.full == [asked.id] and (await bench.runs.get(asked.id)).read == 3

        await stage.until(being_read)
        assert (await bench.runs.get(asked.id)).state == "reading"
        follower = asyncio.create_task(stage.follower.run())
        assert (await stage.over(asked)).state == "done"
        follower.cancel()
        await asyncio.wait([follower])
    assert stage.settled == ["applying"]


async def test_a_part_that_was_read_before_a_restart_is_not_read_again(bench: Bench) -> None:
    stage = TwoSides(bench)
    asked = await stage.request()
    await bench.runs.start(asked.id)
    await bench.runs.part_read(asked, "sparklayer")
    async with stage.both_at_work():
        assert (await stage.over(asked)).state == "done"
    assert (stage.poller.full, stage.site.full) == ([asked.id], [])


async def test_trouble_at_the_other_platform_only_delays_the_run(bench: Bench) -> None:
    stage = TwoSides(bench)
    ill = TargetIll("503", side="sparklayer", endpoint="GET /api/v1/purchases", status=503)
    stage.site.faults = [ill, ill]
    async with stage.both_at_work():
        run = await stage.over(await stage.request())
    assert (run.state, len(stage.site.full), len(stage.poller.full)) == ("done", 3, 1)


async def test_a_part_that_cannot_be_read_fails_the_run_and_the_next_one_works(bench: Bench) -> None:
    stage = TwoSides(bench)
    stage.site.faults = [UserFault("there is no such thing at the site")]
    async with stage.both_at_work():
        run = await stage.over(await stage.request())
        again = await stage.over(await stage.request())
    assert (run.state, run.message) == ("failed", "there is no such thing at the site")
    assert again.state == "done"


async def test_refused_keys_pause_their_own_side_alone(bench: Bench) -> None:
    stage = TwoSides(bench)
    stage.site.look_faults = [
        CredentialsRefused("the keys are revoked", side="sparklayer", endpoint="POST /api/auth/token", status=401)
    ]
    async with stage.both_at_work():

        async def paused() -> bool:
            return "sparklayer" in await bench.pauses.paused("acme")

        await stage.until(paused)
        assert "connections update acme --client-secret" in (await bench.pauses.paused("acme"))["sparklayer"].reason
        asked = await stage.request()
        looks = stage.site.looks
        await stage.until_looked(5)
        assert stage.site.looks <= looks + 1, "a paused side makes no call"
        await bench.pauses.resume("acme", "sparklayer")
        run: Run = await stage.over(asked)
    assert run.state == "done"
