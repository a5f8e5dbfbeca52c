"""`paylayer rebuild`: state restored from the topics and the platforms."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connector.app.core import open_core
from connector.app.rebuild import Rebuilt
from connector.app.rebuild import rebuild as restore
from connector.cli.options import Json
from connector.cli.output import as_json, console, run_async, visible
from connector.settings import load


def rebuild(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="These connections; default all.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also where the database knows them already: look at everything again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read, and tell what would be written.")] = False,
    json: Json = False,
) -> None:
    """Restore a lost or outdated database from the topics and the platforms.

    Stop all services first. After a loss, add the connections again (connections add ... --no-sync): their credentials
    are nowhere else. What the platform has already is only read: one call for each product, bulk calls for prices and
    stock. An interrupted rebuild goes on when it is started again. Which dead letters were replayed or discarded is
    not known any more afterwards: all of them are new.
    """

    async def work() -> list[Rebuilt]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        out = console()
        with Progress(*columns, console=out, transient=True, disable=json or not out.is_terminal) as progress:
            bar = progress.add_task("reading the topics", total=None)
            async with open_core(load()) as core:
                return await restore(
                    core,
                    ids or (),
                    force=force,
                    dry_run=dry_run,
                    say=lambda text: progress.update(bar, description=text),
                )

    found = run_async(work())
    if json:
        as_json([asdict(one) | {"dry_run": dry_run, "differences": _named(one)} for one in found])
    else:
        for one in found:
            for line in describe(one, dry_run=dry_run):
                console().print(line)
        if not dry_run and all(one.state == "done" for one in found):
            console().print("next: paylayer run; its first sync finds what the stores changed meanwhile")
    if any(one.state != "done" for one in found):
        raise typer.Exit(1)


def _named(one: Rebuilt) -> list[dict[str, str]]:
    return [{"entity": entity, "key": key, "message": message} for entity, key, message in one.differences]


def describe(one: Rebuilt, *, dry_run: bool) -> list[str]:
    """How it ended, for people."""
    written = f"{len(one.differences)} would be written" if dry_run else f"{one.written} written"
    lines = [
        f"{one.id}: {one.rows} rows restored, {one.observed} observations of the store",
        f"  {one.unchanged} are there as they should be, {written}, {one.rejected} are refused, {one.waiting} wait",
        f"  calls: {one.calls['sparkpay']} to Spark Pay, {one.calls['sparklayer']} to SparkLayer",
        *(f"  {entity} {visible(key)}: {visible(message)}" for entity, key, message in one.differences),
    ]
    if one.message is not None:
        lines.append(f"  it stopped: {visible(one.message)}")
        lines.append(f"  mend it, then go on with: paylayer connections resume {one.id}; paylayer rebuild {one.id}")
    return lines
