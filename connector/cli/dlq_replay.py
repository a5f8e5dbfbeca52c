"""`paylayer dlq replay` and `replays`: sending letters again, and what became of that."""

from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.app.core import open_core
from connector.app.replays import ReplayOffice, ReplayOrder, ReplayResult
from connector.app.transforms import Transform
from connector.bus.publisher import Publisher
from connector.cli.letter_options import (
    Code,
    ConnectionName,
    DryRun,
    EntityName,
    Grep,
    Ids,
    Rate,
    Side,
    Since,
    State,
    Status,
    Until,
    letter_filter,
    who,
)  # fmt: skip
from connector.cli.options import Json
from connector.cli.output import as_json, console, run_async, visible
from connector.cli.progress import LongWork
from connector.errors import UserFault
from connector.settings import load
from connector.state.replays import Replay


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
    everything: Annotated[
        bool, typer.Option("--all", help="Also what newer letters or newer states have overtaken.")
    ] = False,
    transform: Annotated[
        Path | None,
        typer.Option("--transform", help="Mend each event: a JSON Patch, or .py with transform(event, letter)."),
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="REPLAY_ID", help="Send what an interrupted replay left.")
    ] = None,
    dry_run: DryRun = False,
    rate: Rate = None,
    json: Json = False,
) -> None:
    """Send letters again, by id or by filter.

    What is older than what was applied meanwhile is left alone. A replay that was interrupted goes on with --resume.
    """
    chosen = letter_filter(ids, side, entity, connection, state, status, code, since, until, grep)
    if resume is None and chosen.empty:
        raise UserFault("say which letters: ids, or a filter such as --code sku_missing (paylayer dlq list)")
    if resume is not None and not (chosen.empty and not everything and not dry_run):
        raise UserFault("--resume goes with --rate, --transform and --json only: the rest is on record")
    made = None if transform is None else Transform.load(transform)
    order = ReplayOrder(chosen, everything, rate, made)
    began: list[str] = []

    async def work(progress: LongWork) -> ReplayResult:
        async with AsyncExitStack() as stack:
            core = await stack.enter_async_context(open_core(load()))

            def on_start(started: Replay) -> None:
                began.append(started.id)
                progress.say(f"replay {started.id}; after an interruption: paylayer dlq replay --resume {started.id}")

            office = ReplayOffice(core, progress, on_start)
            if dry_run:
                return await office.dry_run(order, by=who())
            if resume is not None:
                await core.replays.get(resume)  # a wrong id is told before a broker is asked
            publisher = await stack.enter_async_context(Publisher.connected(core.settings, core.clock))
            if resume is not None:
                return await office.resume(resume, publisher, by=who(), rate=rate, transform=made)
            return await office.run(order, publisher, by=who())

    with LongWork(quiet=json) as progress:
        try:
            result = run_async(work(progress))
        except KeyboardInterrupt:
            if began:
                progress.say(f"stopped; to go on with the rest: paylayer dlq replay --resume {began[0]}")
            raise
    print_result(result, json=json)


def print_result(result: ReplayResult, *, json: bool) -> None:
    """What a replay did, or would do."""
    if json:
        as_json(result.report())
        return
    out = console()
    if result.dry_run:
        for (topic, code), count in sorted(result.counts.items()):
            out.print(f"{count:>9,}  {topic}  {visible(code)}", soft_wrap=True)
        for example in result.examples:
            out.print(f"\n{visible(example)}", soft_wrap=True)
        if result.examples:
            out.print()
    if not (result.selected or result.superseded or result.skipped):
        out.print("no dead letter fits")
        return
    count = result.selected - result.skipped if result.dry_run else result.sent
    what = "would be sent" if result.dry_run else "sent again"
    out.print(f"{count:,} {what}, {result.superseded:,} left alone because of something newer", soft_wrap=True)
    if result.skipped:
        out.print(f"{result.skipped:,} {'would not be' if result.dry_run else 'not'} sent:")
        for skip in result.skips:
            out.print(f"  {skip.id}: {visible(skip.reason)}", soft_wrap=True)
        if result.skipped > len(result.skips):
            out.print(f"  and {result.skipped - len(result.skips):,} more")


def replays(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many.")] = 20,
    json: Json = False,
) -> None:
    """List replays: what was meant, and what became of it."""

    async def work() -> list[Replay]:
        async with open_core(load()) as core:
            return await core.replays.newest(limit)

    found, now = run_async(work()), datetime.now(UTC)
    if json:
        as_json([replay_report(each, now) for each in found])
        return
    out = console()
    if not found:
        out.print("no replays")
    for each in found:
        state = each.state(now)
        out.print(f"{each.id}  {state:<11}  {each.started_at:%Y-%m-%d %H:%M:%S}  {visible(each.by)}", soft_wrap=True)
        meant = ", ".join(f"{name} {value}" for name, value in each.selection.items())
        out.print(f"    {visible(meant)[:300]}", soft_wrap=True)
        counts = f"{each.selected:,} meant, {each.sent:,} sent, {each.superseded:,} superseded"
        out.print(f"    {counts}, {each.skipped:,} not sent", soft_wrap=True)
        if state == "interrupted":
            out.print(f"    {visible(each.outcome or 'its process died')[:300]}", soft_wrap=True)
            if "file" not in each.selection:
                out.print(f"    paylayer dlq replay --resume {each.id}", soft_wrap=True)


def replay_report(replay: Replay, now: datetime) -> dict[str, Any]:
    """The JSON shape that scripts rely on."""
    return asdict(replay) | {"state": replay.state(now)}
