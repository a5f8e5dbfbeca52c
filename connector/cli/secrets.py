"""`paylayer secrets`: under which key the stored secrets lie, and changing that key."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from connector.app.core import open_core
from connector.cli.options import Json
from connector.cli.output import as_json, console, run_async, table
from connector.settings import load
from connector.state.sealed_texts import SealedCount

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(json: Json = False) -> None:
    """Count the stored secrets by key.

    Exit code 1 where some are not under PAYLAYER_SECRET_KEY.
    """

    async def work() -> tuple[str, list[SealedCount]]:
        async with open_core(load()) as core:
            return core.sealed_texts.key_id, await core.sealed_texts.count()

    key_id, counts = run_async(work())
    _report(key_id, counts, json=json)


@app.command()
def rotate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count, and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Store every secret under the current key.

    What PAYLAYER_SECRET_KEY_SECOND has sealed is sealed with PAYLAYER_SECRET_KEY. Services go on meanwhile. It may be
    stopped and started again, and ends with a check: exit code 1 where something is not under the new key.
    """

    async def work() -> tuple[str, int, list[SealedCount]]:
        async with open_core(load()) as core:
            renewed = 0 if dry_run else await core.sealed_texts.renew()
            return core.sealed_texts.key_id, renewed, await core.sealed_texts.count()

    key_id, renewed, counts = run_async(work())
    _report(key_id, counts, json=json, renewed=None if dry_run else renewed, fails=not dry_run)


def _report(
    key_id: str, counts: Sequence[SealedCount], *, json: bool, renewed: int | None = None, fails: bool = True
) -> None:
    former = sum(count.former for count in counts)
    unreadable = sum(len(count.unreadable) for count in counts)
    if json:
        document: dict[str, Any] = {
            "key_id": key_id,
            "former": former,
            "secrets": [
                {
                    "what": count.what,
                    "current": count.current,
                    "former": count.former,
                    "unreadable": list(count.unreadable),
                }
                for count in counts
            ],
        }
        as_json(document if renewed is None else document | {"renewed": renewed})
    else:
        _say(key_id, counts, former, unreadable, renewed)
    if fails and (former or unreadable):
        raise typer.Exit(1)


def _say(key_id: str, counts: Sequence[SealedCount], former: int, unreadable: int, renewed: int | None) -> None:
    out = console()
    table(
        ("WHAT", "THIS KEY", "SECOND KEY", "UNREADABLE"),
        ((count.what, count.current, count.former, len(count.unreadable)) for count in counts),
        empty="no secrets are stored",
    )
    if renewed is not None:
        out.print(f"{renewed} stored anew under the key {key_id}")
    for count in counts:
        for row in count.unreadable:
            out.print(f"!! {count.what} of {row}: its key is not known, or it is damaged; set it again")
    if former:
        out.print(f"{former} need the second key yet: paylayer secrets rotate")
    if not former and not unreadable:
        out.print(f"all are under the key {key_id}; PAYLAYER_SECRET_KEY_SECOND is not needed")
