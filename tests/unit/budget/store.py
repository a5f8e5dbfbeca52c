"""A simulated store with a fixed window of unknown start, and callers on virtual time."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connector.budget.policy import Window
from connector.budget.reserve import Reserve
from connector.ports import Priority

NO_RESERVE = Reserve(interactive=0, above_sync=0)


@dataclass
class Store:
    """Counts calls per window of `period` seconds that begins at `phase`; above the limit it answers 429."""

    limit: int
    period: float
    phase: float
    counter: bool = True
    used: Counter[int] = field(default_factory=Counter)
    arrivals: list[float] = field(default_factory=list)
    refused: int = 0

    def window(self, at: float) -> int:
        return int((at - self.phase) // self.period)

    def arrive(self, at: float, *, own: bool = True) -> tuple[bool, int | None, float]:
        """Whether it is taken, its number in the window, and when the window ends."""
        window = self.window(at)
        end = self.phase + (window + 1) * self.period
        if own:
            self.arrivals.append(at)
        if self.used[window] >= self.limit:
            self.refused += own
            return False, self.limit if self.counter else None, end
        self.used[window] += 1
        return True, self.used[window] if self.counter else None, end

    def busiest_span(self) -> int:
        """The most own arrivals in any span of one period, wherever it begins."""
        ordered, first, most = sorted(self.arrivals), 0, 0
        for last, at in enumerate(ordered):
            while at - ordered[first] >= self.period:
                first += 1
            most = max(most, last - first + 1)
        return most


@dataclass
class Simulation:
    """Callers that always have more to do, against one store, through one window that is stored between decisions."""

    store: Store
    seed: int
    callers: int = 60
    latency: tuple[float, float] = (0.05, 0.6)
    priority: Priority = Priority.LIVE
    reserve: Reserve = field(default_factory=Reserve)
    others: float = 0.0  # calls a second of other applications
    crash_at: float | None = None
    forget_at_crash: bool = False
    begin: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.stored: dict[str, object] | None = None
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.order = itertools.count()
        self.free = self.callers
        self.generation = 0
        self.calls = itertools.count()
        self.planned: float | None = None

    def window(self, now: float) -> Window:
        return Window.load(self.stored, limit=self.store.limit, period=self.store.period, now=now, reserve=self.reserve)

    def at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (when, next(self.order), what))

    def run(self, seconds: float) -> "Simulation":
        self.at(self.begin, self.decide)
        if self.others:
            self.at(self.begin + self.random.expovariate(self.others), self.other)
        if self.crash_at is not None:
            self.at(self.begin + self.crash_at, self.crash)
        while self.events and self.events[0][0] <= self.begin + seconds:
            now, _, what = heapq.heappop(self.events)
            what(now)
        return self

    def other(self, now: float) -> None:
        self.store.arrive(now, own=False)
        self.at(now + self.random.expovariate(self.others), self.other)

    def crash(self, now: float) -> None:
        """The process dies: its replies come to nobody. Another starts at once."""
        self.generation += 1
        self.free = self.callers
        if self.forget_at_crash:
            self.stored = None
        self.decide(now)

    def decide(self, now: float) -> None:
        window = self.window(now)
        while self.free and (wait := window.wait(now, self.priority)) <= 0:
            call = f"c{next(self.calls)}"
            window.leave(call, now)
            self.free -= 1
            total = self.random.uniform(*self.latency)
            self.at(now + total * self.random.random(), self.arrival(call, now + total))
        self.stored = window.dump()
        if self.free and (self.planned is None or now + wait < self.planned or self.planned <= now):
            self.planned = now + wait
            self.at(now + wait, self.decide)

    def arrival(self, call: str, replied: float) -> Callable[[float], None]:
        generation = self.generation

        def arrived(now: float) -> None:
            taken, used, end = self.store.arrive(now)

            def answer(at: float) -> None:
                if generation != self.generation:
                    return
                window = self.window(at)
                limit = None if used is None else self.store.limit
                if taken:
                    window.reply(call, at, used, limit)
                else:
                    window.throttled(call, at, max(0.5, end - at), limit)
                self.stored = window.dump()
                self.free += 1
                self.decide(at)

            self.at(replied, answer)

        return arrived

    def share(self, skip: float, seconds: float) -> float:
        """The part of the whole windows between two moments that was used."""
        first = self.store.window(self.begin + skip) + 1
        last = self.store.window(self.begin + seconds) - 1
        return sum(self.store.used[window] for window in range(first, last + 1)) / (
            (last - first + 1) * self.store.limit
        )


def spread(values: Sequence[float]) -> str:
    return f"{min(values):.4f}..{max(values):.4f}"
