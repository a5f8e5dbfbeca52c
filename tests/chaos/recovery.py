"""How long after a SIGKILL of everything the first call is applied again, with rows waiting."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.acceptance.system import System, until
from tests.chaos.desk import connect
from tests.chaos.plan import ALL_ROLES, Database, Plan
from tests.chaos.servers import Servers, pause
from tests.chaos.world import start_sandboxes

_PRODUCTS = 400
_SLOW = [{"kind": "delay_ms", "ms": 150, "times": None}]
_WAIT_SECONDS = 240.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from the start of the process to the first call that SparkLayer applied, and until it said `started`."""

    database: Database
    seconds: tuple[float, ...]
    starting: tuple[float, ...]

    def line(self) -> str:
        return (
            f"{self.database}: first apply {median(self.seconds):.2f} s after the restart in the middle, "
            f"{max(self.seconds):.2f} s at worst, of {len(self.seconds)}; the process itself takes "
            f"{median(self.starting):.2f} s of that to start, {max(self.starting):.2f} s at worst"
        )


def measure(database: Database, times: int, servers: Servers, folder: Path) -> Recovery:
    """Kill the service that often in the midst of its first sync, and start it again at once."""
    with _applying(database, servers, folder) as system:
        found = [_once(system) for _ in range(times)]
        return Recovery(database, tuple(all_ for all_, _ in found), tuple(start for _, start in found))


@contextlib.contextmanager
def _applying(database: Database, servers: Servers, folder: Path) -> Iterator[System]:
    plan = Plan(
        seed=1, database=database, processes={"service": ALL_ROLES}, products=_PRODUCTS, limit=200, window_seconds=2.0,
        page_size=1000, stock_mode="single_default", settled_first=True, storm_seconds=0.0, actions=(),
    )  # fmt: skip
    home = folder / f"recovery-{database}"
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{home / f'{time.time():.0f}.sqlite3'}"
        if database == "postgresql":
            url = stack.enter_context(servers.postgres.database())
        system = System(home, servers.kafka.address, url, f"recovery-{database}-{time.time():.0f}")
        stack.callback(system.stop)
        start_sandboxes(system, plan)
        system.layer("PUT", "faults", _SLOW)
        connect(system, "sparkpay.limit=200", "sparkpay.window_seconds=2")
        system.start("service", "run", "--only", ",".join(ALL_ROLES))
        yield system


def _once(system: System) -> tuple[float, float]:
    before = _applied(system, 0)
    until("rows are being applied", lambda: len(_applied(system, 0)) >= len(before) + 2, _WAIT_SECONDS)
    system.kill("service")
    pause(0.5)  # what was on its way arrives
    seen = max(entry["n"] for entry in system.layer("GET", "requests"))
    began = datetime.now(UTC)
    system.start("service", "run", "--only", ",".join(ALL_ROLES))
    found: list[dict[str, Any]] = until(
        "something is applied", lambda: _applied(system, seen), _WAIT_SECONDS, every=_LOOK_SECONDS
    )
    starts = [json.loads(line) for line in system.log("service").splitlines() if '"event": "started"' in line]
    moments = (found[0]["time"], starts[-1]["timestamp"])
    applied, started = ((datetime.fromisoformat(moment) - began).total_seconds() for moment in moments)
    return applied, started


def _applied(system: System, after: int) -> list[dict[str, Any]]:
    entries = system.layer("GET", f"requests?since={after}")
    return [entry for entry in entries if entry["writes"] and entry["outcome"] in range(200, 300)]
