"""One world: its processes, and the storm that its plan lets loose on them."""

import contextlib
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.system import SECRET, TOKEN, System, until
from tests.acceptance.trading import SETTINGS
from tests.chaos.desk import SITE, connect
from tests.chaos.erp import Erp
from tests.chaos.merchant import Merchant
from tests.chaos.plan import (
    Action,
    Clock,
    Edit,
    EditTrade,
    Faults,
    Kill,
    KillBroker,
    Place,
    Plan,
    Publish,
    RestartDatabase,
)
from tests.chaos.servers import Servers, pause
from tests.chaos.trade import CUSTOMERS, ORDERS, Trade

_TICK = 0.02
_USUAL_START_SECONDS = 2.5
_STARTED_SECONDS = 240.0
_SLOWEST = 6.0
_SETTINGS = (
    # Silent changes are found by sweeps alone, which usually begin every quarter of an hour.
    "poll.stock_sweep_seconds=2",
    "poll.deletion_sweep_seconds=5",
    "poll.sweep_share=1",
    "poll.slowest_seconds=3",
    "poll.deletions_at_once=1",
    "orders.sweep_minutes=0.5",  # finds what was placed while the clock of SparkLayer went back as well
    *(setting for setting in SETTINGS if not setting.startswith("watch.")),
    "watch.purchases_seconds=2",
)


@dataclass
class World:
    """The processes of one seed and what they did."""

    plan: Plan
    servers: Servers
    system: System
    merchant: Merchant
    erp: Erp
    trade: Trade
    diary: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    pace: float = 1.0
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=itertools.count)

    @property
    def now(self) -> float:
        """Seconds of this world's life."""
        return time.monotonic() - self.began

    def note(self, words: str) -> None:
        """Into the diary, which a failing seed leaves behind."""
        self.diary.append(f"{self.now:7.2f} {words}")

    def settle_in(self) -> None:
        """Wait until every process says that it works, and learn from that how slow this machine is."""
        began = self.now
        until(
            "every process has started",
            lambda: all(self._says_started(name) for name in self.plan.processes),
            _STARTED_SECONDS,
        )
        self.pace = min(_SLOWEST, max(1.0, (self.now - began) / _USUAL_START_SECONDS))
        self.note(f"all started; this machine takes {self.pace:.1f} times as long as a free one")

    def storm(self) -> None:
        """Everything that the plan says, then quiet: faults off, clocks right, all processes there."""
        start = self.now
        for at, action in self.plan.actions:
            self._at(start + at * self.pace, self._doing(action))
        end = start + self.plan.storm_seconds * self.pace
        while self._due or self.now < end:
            if self._due and self._due[0][0] <= self.now:
                heapq.heappop(self._due)[2]()
            else:
                self.erp.tick()
                self._fallen()
                pause(_TICK)
        self._calm()

    def start(self, name: str) -> None:
        """One process of the plan."""
        self.note(f"start {name}")
        self.system.start(name, "run", "--only", ",".join(self.plan.processes[name]))

    def alive(self, name: str) -> bool:
        process = self.system.processes.get(name)
        return process is not None and process.poll() is None

    def _says_started(self, name: str) -> bool:
        assert self.alive(name), self.system.log(name)
        return '"event": "started"' in self.system.log(name)

    def _at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._count), do))

    def _doing(self, action: Action) -> Callable[[], None]:
        return lambda: self._do(action)

    def _people(self, action: Action) -> None:
        match action:
            case Edit():
                for words in self.merchant.edit(action.count, fight=action.fight):
                    self.note(f"merchant: {words}")
            case EditTrade():
                for _ in range(action.count):
                    self.note(f"merchant: {self.trade.edit()}")
            case Place():
                for _ in range(action.count):
                    self.note(self.trade.place())
            case Publish():
                self.note(f"the other service publishes {action.count}")
                self.erp.publish(action.count, self.merchant.skus, self.merchant.customer_types)

    def _do(self, action: Action) -> None:
        match action:
            case Edit() | EditTrade() | Place() | Publish():
                self._people(action)
            case Kill():
                self._kill(action)
            case KillBroker():
                if self.servers.kafka.running:
                    self.note("kill the broker")
                    self.servers.kafka.kill()
                    self._at(self.now + action.back_after * self.pace, self._broker_back)
            case RestartDatabase():
                self.note("the database crashes")
                self.servers.postgres.restart()
                self.note("the database is back")
            case Faults():
                self.note(f"faults of {action.side}: {[dict(rule) for rule in action.rules]}")
                self._admin(action.side, "PUT", "faults", [dict(rule) for rule in action.rules])
            case Clock():
                self.note(f"clock of {action.side}: {action.ahead:+d} s")
                self._admin(action.side, "PUT", "policy", {"clock_ahead_seconds": action.ahead})

    def _kill(self, action: Kill) -> None:
        names = [name for name in action.names if name in self.system.processes]
        self.note(f"kill {' '.join(names)}")
        for name in names:
            self.system.kill(name)
        for name in names:
            self._at(self.now + action.back_after * self.pace, lambda name=name: self._back(name))  # type: ignore[misc]

    def _back(self, name: str) -> None:
        if name not in self.system.processes:
            self.start(name)

    def _fallen(self) -> None:
        """A process may end itself when it cannot go on; an orchestrator starts it again."""
        for name in list(self.system.processes):
            if name in self.plan.processes and not self.alive(name):
                code = self.system.processes.pop(name).returncode
                self.note(f"{name} ended with {code}")
                self._at(self.now + 0.5, lambda name=name: self._back(name))  # type: ignore[misc]

    def watch(self) -> None:
        """As an orchestrator does; call it often while waiting."""
        self._fallen()
        while self._due and self._due[0][0] <= self.now:
            heapq.heappop(self._due)[2]()
        self.erp.tick()

    def _broker_back(self) -> None:
        self.note("start the broker")
        self.servers.kafka.launch()

    def _calm(self) -> None:
        for side in ("pay", "layer"):
            self._admin(side, "PUT", "faults", [])
            self._admin(side, "PUT", "policy", {"clock_ahead_seconds": 0})
        for name in self.plan.processes:
            self._back(name)
        self.servers.kafka.until_ready()
        self.erp.flush()
        self.note("quiet")

    def _admin(self, side: str, method: str, path: str, body: object) -> Any:
        call = self.system.pay if side == "pay" else self.system.layer
        return call(method, path, body)


@contextlib.contextmanager
def world(plan: Plan, servers: Servers, folder: Path) -> Iterator[World]:
    """Both sandboxes, the connection and every process of the plan, running. All is ended afterwards."""
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder / 'state.sqlite3'}"
        if plan.database == "postgresql":
            url = stack.enter_context(servers.postgres.database())
        prefix = f"chaos{plan.seed}-{int(time.time() * 1000) % 10**9}"
        system = System(folder, servers.kafka.address, url, prefix, {"PAYLAYER_LOG_LEVEL": "INFO"})
        stack.callback(system.stop)
        start_sandboxes(system, plan)
        merchant = Merchant(plan.seed, plan.products, lambda edit: system.pay("POST", "edit", dict(edit)))
        connect(
            system,
            *_SETTINGS,
            f"sparkpay.limit={plan.limit}",
            f"sparkpay.window_seconds={plan.window_seconds:g}",
            f"sparkpay.page_size={plan.page_size}",
            f"sparkpay.expand_page_size={min(100, plan.page_size)}",
            f"stock.mode={plan.stock_mode}",
        )
        erp = Erp(plan.seed, servers.kafka.address, prefix)
        made = World(plan, servers, system, merchant, erp, Trade(plan.seed, system))
        for name in plan.processes:
            made.start(name)
        made.settle_in()
        yield made


def start_sandboxes(system: System, plan: Plan) -> None:
    """Both platforms, each a process of its own; SparkLayer's log keeps what was sent."""
    system.start(
        "sparkpay", "sandbox", "sparkpay", "--port", str(system.pay_port), "--token", TOKEN,
        "--products", str(plan.products), "--seed", str(plan.seed),
        "--customers", str(CUSTOMERS), "--orders", str(ORDERS),
        "--limit", str(plan.limit), "--window-seconds", f"{plan.window_seconds:g}",
    )  # fmt: skip
    system.start(
        "sparklayer", "sandbox", "sparklayer", "--port", str(system.layer_port), "--site-id", SITE,
        "--client-id", "client", "--client-secret", SECRET,
    )  # fmt: skip
    until(
        "both sandboxes answer", lambda: system.pay("GET", "stats") and system.layer("GET", "stats"), _STARTED_SECONDS
    )
    system.layer("PUT", "policy", {"log_bodies": True})
