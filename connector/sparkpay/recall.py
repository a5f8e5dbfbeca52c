"""What a store showed last, taken from the events that told of it, for a memory that was lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connector.entity_hash import entity_hash
from connector.ports import Memory, Observed
from connector.sparkpay.claims import KEY_PREFIX, claims_of
from connector.sparkpay.ledger import SOURCE
from contracts.entities import Product
from contracts.events import Event, entity_name, is_deletion

_BY_SKU = ("price", "stock")
_BY_ORIGIN = ("product", "customer", "order")
_MENDED = "~"  # in the id of an event that a person changed before it was replayed
_Name = tuple[str, str]


@dataclass(slots=True)
class Recollection:
    """Gives the producer of one connection its memory back, from events in any order.

    Where only another source spoke of something, or a person mended its event, nobody knows what the store had shown
    before. Then whatever it shows next counts as known: an old state of the store must not overtake a newer one.
    """

    memory: Memory
    restored: int = 0
    _others: dict[_Name, Observed] = field(default_factory=dict)

    async def note(self, events: Sequence[Event]) -> None:
        """Remember what the store itself told in these."""
        own: dict[_Name, Observed] = {}
        for event in events:
            told_by_store = event.source == SOURCE and _MENDED not in event.id
            _keep_newest(own if told_by_store else self._others, observed_of(event))
        for kind in sorted({kind for kind, _ in own}):
            found = {key: one for (entity, key), one in own.items() if entity == kind}
            before = await self.memory.observed(kind, list(found))
            newer = [one for key, one in found.items() if key not in before or _version(before[key]) <= _version(one)]
            await self.memory.remember(newer)
            self.restored += sum(1 for one in newer if one.key not in before)

    async def finish(self) -> None:
        """All events are noted: what only others spoke of is remembered as unknown, where the store has it at all."""
        for kind in sorted({kind for kind, _ in self._others}):
            others = {key: one for (entity, key), one in self._others.items() if entity == kind and not one.deleted}
            before = await self.memory.observed(kind, list(others))
            claimed = await self.memory.claimants(list(others)) if kind in _BY_SKU else {}
            unknown = [
                replace(other, hash="", event_id="")
                for key, other in others.items()
                if key not in before and (key in claimed if kind in _BY_SKU else other.number is not None)
            ]
            await self.memory.remember(unknown)
            self.restored += len(unknown)


def _keep_newest(kept: dict[_Name, Observed], found: Observed) -> None:
    before = kept.get((found.entity, found.key))
    if before is None or _version(before) < _version(found):
        kept[found.entity, found.key] = found


def _version(observed: Observed) -> tuple[datetime, str]:
    return observed.time, observed.event_id


def observed_of(event: Event) -> Observed:
    """What the producer remembers once this event is out."""
    kind, refs = entity_name(event), event.data.refs
    number = None if kind in _BY_SKU else _number(event.data.key, refs.get(SOURCE))
    key = _own_key(kind, event.data.key, number) if event.source == SOURCE else event.data.key
    gone = is_deletion(event)
    entity = None if gone else event.data.model_copy(update={"key": key} if kind in _BY_ORIGIN else {})
    return Observed(
        kind,
        key,
        "" if entity is None else entity_hash(entity),  # type: ignore[arg-type]  # no deletion, so an entity
        event.id,
        event.time,
        number=number,
        skus=claims_of(entity) if isinstance(entity, Product) else (),
        deleted=gone,
    )


def _own_key(kind: str, key: str, number: int | None) -> str:
    """What the store itself calls it: an event may have left under the key of whoever made the entity.

    Orders that were placed in SparkLayer are called after their cart by the store as well.
    """
    if kind not in _BY_ORIGIN or number is None or (kind == "order" and key.startswith("sparklayer:")):
        return key
    return f"{KEY_PREFIX}{number}"


def _number(key: str, ref: str | None) -> int | None:
    """The store's own id of the entity; an order that was placed elsewhere has it in its refs alone."""
    id_ = key.removeprefix(KEY_PREFIX) if key.startswith(KEY_PREFIX) else ref or ""
    return int(id_) if id_.isascii() and id_.isdigit() else None
