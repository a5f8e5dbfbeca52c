"""What was asked of a sandbox: a bounded log, and statistics that are never cut."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime

_LONGEST_TEXT = 4096
_MOST_FIELDS = 200
_MOST_ROUTES = 500
OTHER_ROUTES = "(other)"
"""Where calls are counted whose route is new after 500 others: paths that nobody serves are without number."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the front desk knows about a call when it is over.

    `status` is None if no answer left, `ms` the time it took, `size` the bytes of the body as sent, `cached` whether
    the answer was a kept one, `refused` whether the rate limit said no, `writes` whether the call changes something.
    `outcome` is the status that the platform came to, also where its answer was lost on the way (None: it saw nothing);
    `content` the body as sent, where the log keeps it.
    """

    time: datetime
    method: str
    path: str
    query: str
    route: str
    status: int | None
    ms: float
    body: object
    size: int
    fault: str | None
    cached: bool = False
    refused: bool = False
    writes: bool = False
    outcome: int | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `time` is ISO, `fields` are the body's (or its first row's) keys, `rows` the length of an array.

    `outcome`, `content` and `writes` as in `Served`.
    """

    n: int
    time: str
    method: str
    path: str
    query: str
    route: str
    status: int | None
    ms: float
    rows: int
    bytes: int
    fields: tuple[str, ...]
    fault: str | None
    cached: bool
    writes: bool
    outcome: int | None
    content: str | None


class Journal:
    """The last `keep` calls and the counts of all of them."""

    def __init__(self, keep: int = 10_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._logged = 0
        self.calls = 0
        self.refused_429 = 0
        self.by_route: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()

    @property
    def next_n(self) -> int:
        """The number of the call that is being served."""
        return self._logged + 1

    def record(self, served: Served, *, counted: bool = True) -> None:
        """Log one call; count it unless it is of a kind that is counted apart."""
        self._entries.append(_entry(self.next_n, served))
        self._logged += 1
        if counted:
            self.count(served)

    def count(self, served: Served) -> None:
        """Add one call to the statistics."""
        self.calls += 1
        self.refused_429 += served.refused
        route = clipped(f"{served.method} {served.route}")
        known = route in self.by_route or len(self.by_route) < _MOST_ROUTES
        self.by_route[route if known else OTHER_ROUTES] += 1
        self.by_status[str(served.status) if served.status is not None else "none"] += 1
        if served.fault is not None:
            self.injected[served.fault] += 1

    def since(self, n: int) -> list[Entry]:
        """Entries after number `n` that are still kept."""
        return [entry for entry in self._entries if entry.n > n]

    def stats(self) -> dict[str, object]:
        """Counts since the start; `calls` holds refused and lost ones too."""
        return {
            "calls": self.calls,
            "by_route": dict(self.by_route),
            "by_status": dict(self.by_status),
            "refused_429": self.refused_429,
            "injected": dict(self.injected),
        }


def clipped(text: str) -> str:
    """Text that a log may keep ten thousand of."""
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."


def _entry(n: int, served: Served) -> Entry:
    rows = served.body if isinstance(served.body, list) else None
    first = (rows[0] if rows else None) if rows is not None else served.body
    names = list(first)[:_MOST_FIELDS] if isinstance(first, dict) else []
    return Entry(
        n=n,
        time=served.time.isoformat(),
        method=served.method,
        path=clipped(served.path),
        query=clipped(served.query),
        route=clipped(served.route),
        status=served.status,
        ms=round(served.ms, 3),
        rows=len(rows) if rows is not None else 0,
        bytes=served.size,
        fields=tuple(clipped(str(name)) for name in names),
        fault=served.fault,
        cached=served.cached,
        writes=served.writes,
        outcome=served.outcome,
        content=served.content,
    )
