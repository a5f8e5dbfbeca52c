"""What happens in the world of a seed: its processes, and when what goes wrong. Pure: the same seed, the same plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

Database = Literal["sqlite", "postgresql"]
Rule = Mapping[str, Any]
"""A fault rule as a sandbox's admin interface takes it."""

STORM_SECONDS = (10.0, 15.0)
FEWEST, MOST = 15, 35
"""Products of a world."""

ALL_ROLES = ("producers", "intake", "appliers")


@dataclass(frozen=True, slots=True)
class Edit:
    """The merchant saves a few things, one after the other; a fight is about who has which SKU."""

    count: int
    fight: bool


@dataclass(frozen=True, slots=True)
class EditTrade:
    """The merchant saves something of customers and orders so many times."""

    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """Buyers place so many orders in SparkLayer."""

    count: int


@dataclass(frozen=True, slots=True)
class Publish:
    """The other service publishes."""

    count: int


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL to these processes, and a start of each after so many seconds."""

    names: tuple[str, ...]
    back_after: float


@dataclass(frozen=True, slots=True)
class KillBroker:
    """SIGKILL to the broker; started again on its data."""

    back_after: float


@dataclass(frozen=True, slots=True)
class RestartDatabase:
    """PostgreSQL stops as in a crash and starts again."""


@dataclass(frozen=True, slots=True)
class Faults:
    """One platform misbehaves for a while."""

    side: Literal["pay", "layer"]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """A platform's clock jumps to this distance from the true time."""

    side: Literal["pay", "layer"]
    ahead: int


# Webhooks: a kind of event of its own here (sent, repeated, late, forged) once the service receives them.
Action = Edit | EditTrade | Place | Publish | Kill | KillBroker | RestartDatabase | Faults | Clock


@dataclass(frozen=True, slots=True)
class Plan:
    """A world."""

    seed: int
    database: Database
    processes: Mapping[str, tuple[str, ...]]  # name -> its roles
    products: int
    limit: int
    window_seconds: float
    page_size: int
    stock_mode: Literal["single_default", "per_warehouse"]
    settled_first: bool  # the storm begins when the first sync is through, not in its midst
    storm_seconds: float
    actions: tuple[tuple[float, Action], ...] = field(repr=False)

    def __str__(self) -> str:
        """In one line."""
        when = "after" if self.settled_first else "in"
        roles = " ".join(f"{name}[{'+'.join(held)}]" for name, held in self.processes.items())
        return (
            f"seed {self.seed}: {self.database}, {roles}, {self.products} products, {self.limit} calls per "
            f"{self.window_seconds:g} s, pages of {self.page_size}, {self.stock_mode}, {when} the first sync"
        )

    def lines(self) -> list[str]:
        """The schedule for people."""
        return [str(self), *(f"{at:7.2f} {action}" for at, action in self.actions)]


def plan(seed: int) -> Plan:
    """The world of a seed."""
    rng = Random(f"chaos {seed}")
    # By the number, so that any few seeds in a row meet both databases and each way of cutting the service up.
    database: Database = "sqlite" if seed % 2 else "postgresql"
    processes = _processes(seed // 2, database)
    limit, window = rng.choice(((50, 2.5), (60, 3.0), (100, 5.0), (200, 10.0)))
    storm = rng.uniform(*STORM_SECONDS)
    return Plan(
        seed=seed,
        database=database,
        processes=processes,
        products=rng.randint(FEWEST, MOST),
        limit=limit,
        window_seconds=window,
        page_size=rng.choice((10, 25, 100, 1000)),
        stock_mode="per_warehouse" if seed % 5 == 4 else "single_default",
        settled_first=rng.random() < 0.5,
        storm_seconds=storm,
        actions=tuple(
            sorted([*_actions(rng, storm, database, processes), *_trade(seed, storm)], key=lambda timed: timed[0])
        ),
    )


def _processes(way: int, database: Database) -> Mapping[str, tuple[str, ...]]:
    match way % 3:
        case 0:
            return {"service": ALL_ROLES}
        case 1:
            return {role: (role,) for role in ALL_ROLES}
    if database == "postgresql":
        return {f"{role}-{number}": (role,) for role in ALL_ROLES for number in (1, 2)}
    return {"reading": ("producers", "intake"), "appliers": ("appliers",)}


def _actions(
    rng: Random, storm: float, database: Database, processes: Mapping[str, tuple[str, ...]]
) -> list[tuple[float, Action]]:
    def moment(latest: float = 1.0) -> float:
        return rng.uniform(0.0, storm * latest)

    found: list[tuple[float, Action]] = []
    found += [(moment(), Edit(rng.randint(1, 4), fight=rng.random() < 0.3)) for _ in range(rng.randint(8, 16))]
    found += [(moment(), Publish(rng.randint(1, 6))) for _ in range(rng.randint(4, 9))]
    found += [(moment(), _kill(rng, processes)) for _ in range(rng.randint(2, 5))]
    if rng.random() < 0.5:
        found.append((moment(0.7), KillBroker(rng.uniform(0.0, 2.5))))
    if database == "postgresql" and rng.random() < 0.6:
        found.append((moment(0.8), RestartDatabase()))
    for side in ("pay", "layer"):
        for _ in range(rng.randint(2, 4)):
            begins = moment(0.9)
            found.append((begins, Faults(side, _rules(rng, side))))
            found.append((begins + rng.uniform(0.5, 4.0), Faults(side, ())))
    jumps = rng.choice((0, 0, 1, 3))
    found += [(moment(), Clock(rng.choice(("pay", "pay", "layer")), _skew(rng))) for _ in range(jumps)]
    return found


def _trade(seed: int, storm: float) -> list[tuple[float, Action]]:
    """Decided apart from all else, so that a seed keeps the storm that it always had."""
    rng = Random(f"trade of {seed}")
    found: list[tuple[float, Action]] = [(rng.uniform(0, storm), EditTrade(rng.randint(1, 2))) for _ in range(5)]
    return found + [(rng.uniform(0, storm), Place(rng.randint(1, 2))) for _ in range(4)]


def _kill(rng: Random, processes: Mapping[str, tuple[str, ...]]) -> Kill:
    names = tuple(processes)
    chosen = names if rng.random() < 0.3 else tuple(rng.sample(names, rng.randint(1, len(names))))
    return Kill(chosen, rng.choice((0.0, rng.uniform(0.0, 1.0), rng.uniform(1.0, 6.0))))


def _skew(rng: Random) -> int:
    return rng.choice((-1, 1)) * rng.choice((2, 45, 300, 900))


def _rules(rng: Random, side: Literal["pay", "layer"]) -> tuple[Rule, ...]:
    always = {"times": None}
    kinds: list[Rule] = [
        {"kind": "status", "status": 429, **always},
        {"kind": "status", "status": 429, "retry_after": False, **always},
        {"kind": "status", "status": 500, **always},
        {"kind": "status", "status": 502, **always},
        {"kind": "status", "status": 503, "body": False, **always},
        {"kind": "timeout", "ms": rng.randint(200, 1500), **always},
        {"kind": "drop_before", **always},
        {"kind": "drop_after", **always},
        {"kind": "drop_after", **always},
        {"kind": "cut_json", **always},
        {"kind": "delay_ms", "ms": rng.randint(50, 1200), **always},
    ]
    if side == "pay":
        kinds += [{"kind": "stale", **always}] * 2
    chosen = rng.sample(kinds, rng.randint(1, 3))
    return tuple({**rule, "probability": rng.choice((0.1, 0.3, 0.6))} for rule in chosen)
