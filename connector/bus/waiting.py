"""Sleeping that an event can end."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from connector.clock import Clock


async def wait_unless(clock: Clock, seconds: float, *events: asyncio.Event) -> None:
    """Sleep so long, or until one of the events is set."""
    waiters: list[Awaitable[Any]] = [clock.sleep(seconds), *(event.wait() for event in events)]
    tasks = [asyncio.ensure_future(waiter) for waiter in waiters]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
