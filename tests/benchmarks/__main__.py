"""`python -m tests.benchmarks [NAME ...] [--real] [--kafka ADDRESS] [--postgres [URL]] [--out FILE]`."""

import argparse
import asyncio
import contextlib
import tempfile
from pathlib import Path

from connector.bus.embedded import EmbeddedBroker
from tests.benchmarks import (
    backlog,
    budget,
    calls,
    full_sync,
    intake,
    isolation,
    latency,
    memory,
    order_calls,
    orders_placed,
    replay,
    steady_calls,
    webhooks,
)
from tests.benchmarks.figures import Figure, show
from tests.benchmarks.places import fresh_database, place, postgres
from tests.support.brokers import java_broker

NAMES = ("calls", "intake", "latency", "window", "budget", "memory", "replay", "isolation", "backlog", "full_sync")
NAMES += ("order_calls", "orders_placed", "steady_calls", "webhooks")
LONG = ("budget", "memory", "replay", "isolation", "backlog", "full_sync", "orders_placed", "steady_calls", "webhooks")
HERE = "here"


def main() -> None:
    """Run the chosen benchmarks, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; default all but {', '.join(LONG)}")
    parser.add_argument("--kafka", help="bootstrap address of a real broker; default the embedded one")
    parser.add_argument(
        "--postgres",
        nargs="?",
        const=HERE,
        help="postgresql://user:password@host:port/postgres, for intake, budget and memory also on PostgreSQL; without "
        "an address a server is started here",
    )
    parser.add_argument(
        "--real", action="store_true", help="start Kafka and PostgreSQL here, with Java and Debian's packages"
    )
    parser.add_argument("--products", type=int, default=2000, help="catalogue of `calls`")
    parser.add_argument("--events", type=int, default=20000, help="events of `intake`")
    parser.add_argument("--seconds", type=float, default=65.0, help="length of each `window` run")
    parser.add_argument("--limits", type=int, nargs="*", default=[5, 50], help="plans of `window`")
    parser.add_argument("--plan", type=int, nargs="*", default=[5, 10, 20, 50], help="plans of `budget`")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of `budget`; all plans run side by side")
    parser.add_argument("--processes", type=int, default=3, help="processes that share each plan of `budget`")
    parser.add_argument("--foreign", action="store_true", help="`budget` with another application on each store")
    parser.add_argument("--large", type=int, default=50_000, help="large catalogue of `memory`")
    parser.add_argument("--letters", type=int, default=100_000, help="letters of `replay`; wants a real broker")
    parser.add_argument("--connections", type=int, default=200, help="of `isolation`, the three bad ones included")
    parser.add_argument("--rate", type=float, default=20.0, help="live events a second of `isolation`")
    parser.add_argument("--phase", type=float, default=30.0, help="seconds of each of the four phases of `isolation`")
    parser.add_argument("--rows", type=int, default=1_000_000, help="waiting rows of `backlog`")
    parser.add_argument(
        "--full",
        type=int,
        nargs=3,
        default=[10_000, 5000, 5000],
        metavar=("PRODUCTS", "CUSTOMERS", "ORDERS"),
        help="what `full_sync` reads",
    )
    parser.add_argument("--orders", type=int, default=10_000, help="of `orders_placed`, and a tenth row by row")
    parser.add_argument("--webhooks", type=float, default=500.0, help="webhooks a second of the flood of `webhooks`")
    parser.add_argument("--told", type=float, default=60.0, help="seconds of the flood and of each part of `webhooks`")
    parser.add_argument("--out", type=Path, help="write the JSON here instead of printing it")
    chosen = parser.parse_args()
    wrong = [name for name in chosen.names if name not in NAMES]
    if wrong:
        parser.error(f"no benchmark {', '.join(wrong)}: choose of {', '.join(NAMES)}")
    with contextlib.ExitStack() as stack:
        if chosen.real:
            chosen.kafka = stack.enter_context(java_broker())
        if chosen.postgres == HERE or (chosen.real and chosen.postgres is None):
            chosen.postgres = stack.enter_context(postgres())
        figures = _run(chosen)
    show(figures, chosen.out)


def _run(chosen: argparse.Namespace) -> list[Figure]:
    names = chosen.names or [name for name in NAMES if name not in LONG]
    figures: list[Figure] = []
    if "calls" in names:
        with place(chosen.kafka, None) as settings:
            figures += asyncio.run(calls.measure(settings, chosen.products))
    if "intake" in names:
        figures += _intake(chosen)
    if "latency" in names:
        with place(chosen.kafka, None) as settings:
            figures += asyncio.run(latency.measure(settings))
    with tempfile.TemporaryDirectory() as folder:
        if "window" in names:
            figures += asyncio.run(
                budget.measure(
                    Path(folder), chosen.limits, chosen.seconds, 1, foreign=False, postgres=None, compared=False
                )
            )
        if "budget" in names:
            figures += _budget(chosen, Path(folder))
        if "memory" in names:
            figures += _memory(chosen, Path(folder))
        if "backlog" in names:
            figures += _backlog(chosen, Path(folder))
    if "isolation" in names:
        figures += _isolation(chosen)
    return figures + _longest(chosen, names)


def _longest(chosen: argparse.Namespace, names: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    if "order_calls" in names:
        figures += asyncio.run(order_calls.measure())
    if "orders_placed" in names:
        figures += _orders_placed(chosen)
    if "steady_calls" in names:
        with tempfile.TemporaryDirectory() as folder:
            figures += asyncio.run(steady_calls.measure(Path(folder)))
    if "full_sync" in names:
        figures += _full_sync(chosen)
    if "webhooks" in names:
        figures += _webhooks(chosen)
    if "replay" in names:
        figures += _replay(chosen)
    return figures


def _intake(chosen: argparse.Namespace) -> list[Figure]:
    with place(chosen.kafka, None) as settings:
        figures = asyncio.run(intake.measure(settings, chosen.events, label="SQLite", target=2000))
    if chosen.postgres:
        with place(chosen.kafka, asyncio.run(fresh_database(chosen.postgres))) as settings:
            figures += asyncio.run(intake.measure(settings, chosen.events, label="PostgreSQL", target=10_000))
    return figures


def _isolation(chosen: argparse.Namespace) -> list[Figure]:
    sizes = (chosen.connections, chosen.phase, chosen.rate)
    with place(chosen.kafka, None) as settings:
        figures = asyncio.run(isolation.measure(settings, *sizes, "SQLite"))
    if chosen.postgres:
        with place(chosen.kafka, asyncio.run(fresh_database(chosen.postgres))) as settings:
            figures += asyncio.run(isolation.measure(settings, *sizes, "PostgreSQL"))
    return figures


def _backlog(chosen: argparse.Namespace, folder: Path) -> list[Figure]:
    figures = asyncio.run(backlog.measure(folder, None, chosen.rows, "SQLite"))
    if chosen.postgres:
        database = asyncio.run(fresh_database(chosen.postgres))
        figures += asyncio.run(backlog.measure(folder, database, chosen.rows, "PostgreSQL"))
    return figures


def _orders_placed(chosen: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        figures = asyncio.run(orders_placed.measure(Path(name), chosen.orders, plain_rows=False))
        return figures + asyncio.run(orders_placed.measure(Path(name), max(1, chosen.orders // 10), plain_rows=True))


def _webhooks(chosen: argparse.Namespace) -> list[Figure]:
    with contextlib.ExitStack() as stack:
        bootstrap = chosen.kafka or stack.enter_context(EmbeddedBroker()).bootstrap_servers
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places = {"SQLite": f"sqlite:///{folder / 'state.db'}"}
        if chosen.postgres:
            places["PostgreSQL"] = asyncio.run(fresh_database(chosen.postgres))
        flood = {"rate": chosen.webhooks, "seconds": chosen.told}
        figures = []
        for label, database in places.items():
            figures += webhooks.measure(folder / label, bootstrap, database, label=label, **flood)
        if chosen.postgres:
            database, label = asyncio.run(fresh_database(chosen.postgres)), "PostgreSQL, web apart"
            figures += webhooks.measure_apart(folder / "apart", bootstrap, database, label=label, **flood)
        return figures


def _full_sync(chosen: argparse.Namespace) -> list[Figure]:
    with contextlib.ExitStack() as stack:
        bootstrap = chosen.kafka or stack.enter_context(EmbeddedBroker()).bootstrap_servers
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return [
            *asyncio.run(full_sync.detection()),
            *asyncio.run(full_sync.reading(*chosen.full)),
            *full_sync.measure(folder, bootstrap, *chosen.full),
        ]


def _budget(chosen: argparse.Namespace, folder: Path) -> list[Figure]:
    database = asyncio.run(fresh_database(chosen.postgres)) if chosen.postgres else None
    return asyncio.run(
        budget.measure(
            folder, chosen.plan, chosen.minutes * 60, chosen.processes, foreign=chosen.foreign, postgres=database
        )
    )


def _replay(chosen: argparse.Namespace) -> list[Figure]:
    with place(chosen.kafka, None) as settings:
        figures = replay.measure(settings, chosen.letters, label="SQLite", target=60)
    if chosen.postgres:
        with place(chosen.kafka, asyncio.run(fresh_database(chosen.postgres))) as settings:
            figures += replay.measure(settings, chosen.letters, label="PostgreSQL", target=60)
    return figures


def _memory(chosen: argparse.Namespace, folder: Path) -> list[Figure]:
    with contextlib.ExitStack() as stack:
        bootstrap = chosen.kafka or stack.enter_context(EmbeddedBroker()).bootstrap_servers
        figures = memory.measure(
            folder, bootstrap, 1000, chosen.large, label="SQLite", database=lambda own: f"sqlite:///{own / 'state.db'}"
        )
        if chosen.postgres:
            figures += memory.measure(
                folder,
                bootstrap,
                1000,
                chosen.large,
                label="PostgreSQL",
                database=lambda _: asyncio.run(fresh_database(chosen.postgres)),
            )
    return figures


main()
