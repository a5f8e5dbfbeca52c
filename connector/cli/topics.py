"""`paylayer topics`: the topics with their partitions and policies."""

from typing import Annotated

import typer

from connector.app.core import open_core
from connector.bus.topics import Difference, Provisioned, administration
from connector.bus.topics import check as compare
from connector.bus.topics import create as provision
from connector.cli.options import Json
from connector.cli.output import as_json, console, run_async, table
from connector.errors import UserFault
from connector.settings import Settings, load
from contracts.topics import SIDES, Topic, TopicNames, plan

app = typer.Typer(no_args_is_help=True)


def planned(settings: Settings) -> list[Topic]:
    """Every topic of this deployment."""
    return plan(TopicNames(settings.topic_prefix), settings.topic_partitions)


@app.command()
def create(
    adjust: Annotated[
        bool, typer.Option("--adjust", help="Also mend the policies and add partitions of topics that are there.")
    ] = False,
    json: Json = False,
) -> None:
    """Make the missing topics; nothing is ever deleted."""

    async def work() -> Provisioned:
        settings = load()
        async with administration(settings) as admin:
            return await provision(admin, planned(settings), settings.topic_replication, adjust=adjust)

    made = run_async(work())
    if json:
        left = [str(difference) for difference in made.left]
        adjusted = [str(difference) for difference in made.adjusted]
        as_json({"created": made.created, "existed": made.existed, "adjusted": adjusted, "differences": left})
        return
    out = console()
    for name in made.created:
        out.print(f"created {name}")
    out.print(f"{len(made.created)} created, {len(made.existed)} were there, {len(made.adjusted)} settings adjusted")
    if made.left:
        table(("NOT AS PLANNED",), ((str(difference),) for difference in made.left), empty="")
        out.print("mend them with: paylayer topics create --adjust")


@app.command()
def check(json: Json = False) -> None:
    """Compare the broker's topics with the plan. Exit code 1 where they differ."""

    async def work() -> list[Difference]:
        settings = load()
        async with administration(settings) as admin:
            return await compare(admin, planned(settings))

    differences = [str(difference) for difference in run_async(work())]
    if json:
        as_json({"differences": differences})
    else:
        table(("NOT AS PLANNED",), ((text,) for text in differences), empty="all topics are as planned")
    if differences:
        if not json:
            console().print("mend them with: paylayer topics create (--adjust for those that are there)")
        raise typer.Exit(1)


@app.command()
def resume(
    side: Annotated[str | None, typer.Option("--side", help="Only the intake of this side.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Only the partitions of this topic.")] = None,
) -> None:
    """Go on with partitions that stopped before a flood of dead letters."""
    if side is not None and side not in SIDES:
        raise UserFault(f"--side {side}: write one of {', '.join(SIDES)}")

    async def work() -> int:
        async with open_core(load()) as core:
            return await core.stops.release(side, topic)

    released = run_async(work())
    console().print(f"{released} partitions go on" if released else "no partition is stopped")
