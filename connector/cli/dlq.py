"""`paylayer dlq`: search, mend, replay and discard what a side refused."""

import getpass
import os
import sys
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from connector.app.core import open_core
from connector.app.letter_record import letter_record
from connector.app.letters import STATES, FoundLetter, LetterFilter, LetterOffice, ReplayResult
from connector.bus.edits import editable_text
from connector.bus.publisher import Publisher
from connector.cli.editing import edited_in_editor
from connector.cli.letter_text import as_lines, in_short
from connector.cli.options import Json, moment
from connector.cli.output import as_json, console, plain, run_async, write
from connector.errors import UserFault
from connector.settings import load
from contracts.entities import KINDS
from contracts.topics import SIDES

app = typer.Typer(help="Dead letters: what a side refused, and why.", no_args_is_help=True)

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


def _filter(
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
    for option, value, known in (
        ("--side", side, SIDES),
        ("--entity", entity, tuple(KINDS)),
        ("--state", state, STATES),
    ):
        if value is not None and value not in known:
            raise UserFault(f"{option} {value!r}: write {', '.join(known)}")
    now = datetime.now(UTC)
    return LetterFilter(
        ids=tuple(ids or ()),
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


@app.command("list")
def list_(
    side: Side = None,
    entity: EntityName = None,
    connection: ConnectionName = None,
    state: State = None,
    status: Status = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    grep: Grep = None,
    json: Json = False,
) -> None:
    """List dead letters."""
    chosen = _filter(None, side, entity, connection, state, status, code, since, until, grep)

    async def work() -> list[FoundLetter]:
        async with open_core(load()) as core:
            return [found async for found in LetterOffice(core).search(chosen)]

    letters = run_async(work())
    if json:
        as_json([found.report() for found in letters])
        return
    if not letters:
        console().print("no dead letters")
        return
    out = console()
    for found in letters:
        for line in in_short(found, out.width):
            out.print(line, soft_wrap=True)
    out.print(f"\n{len(letters)} dead letters; look closer: paylayer dlq show ID")
    out.print("mend: paylayer dlq edit ID; send again: paylayer dlq replay ID")


@app.command()
def show(id_: Id, json: Json = False) -> None:
    """Show one letter: why it was refused, and the record."""

    async def work() -> tuple[FoundLetter, bytes | None]:
        async with open_core(load()) as core:
            return await LetterOffice(core).one(id_)

    found, edit = run_async(work())
    if json:
        as_json(found.report() | letter_record(found.stored, edit))
        return
    for line in as_lines(found, edit):
        console().print(line, soft_wrap=True)


@app.command()
def edit(
    id_: Id,
    file: Annotated[
        Path | None, typer.Option("--file", help="Take the mended event from this file (- = standard input).")
    ] = None,
) -> None:
    """Mend a letter's event in $EDITOR or with --file. The next replay sends the mended event."""

    async def work() -> bool:
        async with open_core(load()) as core:
            office = LetterOffice(core)
            found, earlier = await office.one(id_)
            text = _new_text(earlier.decode() if earlier else editable_text(found.stored), file)
            if text is None:
                return False
            await office.edit(id_, text)
            return True

    if run_async(work()):
        console().print(f"mended {id_}; send it with: paylayer dlq replay {id_}")
    else:
        console().print("nothing was changed")


def _new_text(text: str, file: Path | None) -> str | None:
    if file is not None:
        try:
            return sys.stdin.read() if str(file) == "-" else file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UserFault(f"{file} cannot be read: {error}") from error
    return edited_in_editor(text)


@app.command()
def replay(
    ids: Ids = None,
    side: Side = None,
    entity: EntityName = None,
    connection: ConnectionName = None,
    state: State = None,
    status: Status = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    grep: Grep = None,
    dry_run: DryRun = False,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, help="Letters a second at most.")] = None,
    json: Json = False,
) -> None:
    """Send letters again, by id or by filter. What is older than what was applied meanwhile is left alone."""
    chosen = _filter(ids, side, entity, connection, state, status, code, since, until, grep)

    async def work() -> ReplayResult:
        async with open_core(load()) as core, Publisher.connected(core.settings, core.clock) as publisher:
            return await LetterOffice(core).replay(publisher, chosen, by=_who(), dry_run=dry_run, rate=rate)

    result = run_async(work())
    if json:
        as_json({name: getattr(result, name) for name in ("replay_id", "selected", "sent", "superseded", "dry_run")})
        return
    what = "would be sent" if dry_run else "sent again"
    count = result.selected - result.superseded if dry_run else result.sent
    console().print(f"{count} {what}, {result.superseded} left alone because a newer state was applied meanwhile")


@app.command()
def discard(
    ids: Ids = None,
    side: Side = None,
    entity: EntityName = None,
    connection: ConnectionName = None,
    state: State = None,
    status: Status = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    grep: Grep = None,
    dry_run: DryRun = False,
) -> None:
    """Mark letters as not needed, by id or by filter."""
    chosen = _filter(ids, side, entity, connection, state, status, code, since, until, grep)

    async def work() -> int:
        async with open_core(load()) as core:
            return await LetterOffice(core).discard(chosen, by=_who(), dry_run=dry_run)

    count = run_async(work())
    console().print(f"{count} {'would be' if dry_run else ''} discarded".replace("  ", " "))


@app.command()
def export(
    side: Side = None,
    entity: EntityName = None,
    connection: ConnectionName = None,
    state: State = None,
    status: Status = None,
    code: Code = None,
    since: Since = None,
    until: Until = None,
    grep: Grep = None,
    file: Annotated[Path | None, typer.Option("--file", help="Write here instead of to standard output.")] = None,
) -> None:
    """Write letters as JSON Lines, with key, value and headers."""
    chosen = _filter(None, side, entity, connection, state, status, code, since, until, grep)
    count = run_async(_export(chosen, file))
    sys.stderr.write(f"{count} dead letters written\n")


async def _export(chosen: LetterFilter, file: Path | None) -> int:
    count = 0
    try:
        target = file.open("w") if file is not None else None
    except OSError as error:
        raise UserFault(f"{file} cannot be written: {error.strerror}") from error
    say = target.write if target is not None else write
    try:
        async with open_core(load()) as core:
            async for found in LetterOffice(core).search(chosen):
                line = found.report() | letter_record(found.stored, None)
                say(dumps(line, ensure_ascii=False, default=plain) + "\n")
                count += 1
    finally:
        if target is not None:
            target.close()
    return count


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
