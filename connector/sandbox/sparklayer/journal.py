"""What was asked of the site: a bounded log and statistics that are never cut."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `fields` are the body's (or its first row's) keys, `rows` the length of an array."""

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


@dataclass(frozen=True, slots=True)
class Served:
    """What the front desk knows about a call when it is over; `status` is None if no answer left."""

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
    writes: bool


class Journal:
    """The last `keep` calls and counts of all of them; the token call is counted apart."""

    def __init__(self, keep: int = 10_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._next = 1
        self.calls = 0
        self.token_calls = 0
        self.writes = 0
        self.refused_429 = 0
        self.by_route: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()

    def record(self, served: Served, *, token: bool) -> None:
        """Log one call and count it."""
        rows = served.body if isinstance(served.body, list) else [served.body]
        first = rows[0] if rows else None
        self._entries.append(
            Entry(
                n=self._next,
                time=served.time.isoformat(),
                method=served.method,
                path=served.path,
                query=served.query,
                route=served.route,
                status=served.status,
                ms=round(served.ms, 3),
                rows=len(rows) if isinstance(served.body, list) else 0,
                bytes=served.size,
                fields=tuple(first) if isinstance(first, dict) else (),
                fault=served.fault,
            )
        )
        self._next += 1
        if token:
            self.token_calls += 1
            return
        self.calls += 1
        self.writes += served.writes
        self.refused_429 += served.status == 429  # noqa: PLR2004 - HTTP's own number
        self.by_route[f"{served.method} {served.route}"] += 1
        self.by_status[str(served.status) if served.status is not None else "none"] += 1

    def since(self, n: int) -> list[Entry]:
        """Entries after number `n` that are still kept."""
        return [entry for entry in self._entries if entry.n > n]

    def since_json(self, n: int) -> list[dict[str, object]]:
        """The same, ready for JSON."""
        return [asdict(entry) for entry in self.since(n)]

    def stats(self) -> dict[str, object]:
        """Counts since the start; `writes` are calls that change something, refused ones included."""
        return {
            "calls": self.calls,
            "token_calls": self.token_calls,
            "writes": self.writes,
            "by_route": dict(self.by_route),
            "refused_429": self.refused_429,
            "by_status": dict(self.by_status),
        }
