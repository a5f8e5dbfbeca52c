"""`paylayer demo`: the main job with nothing installed."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from connector.bus.embedded import EmbeddedBroker
from connector.cli.logs import set_up_quietly
from connector.cli.output import run_async
from connector.demo import scenario
from connector.demo.play import Play
from connector.demo.report import demo_console, show_summary
from connector.demo.result import DemoResult
from connector.demo.stage import Stage, settings_for, stage, utc_now
from connector.demo.trading import SETTINGS, Market
from connector.sandbox.sparklayer import SparkLayerSite
from connector.sandbox.sparkpay import SparkPayStore
from connector.settings import Settings


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards, until Ctrl-C.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same shop.")] = 20,
    kafka: Annotated[
        str | None, typer.Option("--kafka", help="Use this broker (host:port) instead of the embedded one.")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option("--database-url", help="Use this database instead of a SQLite file.")
    ] = None,
) -> None:
    """Synchronise a made-up shop, change it, refuse, mend and replay; exit code 0 only if both sides agree."""
    set_up_quietly()
    console = demo_console()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paylayer-demo-")))
        if kafka is None:
            broker = stack.enter_context(EmbeddedBroker())
            settings = broker.settings(settings_for(folder, broker.bootstrap_servers))
        else:
            settings = settings_for(folder, kafka, prefix=f"demo-{folder.name[-8:]}")
        settings = settings.model_copy(update={"database_url": database_url or settings.database_url})
        console.print(f"broker: {'embedded' if kafka is None else kafka}; database: {_database(settings)}")
        result = run_async(_demo(settings, console, seed=seed, keep=keep))
    raise typer.Exit(0 if result.agrees else 1)


async def _demo(settings: Settings, console: Console, *, seed: int, keep: bool) -> DemoResult:
    store = SparkPayStore(clock=utc_now, seed=seed)
    facts = scenario.prepare(store, seed=seed)
    site = SparkLayerSite(clock=utc_now)
    async with stage(settings, store, site, values=SETTINGS) as on:
        result = await Play(on, facts, console, Market(on, seed)).perform()
        show_summary(console, result)
        if keep:
            await _keep(on, console)
    return result


async def _keep(on: Stage, console: Console) -> None:
    console.print()
    console.print(f"Still running. Spark Pay sandbox: {on.pay_url}   SparkLayer sandbox: {on.layer_url}")
    console.print("Edit the shop with POST /_sandbox/edit, look with GET /_sandbox/state. Ctrl-C ends it.")
    await asyncio.Event().wait()


def _database(settings: Settings) -> str:
    return "SQLite" if settings.database.startswith("sqlite") else "PostgreSQL"
