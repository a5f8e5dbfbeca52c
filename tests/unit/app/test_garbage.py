"""Full collections come by the clock and not by the load, and only within the block."""

import gc
import weakref

from connector.app.garbage import EVERY_SECONDS, seldom_full_collections
from tests.support.stepping import VirtualClock


class Circle:
    """Something that only a collection can free."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_only_a_collection_frees_is_freed_twice_a_minute() -> None:
    clock, thresholds = VirtualClock(), gc.get_threshold()
    async with seldom_full_collections(clock):
        circle = Circle()
        gone = weakref.ref(circle)
        gc.collect(1)  # twice survived: from now on only a full collection looks at it
        gc.collect(1)
        del circle
        gc.collect(1)
        await clock.run_until(EVERY_SECONDS - 1)
        assert gone() is not None
        await clock.run_until(EVERY_SECONDS)
        assert gone() is None
    assert gc.get_threshold() == thresholds
    assert gc.get_freeze_count() == 0


async def test_load_alone_brings_no_full_collection() -> None:
    clock = VirtualClock()
    async with seldom_full_collections(clock):
        before = gc.get_stats()[2]["collections"]
        kept = [[str(number)] for number in range(300_000)]
        assert gc.get_stats()[2]["collections"] == before
        assert gc.get_stats()[1]["collections"] > 0
    assert len(kept) == 300_000
