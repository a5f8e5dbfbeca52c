"""Part of a store, as a person chooses it for a sync."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Choice:
    """These ids, or what fits a query in the store's own language and changed since a moment; both narrow it."""

    ids: tuple[int, ...] = ()
    where: str = ""
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """For the database; `choice_of` reads it."""
        return {"ids": list(self.ids), "where": self.where, "since": self.since.isoformat() if self.since else None}


def choice_of(stored: Mapping[str, Any] | None) -> Choice | None:
    """What `as_json` wrote; none for none."""
    if stored is None:
        return None
    since = stored.get("since")
    ids = tuple(int(id_) for id_ in stored.get("ids", ()))
    return Choice(ids, stored.get("where") or "", datetime.fromisoformat(since) if since else None)
