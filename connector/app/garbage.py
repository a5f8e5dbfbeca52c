"""Keeping the garbage collector from holding up what has to be answered at once."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator

from connector.clock import Clock

EVERY_SECONDS = 30.0
_NEVER = 1_000_000_000  # collections of the middle generation between two full ones


@contextlib.asynccontextmanager
async def seldom_full_collections(clock: Clock) -> AsyncIterator[None]:
    """Within the block everything is looked at twice a minute instead of every few seconds; the young as ever.

    A full collection walks every object of the process and stops it meanwhile, a quarter of a second with 200
    connections; one that comes by itself comes the oftener, the more is under way, and there is hardly anything for it:
    counting references frees nearly all. What has been loaded so far stays for as long as the process lives and is not
    looked at again.
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds[:2], _NEVER)
    collecting = asyncio.create_task(_collect_forever(clock), name="garbage")
    try:
        yield
    finally:
        collecting.cancel()
        await asyncio.wait([collecting])
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def _collect_forever(clock: Clock) -> None:
    while True:
        await clock.sleep(EVERY_SECONDS)
        gc.collect()
