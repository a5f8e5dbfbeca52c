"""Which dead letters are meant: ids, or what they have to be like."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from connector.bus.letter_reader import StoredLetter


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant; nothing set = all."""

    ids: tuple[str, ...] = ()
    side: str | None = None
    entity: str | None = None
    connection: str | None = None
    state: str | None = None
    status: int | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    grep: str | None = None

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return self == LetterFilter()

    @classmethod
    def recorded(cls, record: Mapping[str, Any]) -> "LetterFilter":
        """The filter that `as_record` wrote; what else the record holds is left out."""
        known = {field.name: record[field.name] for field in fields(cls) if field.name in record}
        for name in ("since", "until"):
            if name in known:
                known[name] = datetime.fromisoformat(known[name])
        return cls(**{**known, "ids": tuple(known.get("ids", ()))})

    def as_record(self) -> dict[str, Any]:
        """What is set, in JSON's own types."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}
        return {name: list(value) if name == "ids" else value for name, value in plain.items() if value}

    def fits(self, stored: StoredLetter) -> bool:
        """Whether the letter is meant as far as the letter itself can tell; its fate is in the database."""
        letter = stored.letter
        if letter is None:
            return not any((self.connection, self.status, self.code)) and self._contained(stored)
        return (
            (self.connection is None or letter.connection == self.connection)
            and (self.status is None or letter.status == self.status)
            and (self.code is None or letter.code == self.code)
            and (self.since is None or letter.failed_at >= self.since)
            and (self.until is None or letter.failed_at < self.until)
            and self._contained(stored)
        )

    def _contained(self, stored: StoredLetter) -> bool:
        if self.grep is None:
            return True
        needle = self.grep.lower()
        parts = [stored.key or b"", stored.value or b"", (stored.letter.message if stored.letter else "").encode()]
        return any(needle in part.decode("utf-8", "replace").lower() for part in parts)
