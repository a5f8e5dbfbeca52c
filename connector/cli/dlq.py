"""`paylayer dlq`: search, mend and discard what a side refused."""

import sys
from collections.abc import Iterator
from contextlib import aclosing
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.app.core import open_core
from connector.app.letter_list import LetterCount, LetterList
from connector.app.letter_list import summary as summed_up
from connector.app.letter_record import letter_record
from connector.app.letters import FoundLetter, LetterFilter, LetterOffice
from connector.bus.edits import editable_text
from connector.cli import dlq_files, dlq_replay
from connector.cli.editing import edited_in_editor
from connector.cli.letter_options import (
    Code,
    ConnectionName,
    DryRun,
    EntityName,
    Grep,
    Id,
    Ids,
    Side,
    Since,
    State,
    Status,
    Until,
    letter_filter,
    who,
)  # fmt: skip
from connector.cli.letter_text import as_lines, in_short
from connector.cli.options import Json
from connector.cli.output import as_json, console, plain, run_async, table, write
from connector.errors import UserFault
from connector.settings import load
from connector.state.letters import Edit

app = typer.Typer(no_args_is_help=True)
_SHOWN = 50


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
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=0, help=f"Show so many, 0 = all; default {_SHOWN}, with --json all."),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Print how many there are, and nothing else.")] = False,
    json: Json = False,
) -> None:
    """List dead letters, newest first."""
    chosen = letter_filter(None, side, entity, connection, state, status, code, since, until, grep)
    with LetterList(_kept(limit, count=count, json=json)) as found:
        run_async(_look(chosen, found))
        if count:
            write(f"{found.total}\n")
        elif json:
            _as_json_array(found.reports())
        elif not found.total:
            console().print("no dead letters")
        else:
            _print(found)


def _kept(limit: int | None, *, count: bool, json: bool) -> int | None:
    if count:
        return 0
    if limit is None:
        return None if json else _SHOWN
    return limit or None


async def _look(chosen: LetterFilter, found: LetterList) -> None:
    async with open_core(load()) as core, aclosing(LetterOffice(core).search(chosen)) as letters:
        await found.take(letters)


def _print(found: LetterList) -> None:
    out = console()
    for report in found.reports():
        for line in in_short(report, out.width):
            out.print(line, soft_wrap=True)
    if found.more:
        out.print(f"\n{found.total:,} dead letters, {found.more:,} more than shown (--limit 0 shows all)")
        out.print("how many of which kind: paylayer dlq summary")
    else:
        out.print(f"\n{found.total:,} dead letters; look closer: paylayer dlq show ID")
    out.print("mend: paylayer dlq edit ID; send again: paylayer dlq replay ID")


def _as_json_array(reports: Iterator[dict[str, Any]]) -> None:
    """One document, written piece by piece: there may be very many."""
    before = "[\n"
    for report in reports:
        text = dumps(report, ensure_ascii=False, indent=2, default=plain)
        write(before + "\n".join("  " + line for line in text.splitlines()))
        before = ",\n"
    write("[]\n" if before == "[\n" else "\n]\n")


@app.command()
def summary(
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
    """Count dead letters by connection, side, kind, code and fate."""
    chosen = letter_filter(None, side, entity, connection, state, status, code, since, until, grep)

    async def work() -> list[LetterCount]:
        async with open_core(load()) as core, aclosing(LetterOffice(core).search(chosen)) as letters:
            return await summed_up(letters)

    groups = run_async(work())
    if json:
        as_json([{name: getattr(group, name) for name in LetterCount.__dataclass_fields__} for group in groups])
        return
    table(
        ("letters", "connection", "side", "kind", "code", "fate", "newest"),
        (
            (
                f"{group.letters:,}",
                group.connection,
                group.side,
                group.entity,
                group.code,
                group.state,
                f"{group.newest:%Y-%m-%d %H:%M:%S}",
            )
            for group in groups
        ),
        empty="no dead letters",
    )


@app.command()
def show(id_: Id, json: Json = False) -> None:
    """Show one letter: why it was refused, the record, its replays."""

    async def work() -> tuple[FoundLetter, Edit | None, list[FoundLetter]]:
        async with open_core(load()) as core:
            found, edit = await LetterOffice(core).one(id_)
            return found, edit, await LetterOffice(core).chain(found)

    found, edit, chain = run_async(work())
    if json:
        as_json(found.report() | letter_record(found.stored, edit) | {"chain": [each.report() for each in chain]})
        return
    for line in as_lines(found, edit, chain):
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
            text = _new_text(earlier.value.decode() if earlier else editable_text(found.stored), file)
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
    note: Annotated[str | None, typer.Option("--note", help="Why, for the record.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Mark letters as not needed, by id or by filter."""
    chosen = letter_filter(ids, side, entity, connection, state, status, code, since, until, grep)

    async def work() -> int:
        async with open_core(load()) as core:
            return await LetterOffice(core).discard(chosen, by=who(), dry_run=dry_run, note=note)

    count = run_async(work())
    console().print(f"{count:,} {'would be' if dry_run else ''} discarded".replace("  ", " "))


app.command()(dlq_replay.replay)
app.command()(dlq_replay.replays)
app.command()(dlq_files.export)
app.command("import")(dlq_files.import_)
