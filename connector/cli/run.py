"""`paylayer run`: the service."""

import asyncio
import contextlib
from typing import Annotated

import structlog
import typer

from connector.app.allocator import keep_small
from connector.app.core import open_core
from connector.app.garbage import seldom_full_collections
from connector.app.http_server import listen, serving
from connector.app.service import ROLES, Service, started
from connector.cli.interruption import interruptible
from connector.cli.logs import set_up
from connector.errors import UserFault
from connector.settings import Settings, load
from connector.web.app import build

log = structlog.get_logger("paylayer.run")


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
    with contextlib.suppress(KeyboardInterrupt):  # that is how a service ends
        interruptible(_serve(settings, roles), code=0)


def _roles(only: str | None) -> frozenset[str]:
    if only is None:
        return ROLES
    roles = frozenset(part.strip() for part in only.split(",") if part.strip())
    if not roles or not roles <= ROLES:
        raise UserFault(f"--only {only!r}: write one or more of {', '.join(sorted(ROLES))}, separated by commas")
    return roles


async def _serve(settings: Settings, roles: frozenset[str]) -> None:
    async with (
        open_core(settings) as core,
        started(core, roles) as service,
        seldom_full_collections(core.clock),
    ):
        await core.connections.all()  # credentials that this key does not open are told now, not once a second
        tasks = {asyncio.create_task(service.run(), name="service")}
        if "web" in roles:
            tasks.add(asyncio.create_task(_web(service), name="web"))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            log.info("stopping")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            _raise_first(task.exception())


async def _web(service: Service) -> None:
    settings = service.core.settings
    listener = listen(settings.http_host, settings.http_port)
    async with serving(build(service), listener, trusted_proxies=settings.trusted_proxies) as task:
        await task


def _raise_first(error: BaseException | None) -> None:
    """Out of a task group's bundle, the one error that a person can act on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None:
        raise error
