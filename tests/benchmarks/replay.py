"""Dead letters by the hundred thousand: listed, filtered, dry-run, replayed, interrupted and resumed.

Each step is a `paylayer dlq` process of its own, as an operator starts it; its peak of memory is measured with it.
"""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connector.app.core import open_core
from connector.bus.producer import Outgoing
from connector.bus.publisher import Publisher
from connector.bus.topics import administration, create
from connector.clock import SystemClock
from connector.ports import Priority
from connector.settings import Settings
from connector.state.inbox import Arrival
from contracts.dead_letters import Letter, headers_of
from contracts.entities import Stock, StockLevel
from contracts.events import changed, encode, event_id
from contracts.topics import TopicNames, plan
from tests.acceptance.system import threading_pause
from tests.benchmarks.figures import Figure, at_most

_CHUNK = 2000
_CONNECTIONS = 4
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class _Done:
    seconds: float
    cpu: float  # seconds of this process; on a busy machine it says more than the clock
    peak: int
    out: str


def measure(settings: Settings, letters: int, *, label: str, target: float) -> list[Figure]:
    asyncio.run(_fill(settings, letters))
    with _commands(settings) as command:
        count = command("dlq", "list", "--count")
        assert int(count.out) == letters, count.out
        listed = command("dlq", "list")
        everything = command("dlq", "list", "--json")
        assert len(json.loads(everything.out)) == letters
        grouped = command("dlq", "summary", "--json")
        assert sum(group["letters"] for group in json.loads(grouped.out)) == letters
        filtered = command("dlq", "list", "--connection", "bench-1", "--code", "duplicate", "--count")
        dry = command("dlq", "replay", "--side", "sparklayer", "--dry-run", "--json")
        assert json.loads(dry.out)["selected"] == letters
        command.killed(letters // 3, "dlq", "replay", "--side", "sparklayer", "--json")
        (record,) = (each for each in json.loads(command("dlq", "replays", "--json").out) if not each["dry_run"])
        resumed = command("dlq", "replay", "--resume", record["id"], "--json")
        told = json.loads(resumed.out)
        whole = command("dlq", "replay", "--side", "sparklayer", "--state", "replayed", "--json")
        assert json.loads(whole.out)["sent"] == letters
    steps = {
        "count": count, "list the newest 50": listed, "list all as JSON": everything, "summary": grouped,
        "count by filter": filtered, "dry run": dry,
    }  # fmt: skip
    peak = max(step.peak for step in (*steps.values(), resumed, whole))
    rest = letters - record["sent"]
    figures: list[Figure] = []
    for what, step in steps.items():
        figures += [
            at_most("replay", f"{label}: {what} of {letters:,}", step.seconds, "s", 30),
            Figure("replay", f"{label}: {what}, processor", step.cpu, "s"),
        ]
    return [
        *figures,
        at_most("replay", f"{label}: replay of {letters:,}", whole.seconds, "s", target),
        Figure("replay", f"{label}: replay, processor", whole.cpu, "s"),
        Figure("replay", f"{label}: replay", letters / whole.seconds, "letters/s"),
        Figure("replay", f"{label}: killed after", record["sent"], "letters on record"),
        Figure("replay", f"{label}: resumed, the other {rest:,}", resumed.seconds, "s"),
        Figure("replay", f"{label}: sent by both", told["sent"], "letters", f"= {letters}", told["sent"] == letters),
        Figure("replay", f"{label}: highest memory of a command", peak / 2**20, "MiB"),
    ]


async def _fill(settings: Settings, letters: int) -> None:
    """Letters as a platform's refusals leave them: one for each of as many rejected rows, four connections."""
    clock, names = SystemClock(), TopicNames(settings.topic_prefix)
    async with administration(settings) as admin:
        await create(admin, plan(names, settings.topic_partitions))
    source, began = names.of("stock"), datetime.now(UTC) - timedelta(hours=1)
    topic = names.dead_letters(source, "sparklayer")
    async with open_core(settings) as core, Publisher.connected(settings, clock) as publisher:
        for start in range(0, letters, _CHUNK):
            records, arrivals = [], []
            for number in range(start, min(start + _CHUNK, letters)):
                connection, sku = f"bench-{number % _CONNECTIONS}", f"SKU-{number:07}"
                event = changed(
                    Stock(sku=sku, levels=(StockLevel(level=number),)),
                    connection=connection, source="erp", time=began, id=event_id("bench", sku),
                )  # fmt: skip
                key, value, headers = encode(event)
                partition = number % settings.topic_partitions
                letter = Letter(
                    source, partition, number, "sparklayer", "apply", "Refused", f"{sku}: already taken", clock.now(),
                    409, ("duplicate", "sku_missing")[number % 2], (), connection, "stock", sku,
                )  # fmt: skip
                records.append(Outgoing(topic, key, value, headers_of(letter, headers), partition))
                arrivals.append(
                    Arrival(
                        connection=connection,
                        side="sparklayer",
                        entity="stock",
                        key=sku,
                        version_time=event.time,
                        event_id=event.id,
                        deleted=False,
                        priority=int(Priority.LIVE),
                        topic=source,
                        partition=partition,
                        offset=number,
                        record_key=key,
                        value=value,
                        headers=tuple(headers),
                    )
                )
            await publisher.send_records(records)
            await core.inbox.put(arrivals)


class _Commands:
    def __init__(self, settings: Settings, folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYLAYER_")}
        self._environment = kept | {
            "PAYLAYER_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "PAYLAYER_DATABASE_URL": settings.database,
            "PAYLAYER_TOPIC_PREFIX": settings.topic_prefix,
            "PAYLAYER_TOPIC_PARTITIONS": str(settings.topic_partitions),
            "PAYLAYER_SECRET_KEY": settings.require_secret_key(),
            "PYTHONPATH": str(_ROOT),
        }
        self._folder = folder

    def __call__(self, *arguments: str) -> _Done:
        return self._run(arguments, None)

    def killed(self, after: int, *arguments: str) -> None:
        """Started, and ended with SIGKILL when so many letters are on record."""
        self._run(arguments, after)

    def _run(self, arguments: tuple[str, ...], kill_after: int | None) -> _Done:
        out = self._folder / f"out-{secrets.token_hex(4)}"
        began = time.perf_counter()
        with out.open("wb") as target:
            process = subprocess.Popen(
                [sys.executable, "-m", "connector.cli", *arguments], env=self._environment, cwd=self._folder,
                stdout=target, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            while kill_after is not None and self._sent() < kill_after:
                if process.poll() is not None:
                    raise SystemExit(f"{arguments} ended before it could be killed")
                threading_pause(0.05)
            if kill_after is not None:
                process.send_signal(signal.SIGKILL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if kill_after is None and process.returncode:
            raise SystemExit(f"{arguments} failed")
        cpu = used.ru_utime + used.ru_stime
        done = _Done(time.perf_counter() - began, cpu, used.ru_maxrss * 1024, out.read_text())
        sys.stderr.write(f"{' '.join(arguments)}: {done.seconds:.1f} s, {cpu:.1f} s of processor\n")
        return done

    def _sent(self) -> int:
        done = subprocess.run(
            [sys.executable, "-m", "connector.cli", "dlq", "replays", "--json"], env=self._environment,
            cwd=self._folder, capture_output=True, check=True,
        )  # fmt: skip
        return max((each["sent"] for each in json.loads(done.stdout) if not each["dry_run"]), default=0)


@contextmanager
def _commands(settings: Settings) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        yield _Commands(settings, Path(folder))
