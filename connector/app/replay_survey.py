"""What looking through letters before a replay shows: how many are to be sent, and the newest of each entity."""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b

from connector.app.letters import FoundLetter
from contracts.events import Version

_REASONS = 20

_Group = tuple[str, str]  # topic, code


@dataclass(frozen=True, slots=True)
class _Newest:
    version: Version
    id: str
    group: _Group | None  # as which it was counted


@dataclass(frozen=True, slots=True)
class Skip:
    """A letter that was meant and not sent."""

    id: str
    reason: str


@dataclass(slots=True)
class Survey:
    """What looking through the letters has shown: how many there are to send, and the newest of each entity."""

    selected: int = 0
    superseded: int = 0
    skipped: int = 0
    counts: Counter[_Group] = field(default_factory=Counter)
    skips: list[Skip] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    _newest: dict[bytes, _Newest] = field(default_factory=dict)

    def add(self, found: FoundLetter, *, done: bool, everything: bool) -> None:
        """Count a letter; of the letters of an entity only the newest counts, of two with one event the later."""
        if not everything and found.overtaken:
            self.superseded += not done
            return
        group = None if done else _group(found)
        entity = None if everything else _entity(found)
        if entity is not None and found.version is not None:
            held = self._newest.get(entity)
            if held is not None and held.version > found.version:
                self.superseded += not done
                return
            if held is not None and held.group is not None:
                self._count(held.group, -1)
                self.superseded += 1
            self._newest[entity] = _Newest(found.version, found.id, group)
        if group is not None:
            self._count(group, 1)

    def overtaken_by(self, found: FoundLetter) -> str | None:
        """Which letter of the same entity is newer; none where it is the newest itself."""
        entity = _entity(found)
        newest = None if entity is None or found.version is None else self._newest.get(entity)
        return newest.id if newest is not None and newest.id != found.id else None

    def skip(self, found: FoundLetter, reason: str) -> None:
        """Count a letter that cannot be sent, and remember the first ones."""
        self.skipped += 1
        if len(self.skips) < _REASONS:
            self.skips.append(Skip(found.id, reason))

    def _count(self, group: _Group, by: int) -> None:
        self.selected += by
        self.counts[group] += by


def _entity(found: FoundLetter) -> bytes | None:
    """The entity in sixteen bytes: there may be hundreds of thousands."""
    identity = found.identity
    return None if identity is None else blake2b("\0".join(identity).encode(), digest_size=16).digest()


def _group(found: FoundLetter) -> _Group:
    letter = found.stored.letter
    return found.stored.topic, (letter.code if letter else None) or ""
