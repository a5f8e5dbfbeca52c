"""`paylayer status`: what is going on."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from connector.app.core import open_core
from connector.app.status import ConnectionStatus, PauseStatus, statuses
from connector.cli.options import Json
from connector.cli.output import as_json, console, run_async, table
from connector.settings import load
from connector.state.stops import Stop
from connector.state.workers import Worker


def status(
    id_: Annotated[str | None, typer.Argument(metavar="ID", help="One connection only.")] = None, json: Json = False
) -> None:
    """Per connection, side and entity: waiting, retrying, rejected, applied; pauses, budget, the last sync."""

    async def work() -> tuple[list[ConnectionStatus], list[Worker], list[Stop], datetime]:
        async with open_core(load()) as core:
            return await statuses(core, id_), await core.workers.alive(), await core.stops.all(), core.clock.now()

    found, alive, stops, now = run_async(work())
    if json:
        as_json(
            {
                "connections": [asdict(item) for item in found],
                "workers": [asdict(worker) for worker in alive],
                "stopped_partitions": [asdict(stop) for stop in stops],
            }
        )
        return
    for item in found:
        _show(item, now)
    if not found:
        console().print("no connections yet: paylayer connections add --help")
    for stop in stops:
        console().print(
            f"the intake of {stop.side} is STOPPED for {_age(stop.since, now)} at {stop.topic} partition "
            f"{stop.partition}: {stop.reason}"
        )
    if not alive:
        console().print("no service is running: start it with paylayer run")
    for worker in alive:
        console().print(f"service {worker.id}: {', '.join(worker.roles)}")


def _show(item: ConnectionStatus, now: datetime) -> None:
    out = console()
    budget = item.budget
    out.print(
        f"{item.id}: {item.state}; Spark Pay window: {budget.used} of {budget.limit} calls per "
        f"{budget.window_seconds:g} s; calls so far: {item.calls.get('sparkpay', 0)} to Spark Pay, "
        f"{item.calls.get('sparklayer', 0)} to SparkLayer"
    )
    if item.sync is not None:
        out.print(f"  last sync: {item.sync['state']}, {item.sync['read']} read, {item.sync['published']} published")
    for note in item.notes:
        out.print(f"  {note}")
    if item.problems:
        out.print(f"  {item.problems} problems: paylayer problems list {item.id}")
    for data_type, told in item.sync_log.items():
        if told.refused is not None:
            out.print(f"  SparkLayer's sync log does not take {data_type}: {told.refused}")
    if item.conflicts:
        out.print(f"  {item.conflicts} conflicts of both sides: paylayer conflicts list {item.id}")
    for side, rows in item.sides.items():
        if rows.pause is not None:
            out.print(f"  {side} is PAUSED {_pause(rows.pause, now)}: {rows.pause.reason}")
    table(
        ("  SIDE", "ENTITY", "WAITING", "RETRYING", "REJECTED", "APPLIED", "OLDEST", "WRITTEN"),
        (
            (
                f"  {side}",
                name,
                e.waiting,
                e.retrying,
                e.rejected,
                e.applied,
                _age(e.oldest, now),
                _ago(e.last_written, now),
            )
            for side, rows in item.sides.items()
            for name, e in rows.entities.items()
        ),
        empty="  nothing has come in yet",
    )


def _pause(pause: PauseStatus, now: datetime) -> str:
    since = f"({pause.kind}) for {_age(pause.since, now)}"
    if pause.next_probe is None:
        return f"{since}, until somebody resumes it"
    return f"{since}, tries again in {max(0, int((pause.next_probe - now).total_seconds()))} s"


def _ago(moment: datetime | None, now: datetime) -> str:
    return "" if moment is None else f"{_age(moment, now)} ago"


def _age(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    seconds = int((now - moment).total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"  # noqa: PLR2004
