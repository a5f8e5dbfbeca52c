"""Changes of one entity on both sides that did not know of each other: the newest wins, field by field.

A side's own change is known from its producer's observations (`connector.engine.echoes`), whether or not its event has
arrived anywhere. So an event that is about to be applied is compared with what the side itself shows: fields that were
changed there, and that the event's publisher cannot have known of, stay as they are there where they are newer, or
where the publisher has not touched them.
"""

from dataclasses import dataclass
from datetime import datetime

from connector.engine.content import content
from connector.state.side_states import News, SideState
from contracts.entities import KINDS, Entity
from contracts.event_types import Deleted
from contracts.events import Event, entity_name


@dataclass(frozen=True, slots=True)
class Merged:
    """What is to be applied (none: nothing, the side's own state stays), and which fields were given up by whom."""

    entity: Entity | None
    kept: bool = False  # of the side's own state
    lost_by_side: tuple[str, ...] = ()
    lost_by_event: tuple[str, ...] = ()
    overtaken: bool = False  # the event as a whole is older than what the side did


def merged(event: Event, mine: News | None, theirs: News | None) -> Merged:
    """The event as it is to be applied to a side whose own news are `mine`; `theirs` are those of its publisher."""
    entity = None if isinstance(event.data, Deleted) else event.data
    if mine is None or not _is_unknown(mine.time, theirs, event):
        return Merged(entity)
    if entity is None or mine.entity is None:
        return _as_a_whole(event, entity, mine)
    shown = content(entity)
    kept: list[str] = []
    given_up: list[str] = []
    refused: list[str] = []
    for name, changed in mine.fields.items():
        if not _is_unknown(changed.time, theirs, event) or shown.get(name, "") == changed.digest:
            continue
        other = _changed_at(name, theirs, mine, event)
        if other is None:
            kept.append(name)
        elif other > changed.time:
            given_up.append(name)
        else:
            kept.append(name)
            refused.append(name)
    own = KINDS[entity_name(event)].model.model_validate(mine.entity)
    joined = entity.model_copy(update={name: getattr(own, name) for name in kept})
    return Merged(joined, bool(kept), tuple(sorted(given_up)), tuple(sorted(refused)))


def already_there(entity: Entity, state: SideState | None) -> bool:
    """Whether the side shows all of it, and nothing is on its way there."""
    if state is None or state.sending is not None or not state.shown:
        return False
    return all(state.shown.get(name) == digest for name, digest in content(entity).items())


def _is_unknown(time: datetime, theirs: News | None, event: Event) -> bool:
    """Whether the publisher cannot have known of a change of that version when it told of its own."""
    if theirs is not None and event.time <= theirs.time:
        return theirs.base is None or theirs.base < time
    return time > event.time


def _changed_at(name: str, theirs: News | None, mine: News, event: Event) -> datetime | None:
    """When the publisher changed a field, where the side did not know of that; none where it did not touch it."""
    if theirs is None or event.time > theirs.time:
        return event.time
    changed = theirs.fields.get(name)
    if changed is None or changed.time > event.time or (mine.base is not None and changed.time <= mine.base):
        return None
    return changed.time


def _as_a_whole(event: Event, entity: Entity | None, mine: News) -> Merged:
    """One of both is a removal: nothing to join."""
    if entity is None and mine.entity is None:
        return Merged(None)
    if (mine.time, mine.event) > (event.time, event.id):
        return Merged(None, kept=True, overtaken=True)
    return Merged(entity, lost_by_side=tuple(sorted(mine.fields)))
