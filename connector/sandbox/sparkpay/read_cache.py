"""The server's cache of GET answers: stale unless the request says `Cache-Control: no-cache` (vendor docs: README)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.sandbox.exchange import http_date

_OVERHEAD = 400
"""Bytes that an entry takes beside its texts, about: without them a million empty answers would weigh nothing."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and when it was made."""

    body: bytes
    made_at: datetime

    def headers(self, seconds: float) -> dict[str, str]:
        """Last-Modified, Expires and Cache-Control as the answer carries them."""
        return {
            "Last-Modified": http_date(self.made_at),
            "Expires": http_date(self.made_at + timedelta(seconds=seconds)),
            "Cache-Control": f"public, max-age={int(seconds)}",
        }


class ReadCache:
    """Answers by path and query, the oldest dropped beyond `max_bytes`, what each needs beside its body included."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def fresh(self, url: str, now: datetime, seconds: float) -> Kept | None:
        """Return the kept answer if it is younger than `seconds`."""
        kept = self._kept.get(url)
        return kept if kept is not None and now - kept.made_at < timedelta(seconds=seconds) else None

    def any_age(self, url: str) -> Kept | None:
        """Return the kept answer, however old: for the fault of a stale read."""
        return self._kept.get(url)

    def keep(self, url: str, body: bytes, now: datetime) -> Kept:
        """Remembers the answer, unless it is larger than the whole cache."""
        kept = Kept(body, now)
        if (old := self._kept.pop(url, None)) is not None:
            self._size -= _size(url, old)
        if _size(url, kept) <= self._max_bytes:
            self._kept[url] = kept
            self._size += _size(url, kept)
        while self._size > self._max_bytes:
            self._size -= _size(*self._kept.popitem(last=False))
        return kept


def _size(url: str, kept: Kept) -> int:
    return len(url) + len(kept.body) + _OVERHEAD


def wants_fresh(headers: Mapping[str, str]) -> bool:
    """Whether the request asks for revalidation."""
    asked = headers.get("cache-control", "").lower()
    return "no-cache" in asked or "no-store" in asked
