"""`paylayer problems`: what is not where it should be, and where in the store it is mended."""

from typing import Annotated, Any

import typer

from connector.app.core import open_core
from connector.app.problem_reports import problem_reports
from connector.cli.options import ConnectionId, Json
from connector.cli.output import as_json, run_async, table
from connector.settings import load

_MOST = 5000
app = typer.Typer(no_args_is_help=True)
Limit = Annotated[int, typer.Option("--limit", min=1, max=_MOST, help="How many, the newest first.")]


@app.callback()
def _group() -> None:
    """What is not where it should be, and why."""


@app.command("list")
def list_(id_: ConnectionId, limit: Limit = 100, json: Json = False) -> None:
    """List them, the newest first. A problem that was mended is not listed any more.

    TROUBLE: left-out of what was written; refused (a dead letter says more);
    waiting for something else; failing, and tried again; unmapped: a platform
    shows it in a way that cannot be brought over; note: written, though not
    quite as it was. Notes come last.
    """

    async def work() -> list[dict[str, Any]]:
        async with open_core(load()) as core:
            return await problem_reports(core, id_, limit)

    found = run_async(work())
    if json:
        as_json(found)
        return
    table(
        ("SIDE", "ENTITY", "KEY", "PART", "TROUBLE", "CODE", "MESSAGE"),
        (
            (one["side"], one["entity"], one["key"], one["part"] or "", one["trouble"], one["code"], one["message"])
            for one in found
        ),
        empty=f"no problems are known of {id_}",
    )
