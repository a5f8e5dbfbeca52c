"""`paylayer sync`: bring one connection up to date now, or a part of it, or only tell what that would do."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connector.app.core import Core, open_core
from connector.app.service import started
from connector.app.syncs import KINDS_OF_A_SYNC, choice_from, report
from connector.choice import Choice
from connector.cli.options import ConnectionId, Json, moment
from connector.cli.output import as_json, console, run_async
from connector.cli.sync_dry_run import show_dry_run
from connector.clock import SystemClock
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
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="NUMBER", help="Only this id of the store; may be repeated."),
    ] = None,
    ids_file: Annotated[
        Path | None, typer.Option("--ids", metavar="FILE", help="Only the ids in a file, one a line.")
    ] = None,
    where: Annotated[
        str, typer.Option("--where", metavar="QUERY", help="Only what fits: price=gt:5&item_name=like:rope")
    ] = "",
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what changed since: 2026-11-22, 3d, 2h.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, not only what changed.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when all is applied or dead-lettered.")] = False,
    here: Annotated[
        bool, typer.Option("--here", help="Do the work in this process, without a running service.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be created, changed and removed.")
    ] = False,
    json: Json = False,
) -> None:
    """Ask the running service for a sync, and show its progress."""
    kinds = tuple(entity or ())
    for name in kinds:
        if name not in KINDS_OF_A_SYNC:
            raise UserFault(f"--entity {name!r}: write {', '.join(KINDS_OF_A_SYNC)}")
    choice = choice_from(
        kinds,
        ids=[*(ids or ()), *_lines_of(ids_file)],
        where=where,
        since=moment(since, "--since", SystemClock().now()),
    )
    if dry_run:
        if full or wait or here:
            raise UserFault(
                "--dry-run needs no service and always compares everything: leave out --full, --wait, --here"
            )
        show_dry_run(id_, kinds, choice, json=json)
        return
    run = run_async(_work(id_, kinds, choice, full=full, wait=wait, here=here, quiet=json))
    if json:
        as_json(report(run))
    else:
        _say(report(run), waited=wait or here)
    if run.state == "failed":
        raise typer.Exit(1)


async def _work(
    id_: str, kinds: tuple[str, ...], choice: Choice | None, *, full: bool, wait: bool, here: bool, quiet: bool
) -> Run:
    async with open_core(load()) as core:
        await core.connections.get(id_)
        if not here and not any("producers" in worker.roles for worker in await core.workers.alive()):
            raise Unavailable(
                "no service is running: start it with paylayer run, or add --here to do the work in this process"
            )
        run = await core.runs.request(id_, entities=kinds, full=full, requested_by="command", choice=choice)
        if here:
            return await _here(core, run, quiet=quiet)
        return await _follow(core, run, until_done=wait, quiet=quiet)


def _lines_of(file: Path | None) -> list[str]:
    """What a file names, a line each; empty lines and those that begin with # do not count."""
    if file is None:
        return []
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserFault(f"--ids: {file} cannot be read: {why}") from error
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise UserFault(f"--ids: {file} names no id")
    return found


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
        f"{facts['read']} rows read, {facts['published']} events published: {facts['applied']} applied, "
        f"{facts['unchanged']} unchanged, {facts['rejected']} rejected, in {facts['seconds']:.1f} s"
    )
    out.print(f"calls: {facts['calls']['sparkpay']} to Spark Pay, {facts['calls']['sparklayer']} to SparkLayer")
    if facts["rejected"]:
        out.print("why: paylayer dlq list")
