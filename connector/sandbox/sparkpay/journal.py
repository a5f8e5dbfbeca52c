"""What was asked of the store: a bounded log, and statistics that are never cut."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `time` is ISO UTC, `status` None when no answer left, `body` the names of the body's fields."""

    n: int
    time: str
    method: str
    path: str
    query: str
    route: str
    status: int | None
    body: tuple[str, ...]
    lines: int
    ms: float
    fault: str | None
    cached: bool


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that breaks the vendor's description of the API."""

    n: int
    method: str
    path: str
    problem: str


class Journal:
    """The last `keep` calls and the counts of all of them."""

    def __init__(self, keep: int = 10_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._violations: deque[Violation] = deque(maxlen=1000)
        self.calls = 0
        self.refused_429 = 0
        self.cached_reads = 0
        self.by_route: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()

    @property
    def violations(self) -> list[Violation]:
        """The last thousand, oldest first."""
        return list(self._violations)

    def violation(self, method: str, path: str, problem: str) -> None:
        """Note what is wrong with the call that is being served."""
        self._violations.append(Violation(self.calls + 1, method, path, problem))

    def record(
        self,
        *,
        time: datetime,
        method: str,
        path: str,
        query: str,
        route: str,
        status: int | None,
        body: object,
        ms: float,
        fault: str | None,
        cached: bool,
        refused: bool,
    ) -> None:
        """Log one call. `refused`: the rate window was full (an injected 429 is not that)."""
        self.calls += 1
        self.refused_429 += refused
        self.cached_reads += cached
        self.by_route[f"{method} {route}"] += 1
        self.by_status[str(status) if status is not None else "none"] += 1
        if fault is not None:
            self.injected[fault] += 1
        first = body[0] if isinstance(body, list) and body else body
        self._entries.append(
            Entry(
                n=self.calls,
                time=time.isoformat(),
                method=method,
                path=path,
                query=query,
                route=route,
                status=status,
                body=tuple(first) if isinstance(first, dict) else (),
                lines=len(body) if isinstance(body, list) else 0,
                ms=round(ms, 3),
                fault=fault,
                cached=cached,
            )
        )

    def since(self, n: int) -> list[Entry]:
        """Entries after number `n` that are still kept."""
        return [entry for entry in self._entries if entry.n > n]

    def since_json(self, n: int) -> list[dict[str, object]]:
        """Return the same, ready for JSON."""
        return [asdict(entry) for entry in self.since(n)]

    def stats(self) -> dict[str, object]:
        """Count since the start; `calls` holds refused and lost ones too."""
        return {
            "calls": self.calls,
            "by_route": dict(self.by_route),
            "by_status": dict(self.by_status),
            "refused_429": self.refused_429,
            "cached_reads": self.cached_reads,
            "injected": dict(self.injected),
            "violations": [asdict(violation) for violation in self._violations],
        }
