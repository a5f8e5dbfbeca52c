"""A store that tells of its changes: the flood, and how long a single change takes to be written at the other side.

Real processes: `paylayer run`, both platforms, and the sender. The store is not polled meanwhile, so what is found was
told by webhooks alone.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from tests.acceptance.system import ROOT, TOKEN, System, running, threading_pause, until
from tests.benchmarks.figures import Figure, at_least, at_most, plain
from tests.support.ports import free_port

PRODUCTS = 2000
_SETTINGS = (
    "sparkpay.limit=1000",
    "poll.idle_share=0.0001",
    "poll.slowest_seconds=86400",
    "poll.stock_sweep_seconds=86400",
    "poll.deletion_sweep_seconds=86400",
    "poll.overlap_seconds=0",
    "b2b.customer_type_ids=",
)
_WORK = "work"
_OURS = ("service", _WORK)
_LOOK_SECONDS = 0.25
_SETTLED_SECONDS = 5.0  # nothing more was written for so long
_LONGEST_SETTLING = 180.0


@dataclass(slots=True)
class Bench:
    """The running system, the sender's address in the service, and the platforms' desk."""

    system: System
    desk: httpx.Client
    path: str
    products: list[int]
    sent: int = 0

    def send(self, rate: float, seconds: float, kinds: Sequence[str]) -> dict[str, Any]:
        """What the sender says; change numbers go on where the last sending ended."""
        job = {
            "address": f"http://127.0.0.1:{self.system.http_port}",
            "desk": str(self.desk.base_url),
            "path": self.path,
            "products": self.products,
            "kinds": list(kinds),
            "rate": rate,
            "seconds": seconds,
            "first": self.sent + 1,
        }
        self.sent += int(rate * seconds)
        command = [sys.executable, "-m", "tests.benchmarks.webhook_sender"]
        done = subprocess.run(command, input=json.dumps(job).encode(), cwd=ROOT, stdout=subprocess.PIPE, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def notes(self) -> dict[str, Any]:
        found: dict[str, Any] = self.desk.get("/notes").json()
        return found

    def settled(self, last: Mapping[int, float]) -> bool:
        """Wait until every product was read after its last webhook and both sides are equal, or nothing moves."""
        end, moved, before = time.monotonic() + _LONGEST_SETTLING, time.monotonic(), -1
        while time.monotonic() < end and time.monotonic() < moved + _SETTLED_SECONDS:
            notes = self.notes()
            if not unread(notes, last) and not self.unequal():
                return True
            if (now := len(notes["written"]) + notes["rows"]) != before:
                before, moved = now, time.monotonic()
            threading_pause(_LOOK_SECONDS)
        return False

    def unequal(self) -> list[int]:
        found: list[int] = self.desk.get("/unequal").json()
        return found


def last_told(done: Mapping[str, Any]) -> dict[int, float]:
    """When the last webhook of each product was sent."""
    last: dict[int, float] = {}
    for product, at in done["sent"].values():
        last[product] = max(at, last.get(product, 0.0))
    return last


def unread(notes: Mapping[str, Any], last: Mapping[int, float]) -> list[int]:
    """Products that were not read after their last webhook."""
    return [product for product, at in last.items() if notes["read_at"].get(str(product), 0.0) < at]


class Watcher:
    """Memory of processes together, looked at beside whatever happens; `with` gives the peak in bytes."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = self.now = self.before = self._memory()
        self.cpu = 0.0

    def __enter__(self) -> Self:
        self.cpu = self._seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.cpu = self._seconds() - self.cpu
        self.now = self._memory()

    def _seconds(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._processes)

    def _memory(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.peak = max(self.peak, self._memory())


def measure(folder: Path, bootstrap: str, database: str, *, rate: float, seconds: float, label: str) -> list[Figure]:
    """First single changes in quiet, then the flood, twice: memory is flat where the second adds nothing."""
    with _bench(folder, bootstrap, database) as bench:
        bench.settled(last_told(bench.send(5, 5, ["title", "price"])))  # what a process does once
        figures = []
        for kind in ("title", "price"):
            figures += _single(bench, kind, seconds, f"{label}, {kind}s")
        bench.settled(last_told(bench.send(rate, 10, ["price"])))
        return figures + _flood(bench, rate, seconds, label)


def measure_apart(
    folder: Path, bootstrap: str, database: str, *, rate: float, seconds: float, label: str
) -> list[Figure]:
    """The flood alone, with the HTTP server in a process of its own: `run --only web` beside one for all the rest."""
    with _bench(folder, bootstrap, database, apart=True) as bench:
        bench.settled(last_told(bench.send(rate, 10, ["title", "price"])))
        return _flood(bench, rate, seconds, label)


def _single(bench: Bench, kind: str, seconds: float, label: str) -> list[Figure]:
    done = bench.send(5, seconds, [kind])
    bench.settled(last_told(done))
    notes = bench.notes()
    written = notes["written"]
    read = [notes["read_at"][str(product)] - at for product, at in last_told(done).items()]
    delays = [written[change] - at for change, (_, at) in done["sent"].items() if change in written]
    return [
        Figure("webhooks", f"{label}: changes written", len(delays), f"of {len(done['sent'])}"),
        plain("webhooks", f"{label}: webhook to read, p50", statistics.median(read) * 1000, "ms"),
        plain("webhooks", f"{label}: webhook to write, p50", statistics.median(delays) * 1000, "ms"),
        at_most("webhooks", f"{label}: webhook to write, p95", _part(delays, 0.95) * 1000, "ms", 500),
        at_most("webhooks", f"{label}: webhook to write, p99", _part(delays, 0.99) * 1000, "ms", 1000),
        *_answers(done, label),
    ]


def _flood(bench: Bench, rate: float, seconds: float, label: str) -> list[Figure]:
    before = bench.notes()
    with Watcher([process.pid for name, process in bench.system.processes.items() if name in _OURS]) as memory:
        done = bench.send(rate, seconds, ["price"])
        sent_until, last = time.monotonic(), last_told(done)
        equal = bench.settled(last)
        took = time.monotonic() - sent_until
    after = bench.notes()
    label = f"{label}, {rate:g}/s"
    calls, rows = after["reads"] - before["reads"], after["rows"] - before["rows"]
    return [
        at_least("webhooks", f"{label}: sent", len(done["answers"]) / done["seconds"], "/s", 0.95 * rate),
        plain("webhooks", f"{label}: the sender's latest", done["late"] * 1000, "ms"),
        plain("webhooks", f"{label}: connections of the sender", done["lines"], "connections"),
        *_answers(done, label),
        at_most(
            "webhooks", f"{label}: not read after their last webhook", len(unread(after, last)), f"of {len(last)}", 0
        ),
        at_most("webhooks", f"{label}: unequal at the end", len(bench.unequal()) if not equal else 0, "products", 0),
        plain("webhooks", f"{label}: equal after the last webhook", took, "s"),
        plain("webhooks", f"{label}: calls that read", calls, "calls"),
        at_most("webhooks", f"{label}: calls for a changed product", calls / len(last), "calls", 1),
        at_most("webhooks", f"{label}: rows read for a webhook", rows / len(done["answers"]), "rows", 1),
        plain("webhooks", f"{label}: CPU of the service", memory.cpu / (seconds + took) * 100, "% of a core"),
        plain("webhooks", f"{label}: memory before", memory.before / 2**20, "MiB"),
        plain("webhooks", f"{label}: memory, peak", memory.peak / 2**20, "MiB"),
        at_most("webhooks", f"{label}: memory grown", (memory.now - memory.before) / 2**20, "MiB", 10),
    ]


def _answers(done: dict[str, Any], label: str) -> list[Figure]:
    taken = [seconds for status, seconds in done["answers"] if status == 200]
    return [
        at_most("webhooks", f"{label}: not answered with 200", len(done["answers"]) - len(taken), "webhooks", 0),
        plain("webhooks", f"{label}: answer, p50", statistics.median(taken) * 1000, "ms"),
        at_most("webhooks", f"{label}: answer, p99", _part(taken, 0.99) * 1000, "ms", 50),
        plain("webhooks", f"{label}: answer, longest", max(taken) * 1000, "ms"),
    ]


def _part(values: Sequence[float], part: float) -> float:
    return sorted(values)[int(part * (len(values) - 1))]


@contextmanager
def _bench(folder: Path, bootstrap: str, database: str, *, apart: bool = False) -> Iterator[Bench]:
    folder.mkdir(parents=True)
    system = System(folder, bootstrap, database, f"hook{os.getpid()}-{folder.name[:3]}")
    system.extra = {
        "PAYLAYER_PUBLIC_URL": f"http://127.0.0.1:{system.http_port}",
        "PAYLAYER_POLL_INTERVAL_SECONDS": "3600",
    }
    port = free_port()
    with running(system), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as desk:
        ports = [str(system.pay_port), str(system.layer_port), str(port)]
        command = [sys.executable, "-m", "tests.benchmarks.webhook_platforms", *ports, str(PRODUCTS)]
        with (folder / "platforms.log").open("ab") as log:
            system.processes["platforms"] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        until("the platforms answer", lambda: system.pay("GET", "stats") and system.layer("GET", "stats"))
        system.connect(*_SETTINGS)
        if apart:
            system.start(_WORK, "run", "--only", "producers,intake,appliers")
            system.service("service", "--only", "web")
        else:
            system.service()
        reader = _WORK if apart else "service"
        until("the store is synchronised", lambda: "sync_finished" in system.log(reader), seconds=1800)
        hooks = httpx.get(
            f"http://127.0.0.1:{system.pay_port}/api/v1/webhooks", headers={"X-AC-Auth-Token": TOKEN}, timeout=60
        )
        url = next(row["url"] for row in hooks.json()["webhooks"] if row["event_type"] == "ProductUpdated")
        yield Bench(system, desk, url.partition(f":{system.http_port}")[2], desk.get("/products").json())
