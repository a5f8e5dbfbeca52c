"""What an operator does with commands, done in this process: a dozen starts of Python less for every world."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import SecretStr

from connector.app.core import Core, open_core
from connector.app.letters import LetterFilter, LetterOffice
from connector.bus.topics import administration, create
from connector.settings import ConnectionSettings, Settings
from connector.state.connections import SparkLayerAccess, SparkPayAccess
from contracts.topics import TopicNames, plan
from tests.acceptance.system import SECRET, SECRET_KEY, TOKEN, System
from tests.chaos.erp import CONNECTION

SITE = "acme-tools"
PARTITIONS = 4
_SYNC_SECONDS = 60.0
_LOOK_SECONDS = 0.2

Result = TypeVar("Result")


def connect(system: System, *values: str) -> None:
    """Topics, tables and the connection, which starts with a full sync."""

    async def work(core: Core) -> None:
        async with administration(core.settings) as admin:
            await create(admin, plan(TopicNames(system.prefix), PARTITIONS))
        chosen = dict(value.split("=", 1) for value in values)
        await core.connections.add(
            CONNECTION,
            SparkPayAccess(f"http://127.0.0.1:{system.pay_port}", TOKEN),
            SparkLayerAccess(f"http://127.0.0.1:{system.layer_port}", SITE, "test", "client", SECRET),
            ConnectionSettings().with_b2b_types("all").with_values(chosen),
        )
        await core.runs.request(CONNECTION, entities=(), full=True, requested_by="chaos")

    _with_core(system, work)


def letters(system: System) -> list[dict[str, Any]]:
    """As `paylayer dlq list --json`."""

    async def work(core: Core) -> list[dict[str, Any]]:
        return [found.report() async for found in LetterOffice(core).search(LetterFilter())]

    return _with_core(system, work)


def sync_again(system: System) -> str:
    """As `paylayer sync ID --full --wait`: how it ended."""

    async def work(core: Core) -> str:
        run = await core.runs.request(CONNECTION, entities=(), full=True, requested_by="chaos")
        async with asyncio.timeout(_SYNC_SECONDS):
            while not (now := await core.runs.get(run.id)).over:
                await asyncio.sleep(_LOOK_SECONDS)
        return f"{now.state}, {now.published} published, {now.applied} applied, {now.unchanged} unchanged"

    return _with_core(system, work)


def _with_core(system: System, work: Callable[[Core], Awaitable[Result]]) -> Result:
    settings = Settings(
        kafka_bootstrap_servers=system.bootstrap,
        database_url=system.database_url,
        topic_prefix=system.prefix,
        topic_partitions=PARTITIONS,
        secret_key=SecretStr(SECRET_KEY),
    )

    async def run() -> Result:
        async with open_core(settings) as core:
            return await work(core)

    return asyncio.run(run())
