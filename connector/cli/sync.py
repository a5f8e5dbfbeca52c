"""`paylayer sync`: bring one connection up to date now."""

import asyncio
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connector.app.core import Core, open_core
from connector.app.service import started
from connector.app.syncs import KINDS_OF_A_SYNC, report
from connector.cli.options import ConnectionId, Json
from connector.cli.output import as_json, console, run_async
from connector.errors import Unavailable, UserFault
from connector.settings import load
from connector.state.runs import Run

LOOK_SECONDS = 0.5


def sync(
    id_: ConnectionId,
    entity: Annotated[
        list[str] | None,
        typer.Option(
            "--entity", metavar="KIND", help=f"Only this kind ({', '.join(KINDS_OF_A_SYNC)}); may be repeated."
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, not only what changed.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all is applied or dead-lettered.")] = False,
    here: Annotated[
        bool, typer.Option("--here", help="Do the work in this process, without a running service.")
    ] = False,
    json: Json = False,
) -> None:
    """Ask the running service for a sync, and show its progress."""
    for name in entity or ():
        if name not in KINDS_OF_A_SYNC:
            raise UserFault(f"--entity {name!r}: write {', '.join(KINDS_OF_A_SYNC)}")

    async def work() -> Run:
        async with open_core(load()) as core:
            await core.connections.get(id_)
            if not here and not any("producers" in worker.roles for worker in await core.workers.alive()):
                raise Unavailable(
                    "no service is running: start it with paylayer run, or add --here to do the work in this process"
                )
            run = await core.runs.request(id_, entities=tuple(entity or ()), full=full, requested_by="command")
            if here:
                return await _here(core, run, quiet=json)
            return await _follow(core, run, until_done=wait, quiet=json)

    run = run_async(work())
    if json:
        as_json(report(run))
    else:
        _say(report(run), waited=wait or here)
    if run.state == "failed":
        raise typer.Exit(1)


async def _here(core: Core, run: Run, *, quiet: bool) -> Run:
    roles = frozenset({"producers", "intake", "appliers"})
    async with started(core, roles) as service:
        working = asyncio.create_task(service.run())
        following = asyncio.create_task(_follow(core, run, until_done=True, quiet=quiet))
        await asyncio.wait({working, following}, return_when=asyncio.FIRST_COMPLETED)
        if not following.done():
            following.cancel()
            await working  # it ended first: with its error
        working.cancel()
        await asyncio.wait([working])
        return await following


async def _follow(core: Core, run: Run, *, until_done: bool, quiet: bool) -> Run:
    if not until_done:
        return run
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    out = console()
    with Progress(*columns, console=out, transient=True, disable=quiet or not out.is_terminal) as progress:
        bar = progress.add_task("waiting for the service", total=None)
        while True:
            now = await core.runs.get(run.id)
            progress.update(bar, description=_line(report(now)))
            if now.over:
                return now
            await core.clock.sleep(LOOK_SECONDS)


def _line(facts: dict[str, Any]) -> str:
    counts = ", ".join(f"{facts[name]} {name}" for name in ("read", "published", "applied", "rejected"))
    return f"{facts['state']}: {counts}"


def _say(facts: dict[str, Any], *, waited: bool) -> None:
    out = console()
    if not waited:
        out.print(f"asked for sync {facts['id']}; follow it with paylayer status, or use --wait")
        return
    if facts["state"] == "failed":
        out.print(f"the sync failed: {facts['message']}")
        return
    out.print(
        f"{facts['read']} products read, {facts['published']} events published: {facts['applied']} applied, "
        f"{facts['unchanged']} unchanged, {facts['rejected']} rejected, in {facts['seconds']:.1f} s"
    )
    out.print(f"calls: {facts['calls']['sparkpay']} to Spark Pay, {facts['calls']['sparklayer']} to SparkLayer")
    if facts["rejected"]:
        out.print("why: paylayer dlq list")
