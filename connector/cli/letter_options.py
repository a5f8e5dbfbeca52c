"""Which letters a `paylayer dlq` command means, as options."""

import getpass
import os
from datetime import UTC, datetime
from typing import Annotated

import typer

from connector.app.letters import STATES, LetterFilter
from connector.cli.options import moment
from connector.errors import UserFault
from contracts.entities import KINDS
from contracts.topics import SIDES

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="<dlt topic>:<partition>:<offset>, as list shows them.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="<dlt topic>:<partition>:<offset>, as list shows it.")]
Side = Annotated[str | None, typer.Option("--side", help=f"{' or '.join(SIDES)}.")]
EntityName = Annotated[str | None, typer.Option("--entity", help=f"{', '.join(KINDS)}.")]
ConnectionName = Annotated[str | None, typer.Option("--connection", help="Id of a connection.")]
State = Annotated[str | None, typer.Option("--state", help=f"What became of it: {', '.join(STATES)}.")]
Status = Annotated[int | None, typer.Option("--status", help="HTTP status of the refusal.")]
Code = Annotated[str | None, typer.Option("--code", help="Error code, for instance sku_missing.")]
Since = Annotated[str | None, typer.Option("--since", help="2026-11-22T10:00:00Z, or 90m, 2h, 3d ago.")]
Until = Annotated[str | None, typer.Option("--until", help="The same.")]
Grep = Annotated[str | None, typer.Option("--grep", help="Text in key, value or message; upper and lower case alike.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Rate = Annotated[float | None, typer.Option("--rate", min=0.1, help="Letters a second at most.")]


def letter_filter(
    ids: list[str] | None,
    side: str | None,
    entity: str | None,
    connection: str | None,
    state: str | None,
    status: int | None,
    code: str | None,
    since: str | None,
    until: str | None,
    grep: str | None,
) -> LetterFilter:
    """The options as a filter. Raises `UserFault` for a word that is none of those known."""
    for option, value, known in (
        ("--side", side, SIDES),
        ("--entity", entity, tuple(KINDS)),
        ("--state", state, STATES),
    ):
        if value is not None and value not in known:
            raise UserFault(f"{option} {value!r}: write {', '.join(known)}")
    now = datetime.now(UTC)
    return LetterFilter(
        ids=tuple(dict.fromkeys(ids or ())),
        side=side,
        entity=entity,
        connection=connection,
        state=state,
        status=status,
        code=code,
        since=moment(since, "--since", now),
        until=moment(until, "--until", now),
        grep=grep,
    )


def who() -> str:
    """Who gives the command, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
