"""`python -m tests.benchmarks [calls intake latency window memory] [--kafka ADDRESS] [--postgres URL] [--out FILE]`."""

import argparse
import asyncio
import contextlib
import tempfile
from pathlib import Path

from connector.bus.embedded import EmbeddedBroker
from tests.benchmarks import calls, intake, latency, memory, window
from tests.benchmarks.figures import Figure, show
from tests.benchmarks.places import fresh_database, place, postgres
from tests.support.brokers import java_broker

NAMES = ("calls", "intake", "latency", "window", "memory")


def main() -> None:
    """Run the chosen benchmarks, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; default all but memory")
    parser.add_argument("--kafka", help="bootstrap address of a real broker; default the embedded one")
    parser.add_argument(
        "--postgres", help="postgresql://user:password@host:port/postgres, for intake also on PostgreSQL"
    )
    parser.add_argument(
        "--real", action="store_true", help="start Kafka and PostgreSQL here, with Java and Debian's packages"
    )
    parser.add_argument("--products", type=int, default=2000, help="catalogue of `calls`")
    parser.add_argument("--events", type=int, default=20000, help="events of `intake`")
    parser.add_argument("--seconds", type=float, default=65.0, help="length of each `window` run")
    parser.add_argument("--limits", type=int, nargs="*", default=[5, 50], help="plans of `window`")
    parser.add_argument("--large", type=int, default=50_000, help="large catalogue of `memory`")
    parser.add_argument("--out", type=Path, help="write the JSON here instead of printing it")
    chosen = parser.parse_args()
    wrong = [name for name in chosen.names if name not in NAMES]
    if wrong:
        parser.error(f"no benchmark {', '.join(wrong)}: choose of {', '.join(NAMES)}")
    with contextlib.ExitStack() as stack:
        if chosen.real:
            chosen.kafka = stack.enter_context(java_broker())
            chosen.postgres = stack.enter_context(postgres())
        figures = _run(chosen)
    show(figures, chosen.out)


def _run(chosen: argparse.Namespace) -> list[Figure]:
    names = chosen.names or [name for name in NAMES if name != "memory"]
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
            for number, limit in enumerate(chosen.limits):
                figures += asyncio.run(window.measure(Path(folder), limit, chosen.seconds, number))
        if "memory" in names:
            figures += _memory(chosen, Path(folder))
    return figures


def _intake(chosen: argparse.Namespace) -> list[Figure]:
    with place(chosen.kafka, None) as settings:
        figures = asyncio.run(intake.measure(settings, chosen.events, label="SQLite", target=2000))
    if chosen.postgres:
        with place(chosen.kafka, asyncio.run(fresh_database(chosen.postgres))) as settings:
            figures += asyncio.run(intake.measure(settings, chosen.events, label="PostgreSQL", target=4000))
    return figures


def _memory(chosen: argparse.Namespace, folder: Path) -> list[Figure]:
    if chosen.kafka:
        return memory.measure(folder, chosen.kafka, 1000, chosen.large, None)
    with EmbeddedBroker() as broker:
        return memory.measure(folder, broker.bootstrap_servers, 1000, chosen.large, None)


main()
