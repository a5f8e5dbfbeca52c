"""`paylayer conflicts`: changes of both sides that did not know of each other."""

from dataclasses import asdict
from typing import Annotated

import typer

from connector.app.core import open_core
from connector.cli.options import ConnectionId, Json
from connector.cli.output import as_json, run_async, table
from connector.settings import load
from connector.state.conflicts import KEPT, Conflict

app = typer.Typer(no_args_is_help=True)
Limit = Annotated[int, typer.Option("--limit", min=1, max=KEPT, help="How many, the newest first.")]


@app.callback()
def _group() -> None:
    """Changes that both sides made of one entity, and which won."""


@app.command("list")
def list_(id_: ConnectionId, limit: Limit = 100, json: Json = False) -> None:
    """List them, the newest first. The newer change won; FIELDS are what was given up of the older one."""

    async def work() -> list[Conflict]:
        async with open_core(load()) as core:
            await core.connections.get(id_)
            return await core.conflicts.list(id_, limit)

    found = run_async(work())
    if json:
        as_json([asdict(one) for one in found])
        return
    table(
        ("ENTITY", "KEY", "WON", "LOST", "FIELDS"),
        (
            (
                one.entity,
                one.key,
                f"{one.winner_source} {one.winner_time:%Y-%m-%d %H:%M:%S}",
                f"{one.loser_source} {one.loser_time:%Y-%m-%d %H:%M:%S}",
                ", ".join(one.fields) or "all",
            )
            for one in found
        ),
        empty=f"no conflicts are on record of {id_}",
    )
