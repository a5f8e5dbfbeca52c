"""A process that is started because the one before it was killed."""

import asyncio
import itertools

from connector.engine.supervisor import BEAT_SECONDS, EAGER_SECONDS, HEIR_SECONDS
from connector.state.workers import TTL_SECONDS
from tests.behaviour.engine.bench import Bench
from tests.behaviour.engine.test_supervisor import Process, processes


async def until_it_works(process: Process, seconds: float) -> float:
    """Seconds until the look that gave the process its first job; fails after so many."""
    began = process.clock.monotonic()
    running = asyncio.create_task(process.supervisor.run())
    try:
        while not process.running:
            assert process.supervisor.last_tick - began <= seconds
            await asyncio.sleep(0)
        return process.supervisor.last_tick - began
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_it_takes_over_as_soon_as_the_leases_of_the_dead_one_expire(bench: Bench) -> None:
    async with processes(bench, "dead", "heir") as (dead, heir):
        await dead.step()
        assert await until_it_works(heir, TTL_SECONDS + 2 * EAGER_SECONDS) >= TTL_SECONDS


async def test_it_is_eager_for_seconds_only_while_others_live(bench: Bench) -> None:
    async with processes(bench, "alive", "spare") as (alive, spare):
        await alive.step()
        running = asyncio.create_task(spare.supervisor.run())
        looks: list[float] = []
        while spare.clock.monotonic() < 20.0:
            await alive.workers.workers.beat("alive")
            if spare.supervisor.last_tick not in looks:
                looks.append(spare.supervisor.last_tick)
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
        assert not spare.running
        pauses = [late - early for early, late in itertools.pairwise(looks)]
        assert EAGER_SECONDS in pauses
        # A look between two of these readings is not seen, so a pause may seem to be several.
        later = [pause for pause, at in zip(pauses, looks, strict=False) if at > HEIR_SECONDS + 1]
        assert {pause % BEAT_SECONDS for pause in later} == {0.0}
