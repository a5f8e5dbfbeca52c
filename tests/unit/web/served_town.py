"""The town of the Ignite tests behind real HTTP, in a thread of this process, with time passing."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import SecretStr

from connector.app.http_server import listen, serving
from connector.web.app import build
from tests.unit.web.ignite_town import Town, ignite_town, joined, with_goods


@contextmanager
def served_town(folder: Path) -> Iterator[str]:
    """Its address. The site `tools` is connected with a store that has goods, and a customer with an address."""
    listener = listen("127.0.0.1", 0)
    ready, ended, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async for town in ignite_town(folder):
            await joined(town, customers__association_type_id="3")
            with_goods(town).settings(ignite_verify_secret=SecretStr("storefront-key"))
            town.store.insert("customers", email="ana@roofers.example", store_id=1)
            town.store.insert("addresses", customer_id=1)
            passing = asyncio.create_task(_time_passes(town))
            async with serving(build(town.site.service), listener):
                ready.set()
                await ended.wait()
            passing.cancel()
            with suppress(asyncio.CancelledError):
                await passing

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="served-town")
    thread.start()
    try:
        assert ready.wait(20), "the town did not open"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        loop.close()


async def _time_passes(town: Town) -> None:
    """Fast enough that neither a rate limit nor a store's window has the last word."""
    while True:
        await asyncio.sleep(0.005)
        town.site.clock.advance(30)
