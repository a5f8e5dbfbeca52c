"""`paylayer dlq export` and `import`: letters as JSON Lines, and back."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from connector.app.core import open_core
from connector.app.letter_import import ImportResult, LetterImport
from connector.app.letter_record import export_line
from connector.app.letters import FoundLetter, LetterFilter, LetterOffice
from connector.app.replays import ReplayResult
from connector.bus.publisher import Publisher
from connector.cli.dlq_replay import print_result
from connector.cli.letter_options import (
    Code,
    ConnectionName,
    DryRun,
    EntityName,
    Grep,
    Side,
    Since,
    State,
    Status,
    Until,
    letter_filter,
    who,
)  # fmt: skip
from connector.cli.options import Json
from connector.cli.output import as_json, console, run_async, write
from connector.cli.progress import LongWork
from connector.errors import UserFault
from connector.settings import load

_CHUNK = 500


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
    """Write letters as JSON Lines, with key, value, headers and fate."""
    chosen = letter_filter(None, side, entity, connection, state, status, code, since, until, grep)
    with LongWork() as progress:
        count = run_async(_export(chosen, write, progress)) if file is None else _export_to(file, chosen, progress)
    sys.stderr.write(f"{count} dead letters written\n")


def _export_to(file: Path, chosen: LetterFilter, progress: LongWork) -> int:
    """Whole or not at all: an interrupted export must not look like a short one."""
    try:
        part = file.with_name(file.name + ".part")
        target = part.open("w", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserFault(f"{file} cannot be written: {error}") from error
    try:
        with target:
            count = run_async(_export(chosen, target.write, progress))
        part.replace(file)
    except OSError as error:
        raise UserFault(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return count


async def _export(chosen: LetterFilter, say: Callable[[str], object], progress: LongWork) -> int:
    count = 0
    async with open_core(load()) as core, aclosing(LetterOffice(core).search(chosen)) as letters:
        async for part in _chunks(letters):
            edits = await core.letters.edits([found.id for found in part if found.decision.edits])
            for found in part:
                say(export_line(found, edits.get(found.id)))
            count += len(part)
            progress("exporting", count, None)
    return count


async def _chunks(letters: AsyncIterator[FoundLetter]) -> AsyncIterator[list[FoundLetter]]:
    part: list[FoundLetter] = []
    async for found in letters:
        part.append(found)
        if len(part) >= _CHUNK:
            yield part
            part = []
    if part:
        yield part


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines of `paylayer dlq export`.")],
    replay: Annotated[
        bool, typer.Option("--replay", help="Send them to the topics that they came from, not to the dead letters.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With --replay: also what was decided on, sent or overtaken.")
    ] = False,
    dry_run: DryRun = False,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, help="With --replay: letters a second.")] = None,
    json: Json = False,
) -> None:
    """Bring exported letters back.

    What is there already is not added again, so it may be repeated.
    """
    if not replay and (everything or rate is not None):
        raise UserFault("--all and --rate go with --replay")

    async def put_back(progress: LongWork) -> ImportResult:
        async with _importing(file, progress) as (letters, publisher):
            return await letters.put_back(publisher, dry_run=dry_run)

    async def send(progress: LongWork) -> ReplayResult:
        async with _importing(file, progress) as (letters, publisher):
            return await letters.replay(publisher, by=who(), dry_run=dry_run, rate=rate, everything=everything)

    with LongWork(quiet=json) as progress:
        if replay:
            sent = run_async(send(progress))
        else:
            done = run_async(put_back(progress))
    if replay:
        print_result(sent, json=json)
    elif json:
        as_json(asdict(done))
    else:
        what = "would be put back" if dry_run else "put back"
        console().print(f"{done.added:,} of {done.lines:,} letters {what}, {done.there:,} were there already")


@asynccontextmanager
async def _importing(file: Path, progress: LongWork) -> AsyncIterator[tuple[LetterImport, Publisher]]:
    async with open_core(load()) as core:
        letters = LetterImport(core, file, progress)  # a wrong file is told before a broker is asked
        async with Publisher.connected(core.settings, core.clock) as publisher:
            yield letters, publisher
