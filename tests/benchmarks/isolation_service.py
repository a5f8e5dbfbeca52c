"""The service as a process of its own, which counts what it asks the database."""

import asyncio
import os

from sqlalchemy import event

from connector.app.allocator import keep_small
from connector.app.core import open_core
from connector.app.garbage import seldom_full_collections
from connector.app.http_server import listen, serving
from connector.app.service import started
from connector.cli.logs import set_up
from connector.demo.stage import ROLES
from connector.settings import Settings

BEGINNINGS = ("BEGIN", "COMMIT", "ROLLBACK")


async def _main() -> None:
    settings = Settings()
    counts = {"statements": 0}

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counts["statements"] += not statement.startswith(BEGINNINGS)

    async def tell(_scope: object, _receive: object, send: object) -> None:
        text = f"{counts['statements']} {sum(os.times()[:2])}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": text})  # type: ignore[operator]

    async with open_core(settings) as core:
        event.listen(core.database._engine.sync_engine, "before_cursor_execute", executed)
        async with (
            started(core, ROLES) as service,
            serving(tell, listen("127.0.0.1", settings.http_port)),
            seldom_full_collections(core.clock),
        ):
            await service.run()


if __name__ == "__main__":
    keep_small()
    set_up(Settings())
    asyncio.run(_main())
