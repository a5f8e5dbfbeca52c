"""From a record to what the intake does with it: take it, skip it or refuse it. Pure; no record makes it raise."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connector.bus.dead_letters import INTAKE, Refusal, unreadable
from connector.bus.record import HeaderList, Record
from connector.ports import Priority
from contracts.events import PRIORITY, REPLAY, TARGET, Event, Unreadable, decode, entity_name, header
from contracts.topics import SIDES, TopicNames

_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_CLOUDEVENTS = "ce_"
FURTHEST_AHEAD = timedelta(days=1)  # clocks and time zones that are wrong by hours do no lasting harm


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event with the record it came in."""

    event: Event
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: HeaderList
    replay: str | None
    priority: Priority


class Skipped(StrEnum):
    """Why a record needs nothing."""

    TOMBSTONE = "tombstone"
    OTHER_SIDE = "other_side"
    NOT_WANTED = "not_wanted"


def read_record(
    record: Record, side: str, names: TopicNames, now: datetime | None = None
) -> Incoming | Skipped | Refusal:
    """What the group of a side does with a record; without `now`, times in the future are taken as they are."""
    if record.value is None:
        return Skipped.TOMBSTONE
    entity = names.entity_of(record.topic)
    try:
        target = _target(record.headers)
        if target is not None and target != side:
            return Skipped.OTHER_SIDE
        _unambiguous(record.headers)
        event = decode(record.key, record.value, record.headers)
        _at_home(event, entity, record.topic)
        if now is not None:
            _not_ahead(event, now)
    except Unreadable as error:
        return unreadable(error, entity)
    except Exception as error:  # noqa: BLE001  the border of the record: the dead letter tells whoever reads it
        return Refusal(INTAKE, type(error).__name__, f"reading it failed: {error}", code="unreadable", entity=entity)
    return Incoming(
        event=event,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key or b"",
        value=record.value,
        headers=tuple(record.headers),
        replay=header(record.headers, REPLAY),
        priority=_PRIORITIES.get(header(record.headers, PRIORITY) or "", Priority.LIVE),
    )


def _target(headers: HeaderList) -> str | None:
    """The one side that the event is for. A name that no side has would be skipped by both, and so lost."""
    targets = {value for name, value in headers if name == TARGET}
    if not targets:
        return None
    known = {side.encode(): side for side in SIDES}
    if len(targets) > 1 or not targets <= known.keys():
        shown = ", ".join(sorted(repr(value) for value in targets))
        raise Unreadable("target", f"the header {TARGET} is {shown[:300]}: write one of {', '.join(SIDES)}")
    return known[targets.pop() or b""]


def _unambiguous(headers: HeaderList) -> None:
    """A CloudEvents attribute that is there twice with two values has no value."""
    seen: dict[str, bytes | None] = {}
    for name, value in headers:
        if name.startswith(_CLOUDEVENTS) and seen.setdefault(name, value) != value:
            raise Unreadable("header_repeated", f"the CloudEvents header {name} is there twice with different values")


def _at_home(event: Event, entity: str | None, topic: str) -> None:
    if entity is not None and entity_name(event) != entity:
        raise Unreadable("wrong_topic", f"an event of type {event.type} does not belong on topic {topic}")


def _not_ahead(event: Event, now: datetime) -> None:
    """The newest version wins: one of next year would make everything out of date that comes until then."""
    if event.time - now > FURTHEST_AHEAD:
        raise Unreadable(
            "time_ahead",
            f"its time {event.time.isoformat()} is in the future: check the publisher's clock and time zone",
        )


def count_skipped(answers: Iterable[Incoming | Skipped | Refusal]) -> Counter[str]:
    """How many were skipped, by reason."""
    return Counter(answer.value for answer in answers if isinstance(answer, Skipped))
