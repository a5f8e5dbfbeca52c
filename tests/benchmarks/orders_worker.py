"""The worker of `orders_placed`: an applier of orders that is killed now and then. The job comes as JSON on stdin.

This process only starts the one that works, and starts it again when it was killed: a fork of what is imported already,
so that a restart costs milliseconds.
"""

import asyncio
import json
import os
import random
import signal
import sys
from typing import Any

import httpx
from pydantic import SecretStr

from connector.bus.record import Place
from connector.clock import SystemClock
from connector.engine.applier import Applier
from connector.engine.metrics import Metrics
from connector.engine.tally import Tally
from connector.settings import ConnectionSettings
from connector.sparkpay.client import SparkPayClient
from connector.state.claims import SideDirectory
from connector.state.database import Database
from connector.state.entities import SideEntities
from connector.state.inbox import Inbox
from connector.state.intents import SideIntents
from connector.state.pauses import SidePauses
from connector.state.runs import Runs
from handlers.sparkpay import handlers
from tests.fakes.sparkpay_ports import FakeBudget

CONNECTION, SIDE, TOKEN = "acme", "sparkpay", "bench"
LATEST_KILL = 0.03  # seconds after an order has left: before, while and after it is answered and written down
LOOK_SECONDS = 0.1


class DeadlyNetwork(httpx.AsyncHTTPTransport):
    """Of every hundred orders that leave, so many take the whole process along, soon and without a word."""

    def __init__(self, percent: float, rng: random.Random) -> None:
        super().__init__()
        self._share = percent / 100
        self._rng = rng

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        placing = request.method == "POST" and request.url.path.endswith(("/orders/integration", "/orders"))
        if placing and self._rng.random() < self._share:
            delay = self._rng.uniform(0, LATEST_KILL)
            asyncio.get_running_loop().call_later(delay, os.kill, os.getpid(), signal.SIGKILL)
        return await super().handle_async_request(request)


class Office:
    """Nothing should be refused; what is shows in the inbox."""

    async def refuse(self, record: Any, side: str, refusal: Any) -> Place:
        sys.stderr.write(f"{refusal.code}: {refusal.message}\n")
        return Place(f"{record.topic}.{side}.dlt", 0, 0)


async def work(job: dict[str, Any], seed: int) -> None:
    """Apply what is due until nothing is left."""
    clock, office = SystemClock(), Office()
    settings = ConnectionSettings().with_values(job["settings"])
    database = await Database.open(job["database"])
    inbox = Inbox(database, clock)
    network = DeadlyNetwork(job["kill_percent"], random.Random(seed))
    client = SparkPayClient(job["store"], SecretStr(TOKEN), budget=FakeBudget(), transport=network, clock=clock)
    async with client:
        applier = Applier(
            CONNECTION,
            SIDE,
            settings=settings,
            handlers={"order": handlers(client)["order"]},
            inbox=inbox,
            directory=SideDirectory(database, CONNECTION, SIDE),
            entities=SideEntities(database, CONNECTION, SIDE),
            intents=SideIntents(database, clock, CONNECTION, SIDE),
            office=office,  # type: ignore[arg-type]
            pauses=SidePauses(database, clock),
            clock=clock,
            metrics=Metrics(),
            tally=Tally(Runs(database, clock)),
        )
        applying = asyncio.create_task(applier.run())
        while await inbox.busy(CONNECTION):
            applier.due("order")
            await asyncio.sleep(LOOK_SECONDS)
            if applying.done():
                applying.result()
        applying.cancel()
        await asyncio.wait([applying])
    await database.close()


def main() -> None:
    job = json.load(sys.stdin)
    kills = 0
    while True:
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(work(job, job["seed"] + kills))
            except BaseException as error:  # noqa: BLE001 - a forked process must not go on as its parent
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                os._exit(1)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            break
        kills += 1
    sys.stdout.write(json.dumps({"kills": kills, "code": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    main()
