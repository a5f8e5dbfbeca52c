"""`paylayer connections webhooks`: how a store tells of changes at once."""

from typing import Annotated, Literal

import typer

from connector.app.core import open_core
from connector.app.webhook_keeping import webhooks_once
from connector.cli.options import ConnectionId, Json
from connector.cli.output import as_json, console, run_async
from connector.settings import load
from connector.sparkpay.webhook_registration import Registration

app = typer.Typer(help="How a store tells of changes at once: its webhooks.", no_args_is_help=True)


@app.command()
def register(id_: ConnectionId, json: Json = False) -> None:
    """Subscribe to what is missing and repair what is wrong. A running service does so by itself every hour."""
    _report(_do(id_, "register"), json)


@app.command()
def check(id_: ConnectionId, json: Json = False) -> None:
    """Compare the store's subscriptions with what is wanted. Exit code 1 where they differ."""
    found = _do(id_, "check")
    _report(found, json, of_a_check=True)
    if found.changed or found.problems:
        raise typer.Exit(1)


@app.command()
def rotate(id_: ConnectionId, json: Json = False) -> None:
    """Give the address a new secret. The former one is taken until the store knows the new one."""
    _report(_do(id_, "rotate"), json)


@app.command()
def remove(
    id_: ConnectionId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Unsubscribe. A running service registers them again unless sparkpay.webhooks is false."""
    if not yes:
        typer.confirm(f"Remove the webhooks of {id_}?", abort=True)
    console().print(f"removed {_do(id_, 'remove').removed} webhooks of {id_}")


def _do(id_: str, action: Literal["register", "check", "rotate", "remove"]) -> Registration:
    async def work() -> Registration:
        async with open_core(load()) as core:
            return await webhooks_once(core, await core.connections.get(id_), action)

    return run_async(work())


def _report(done: Registration, json: bool, *, of_a_check: bool = False) -> None:
    if json:
        as_json(
            {
                "right": done.right,
                "created": done.created,
                "repaired": done.repaired,
                "removed": done.removed,
                "problems": done.problems,
            }
        )
        return
    words = ("missing", "wrong", "too many") if of_a_check else ("created", "repaired", "removed")
    numbers = (done.created, done.repaired, done.removed)
    counts = ", ".join(f"{number} {word}" for number, word in zip(numbers, words, strict=True) if number)
    console().print(f"{done.right} right" + (f", {counts}" if counts else ""))
    if done.older_store:
        console().print("the store knows only the older events: it is older than version 2020.3")
    for problem in done.problems:
        console().print(f"note: {problem}")
