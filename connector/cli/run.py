"""`paylayer run`: the service."""

import asyncio
import signal
from typing import Annotated

import typer

from connector.app.allocator import keep_small
from connector.app.core import open_core
from connector.app.http_server import listen, serving
from connector.app.service import ROLES, Service, started
from connector.cli.logs import set_up
from connector.cli.output import run_async
from connector.errors import UserFault
from connector.settings import Settings, load
from connector.web.app import build


def run(
    only: Annotated[
        str | None,
        typer.Option("--only", help=f"Parts to run in this process, of {', '.join(sorted(ROLES))}; default all."),
    ] = None,
) -> None:
    """Run producers, intake, appliers and HTTP until SIGTERM or Ctrl-C."""
    roles = _roles(only)
    settings = load()
    set_up(settings)
    keep_small()
    run_async(_serve(settings, roles))


def _roles(only: str | None) -> frozenset[str]:
    if only is None:
        return ROLES
    roles = frozenset(part.strip() for part in only.split(",") if part.strip())
    if not roles or not roles <= ROLES:
        raise UserFault(f"--only {only!r}: write one or more of {', '.join(sorted(ROLES))}, separated by commas")
    return roles


async def _serve(settings: Settings, roles: frozenset[str]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with open_core(settings) as core, started(core, roles) as service:
        await core.connections.all()  # credentials that this key does not open are told now, not once a second
        tasks = {asyncio.create_task(service.run(), name="service"), asyncio.create_task(stop.wait(), name="stop")}
        if "web" in roles:
            tasks.add(asyncio.create_task(_web(service), name="web"))
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for task in done:
            _raise_first(task.exception())


async def _web(service: Service) -> None:
    settings = service.core.settings
    async with serving(build(service), listen(settings.http_host, settings.http_port)) as task:
        await task


def _raise_first(error: BaseException | None) -> None:
    """Out of a task group's bundle, the one error that a person can act on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None:
        raise error
