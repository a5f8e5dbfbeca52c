"""Whether an observation only shows what PayLayer wrote there, or something that somebody changed.

The rule, field by field, for what was sent to a side and was not seen there yet: a field is news when it shows neither
what was sent nor, where nothing was sent for it, what the side showed before. A field that was sent and that the side
has never shown is one that it does not keep. A reading from before the sending may still show the old value. An
observation without news is an echo. Once a sending was seen, every difference from what the side showed last is news.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connector.engine.content import Fields, content, status_of
from connector.ports import Observed
from connector.settings import ConnectionSettings
from connector.state.inbox import Inbox
from connector.state.links import LINKED, Links
from connector.state.observations import SourceMemory
from connector.state.side_states import Changed, News, Sending, SideState, SideStates
from contracts.event_types import Deleted
from contracts.events import Event, entity_name
from contracts.topics import SIDES

_INACTIVE = "inactive"  # what became of an entity that is gone elsewhere and is kept here
_NOT_REMEMBERED = ("", "?")  # hashes of observations that tell nothing


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation, judged. `news` are the fields that somebody changed, none for an echo.

    `undone`: it shows that news was overwritten unseen.
    """

    state: SideState
    news: frozenset[str] | None
    undone: bool = False


@dataclass(frozen=True, slots=True)
class SideEchoes:
    """Implements `connector.ports.Echoes` for one connection and the side that its producer reads."""

    connection: str
    side: str
    settings: ConnectionSettings
    states: SideStates
    memory: SourceMemory
    links: Links
    inbox: Inbox

    async def sift(self, events: Sequence[Event]) -> Sequence[Event]:
        """See `connector.ports.Echoes`. What our own writing undid is put back: its row is applied once more."""
        watched: dict[str, list[Event]] = {}
        for event in events:
            if self.settings.both_ways(entity_name(event)):
                watched.setdefault(entity_name(event), []).append(event)
        sifted: dict[int, Event | None] = {}
        for kind, of in watched.items():
            sifted |= await self._sift(kind, of)
        return [found for event in events if (found := sifted.get(id(event), event)) is not None]

    async def _sift(self, kind: str, events: Sequence[Event]) -> dict[int, Event | None]:
        """By identity of each event: the event as it is to be published, or none for an echo."""
        keys = await self._keys(kind, events)
        remembered = await self.memory.observed(kind, [event.data.key for event in events])
        told: dict[int, Event | None] = {}
        undone: set[str] = set()

        def decide(known: Mapping[str, SideState]) -> list[SideState]:
            states = dict(known)
            told.clear()
            undone.clear()
            for event in events:
                key, before = keys[event.data.key], remembered.get(event.data.key)
                told[id(event)] = _under(key, event)
                if _is_repeat(event, before):
                    continue
                seen = judge(event, states.get(key) or SideState(key), before)
                states[key] = seen.state
                if seen.news is None:
                    told[id(event)] = None
                if seen.undone:
                    undone.add(key)
            return list(states.values())

        await self.states.change(kind, list(keys.values()), decide)
        if undone:
            await self.inbox.reopen(self.connection, self.side, kind, sorted(undone))
        return told

    async def _keys(self, kind: str, events: Sequence[Event]) -> dict[str, str]:
        """The key that each event's entity is known by: its own, unless it was made for another."""
        own = {event.data.key for event in events}
        if kind not in LINKED:
            return {key: key for key in own}
        names = {event.data.key: [event.data.key, *_names(event)] for event in events}
        linked = await self.links.keys_of(self.connection, kind, [name for all_ in names.values() for name in all_])
        known: set[str] = set()
        for side in SIDES:
            known |= await self.inbox.known(self.connection, side, kind, sorted(own))
        keys: dict[str, str] = {}
        for key, all_ in names.items():
            others = {found for name in all_ for found in linked.get(name, ())}
            keys[key] = others.pop() if key not in known and len(others) == 1 else key
        return keys


def judge(event: Event, state: SideState, remembered: Observed | None) -> Seen:
    """What an observation says of the side, given what is known of it and what its producer remembers."""
    settled = remembered is not None and remembered.event_id == state.shown_event
    before = state.shown if settled else state.before
    sending = state.sending
    shown = {} if isinstance(event.data, Deleted) else content(event.data)
    if sending is not None and sending.gone:
        if isinstance(event.data, Deleted) or status_of(event.data) == _INACTIVE:
            return Seen(replace(state, sending=None, base=sending.time, shown=shown, shown_event=event.id), None)
        return _news(event, state, before, shown, frozenset(shown))
    if sending is None or isinstance(event.data, Deleted):
        changed = frozenset(name for name in {*before, *shown} if before.get(name) != shown.get(name))
        return _news(event, state, before, shown, changed)
    after = sending.done and event.time >= sending.at
    fields = _changed(sending, before, shown, after=after)
    if after or _is_there(sending, shown, fields):
        state = replace(state, sending=None, base=sending.time)
    if fields:
        return _news(event, state, before, shown, fields)
    seen = replace(state, shown=shown, shown_event=event.id, before=before)
    return Seen(seen, None, undone=_is_undone(seen, shown))


def _changed(sending: Sending, before: Mapping[str, str], shown: Fields, *, after: bool) -> frozenset[str]:
    *_, newest = sending.fields

    def is_expected(name: str) -> bool:
        value = shown.get(name)
        if name in newest and after:
            wanted = {newest[name]}
        else:
            wanted = {fields[name] for fields in sending.fields if name in fields}
            wanted |= {before[name]} if name in before else set()
        return value in wanted or (value is None and name not in before)

    return frozenset(name for name in {*before, *shown} if not is_expected(name))


def _is_there(sending: Sending, shown: Fields, news: frozenset[str]) -> bool:
    """Whether the newest sending is what the side shows, but for what somebody changed since."""
    newest = sending.fields[-1]
    return all(shown[name] == newest[name] for name in {*newest} & {*shown} - news)


def _is_undone(state: SideState, shown: Fields) -> bool:
    """Whether what somebody changed there was overwritten by a sending that did not know of it."""
    news = state.news
    if news is None or state.base is None or state.base >= news.time:
        return False
    base = state.base
    return any(changed.digest != shown.get(name, "") for name, changed in news.fields.items() if changed.time > base)


def _news(event: Event, state: SideState, before: Mapping[str, str], shown: Fields, fields: frozenset[str]) -> Seen:
    gone = isinstance(event.data, Deleted)
    entity = None if gone else event.data.model_dump(mode="json", exclude_none=True)
    changed = {name: Changed(shown.get(name, ""), event.time) for name in fields}
    earlier = state.news.fields if state.news is not None else {}
    news = News(event.id, event.time, entity, {**earlier, **changed}, state.base)
    sending = None if gone else state.sending
    seen = replace(state, sending=sending, shown=shown, shown_event=event.id, before=before, news=news, touched=True)
    return Seen(seen, fields)


def _is_repeat(event: Event, remembered: Observed | None) -> bool:
    """Whether it was told before, and is told again because somebody asked for that."""
    return remembered is not None and remembered.event_id == event.id and remembered.hash not in _NOT_REMEMBERED


def _names(event: Event) -> list[str]:
    return [f"{system}:{id_}" for system, id_ in event.data.refs.items()]


def _under(key: str, event: Event) -> Event:
    """The event under the key that its entity is known by."""
    own = event.data.key
    if key == own:
        return event
    system, _, id_ = own.partition(":")
    data = event.data.model_copy(update={"key": key, "refs": {**event.data.refs, system: id_}})
    return event.model_copy(update={"data": data, "subject": key})
