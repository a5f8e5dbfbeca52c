"""The events of a batch of observations: which state is new, and the id and time that its event gets."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from connector.entity_hash import entity_hash
from connector.ports import Observed
from contracts.entities import Entity
from contracts.events import Event, changed, deleted, event_id

DOUBT = "?"  # the hash of an observation whose event is on its way: no content has it
_AFTER = timedelta(microseconds=1)
_IN_THE_FUTURE = timedelta(minutes=1)


class Ledger:
    """Collects the events of one batch and what to remember once they are out.

    `doubts` are to be remembered before they are sent. A process that dies in between leaves them: then nobody knows
    whether the event is out, and the next reading is told as something new, later than it in any case.
    """

    def __init__(self, connection: str, source: str, *, force: bool) -> None:
        self._connection = connection
        self._source = source
        self._force = force
        self.events: list[Event] = []
        self.observations: list[Observed] = []
        self.doubts: list[Observed] = []

    def changed(
        self,
        kind: str,
        key: str,
        entity: Entity,
        *,
        before: Observed | None,
        read_at: datetime,
        changed_at: datetime | None,
        number: int | None = None,
        skus: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """An entity as it is now; no event when it is remembered like that."""
        content = entity_hash(entity)
        if before is not None and not before.deleted and not before.hash:
            # Nobody knows what it was; another source has spoken since, and an old state must not overtake that.
            self.observations.append(replace(before, hash=content, number=number, skus=skus))
            return
        if before is not None and not before.deleted and before.hash == content:
            if self._force:
                self._add(entity, before.event_id, before.time)
            if before.skus != skus:
                self.observations.append(
                    Observed(kind, key, content, before.event_id, before.time, number=number, skus=skus)
                )
            return
        time = _version_time(changed_at, before, read_at)
        id_ = self._id(kind, key, before, content)
        self._add(entity, id_, time)
        self.observations.append(Observed(kind, key, content, id_, time, number=number, skus=skus))
        self._doubt(kind, key, id_, time, before, number=number, skus=skus)

    def deleted(
        self,
        kind: str,
        key: str,
        *,
        before: Observed | None,
        read_at: datetime,
        refs: Mapping[str, str],
        number: int | None = None,
    ) -> None:
        """An entity that is gone; no event when it was never told of, or was told as gone."""
        if before is None or before.deleted:
            return
        time = _version_time(None, before, read_at)
        id_ = self._id(kind, key, before, "")
        self.events.append(
            deleted(kind, key, connection=self._connection, source=self._source, refs=refs, time=time, id=id_)
        )
        self.observations.append(Observed(kind, key, "", id_, time, number=number, deleted=True))
        self._doubt(kind, key, id_, time, before, number=number)

    def _doubt(
        self,
        kind: str,
        key: str,
        id_: str,
        time: datetime,
        before: Observed | None,
        *,
        number: int | None,
        skus: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Whoever finds this reads again: the event may be out. It is there, so it can be told as gone."""
        known = before.number if before is not None and number is None else number
        held = tuple(dict.fromkeys([*(before.skus if before is not None else ()), *skus]))
        self.doubts.append(Observed(kind, key, DOUBT, id_, time, number=known, skus=held))

    def _add(self, entity: Entity, id_: str, time: datetime) -> None:
        self.events.append(changed(entity, connection=self._connection, source=self._source, time=time, id=id_))

    def _id(self, kind: str, key: str, before: Observed | None, content: str) -> str:
        return event_id(self._connection, self._source, kind, key, before.event_id if before else "", content)


def _version_time(changed_at: datetime | None, before: Observed | None, read_at: datetime) -> datetime:
    """The newest time of the rows when it tells the states apart, else when it was seen; always later than before.

    A row stamped in the future would make every later state look old, so that does not count.
    """
    if changed_at is not None and changed_at > read_at + _IN_THE_FUTURE:
        changed_at = None
    if before is None:
        return changed_at or read_at
    if changed_at is not None and changed_at > before.time:
        return changed_at
    return max(read_at, before.time + _AFTER)
