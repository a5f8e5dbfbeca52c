"""Change events: CloudEvents 1.0, structured or binary, with a typed snapshot of one entity as data.

Other services use `changed`, `deleted` and `encode` to publish with any Kafka client, and `decode` to read.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from pydantic import TypeAdapter, ValidationError

from contracts.entities import KINDS, Entity
from contracts.event_types import EVENTS, Deleted, Event
from contracts.values import utc_text

__all__ = [
    "CONTENT_TYPE",
    "EVENTS",
    "PRIORITIES",
    "PRIORITY",
    "REPLAY",
    "TARGET",
    "Deleted",
    "Event",
    "Headers",
    "Unreadable",
    "Version",
    "changed",
    "decode",
    "deleted",
    "encode",
    "entity_name",
    "event_id",
    "header",
    "is_deletion",
    "kafka_key",
    "version_of",
]

CONTENT_TYPE = "application/cloudevents+json"
TARGET = "paylayer-target"  # header: only this side applies the event
PRIORITY = "paylayer-priority"  # header: how urgent it is, one of `PRIORITIES`
REPLAY = "paylayer-replay"  # header: id of the replay that sent it again
PRIORITIES = ("interactive", "live", "replay", "sync")
LONGEST_KEY = 1024  # bytes of a record's key: what every database can have in an index

Headers = Sequence[tuple[str, bytes | None]]

_SUSPICIOUS = re.compile(r"\\u(0000|[dD][89a-fA-F])")  # JSON escapes that may stand for what is unstorable
_CONTAINERS = frozenset({dict, list})
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


_ADAPTERS: dict[str, TypeAdapter[Event]] = {name: TypeAdapter(model) for name, model in EVENTS.items()}


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """The order of two states of one entity: the source's time, then the event id."""

    time: datetime
    event_id: str


class Unreadable(ValueError):
    """A record that is no event of this contract; `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str, details: Sequence[Mapping[str, object]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = tuple(details)


def entity_name(event: Event) -> str:
    """`product`, `price`, ...: the kind that the event is about."""
    return event.type.split(".")[1]


def is_deletion(event: Event) -> bool:
    """Whether the entity is gone."""
    return type(event.data) is Deleted  # isinstance of a model asks its metaclass, which intake cannot afford


def version_of(event: Event) -> Version:
    """What decides which of two events is newer."""
    return Version(event.time, event.id)


def kafka_key(connection: str, key: str) -> bytes:
    """`<connection>/<key>`: all events of one entity share a partition."""
    return f"{connection}/{key}".encode()


def event_id(*facts: str) -> str:
    """The same facts give the same id, so a repeated observation is recognised as a repeat."""
    return str(uuid5(NAMESPACE_URL, "\x1f".join(facts)))


def changed(
    entity: Entity,
    *,
    connection: str,
    source: str,
    time: datetime | None = None,
    id: str | None = None,  # noqa: A002
) -> Event:
    """An event that says what an entity is now; time defaults to now, the id to one derived from the content."""
    kind = next(name for name, kind in KINDS.items() if isinstance(entity, kind.model))
    return _build(f"paylayer.{kind}.changed.v1", entity, connection=connection, source=source, time=time, id=id)


def deleted(
    entity: str,
    key: str,
    *,
    connection: str,
    source: str,
    refs: Mapping[str, str] | None = None,
    time: datetime | None = None,
    id: str | None = None,  # noqa: A002
) -> Event:
    """An event that says that an entity is gone. Raises `KeyError` for an unknown kind."""
    data = Deleted(key=key, refs=dict(refs or {}))
    return _build(
        f"paylayer.{KINDS[entity].name}.deleted.v1", data, connection=connection, source=source, time=time, id=id
    )


def _build(
    type_: str,
    data: Entity | Deleted,
    *,
    connection: str,
    source: str,
    time: datetime | None,
    id: str | None,  # noqa: A002
) -> Event:
    time = (time or datetime.now(UTC)).astimezone(UTC)
    return _ADAPTERS[type_].validate_python(
        {
            "id": id or event_id(connection, source, type_, data.key, utc_text(time), data.model_dump_json()),
            "source": source,
            "type": type_,
            "subject": data.key,
            "time": time,
            "connection": connection,
            "data": data,
        }
    )


def encode(event: Event) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers of the Kafka record, structured mode."""
    body = event.model_dump(mode="json", exclude_none=True)
    body["time"] = utc_text(event.time)
    value = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return kafka_key(event.connection, event.data.key), value, [("content-type", CONTENT_TYPE.encode())]


def decode(key: bytes | None, value: bytes, headers: Headers = ()) -> Event:
    """The event of a record in either CloudEvents mode. Raises `Unreadable`, never anything else."""
    structured = (header(headers, "content-type") or "").startswith("application/cloudevents")
    if not structured and any(name == "ce_specversion" for name, _ in headers):
        event = _decode_binary(value, headers)
    else:
        event = _validated(_json_object(value))
    expected = kafka_key(event.connection, event.data.key)
    if key != expected:
        shown = "none" if key is None else key[:200].decode("utf-8", "backslashreplace")
        raise Unreadable(
            "key_mismatch",
            f"the record's key is {shown}, its event belongs under {expected[:200].decode(errors='ignore')}",
        )
    if len(expected) > LONGEST_KEY:
        raise Unreadable("key_too_long", f"the record's key has {len(expected)} bytes, {LONGEST_KEY} are taken")
    return event


def _decode_binary(value: bytes, headers: Headers) -> Event:
    attributes: dict[str, object] = {}
    for name, content in headers:
        if not name.startswith("ce_"):
            continue
        if content is None:
            raise Unreadable("header_null", f"the CloudEvents header {name} is null")
        try:
            attributes[name.removeprefix("ce_")] = content.decode()
        except UnicodeDecodeError as error:
            raise Unreadable("not_utf8", f"the CloudEvents header {name} is not UTF-8") from error
        if b"\0" in content:
            raise Unreadable("not_text", f"the CloudEvents header {name} holds a NUL character")
    attributes["data"] = _json_object(value)
    return _validated(attributes)


def _json_object(value: bytes) -> dict[str, object]:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("not_utf8", f"the value is not UTF-8: {error.reason} at byte {error.start}") from error
    try:
        body = _DECODER.decode(text)
        repeated = text.count('":') != _names(body) and _repeats_a_name(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not_json", f"the value is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Unreadable("not_cloudevent", f"the value is a JSON {type(body).__name__}, not a JSON object")
    if repeated:
        raise Unreadable(
            "name_repeated", "the value has a JSON object with the same name twice, so it has no one meaning"
        )
    if _SUSPICIOUS.search(text) and not _is_text(body):
        raise Unreadable(
            "not_text", "the value holds a NUL character or half a surrogate pair, which no database takes"
        )
    return body


def _names(value: object) -> int:
    """How many names the objects in a JSON value have: fewer than its text where one was there twice."""
    if type(value) is dict:
        return len(value) + sum(_names(item) for item in value.values() if type(item) in _CONTAINERS)
    return sum(_names(item) for item in value if type(item) in _CONTAINERS) if type(value) is list else 0


def _repeats_a_name(text: str) -> bool:
    """The sure and slow way; the quick one is misled by spaces before a colon and by texts that hold JSON."""
    repeated = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) < len(pairs)

    json.loads(text, object_pairs_hook=look)
    return repeated


def _is_text(value: object) -> bool:
    """Whether every text in a JSON value can be stored and sent on."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(_is_text(key) and _is_text(item) for key, item in value.items())
    return not isinstance(value, list) or all(map(_is_text, value))


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)  # json.loads would make one for every record


def _validated(body: Mapping[str, object]) -> Event:
    type_ = body.get("type")
    if body.get("specversion") != "1.0":
        raise Unreadable("not_cloudevent", 'no CloudEvents 1.0 event: "specversion" is not "1.0"')
    if not isinstance(type_, str) or type_ not in _ADAPTERS:
        raise Unreadable("unknown_type", f"event type {str(type_)[:100]!r} is not one of {', '.join(sorted(EVENTS))}")
    try:
        return _ADAPTERS[type_].validate_python(body)
    except ValidationError as error:
        details = [
            {"property": ".".join(str(part) for part in item["loc"]), "message": item["msg"], "code": item["type"]}
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = details[0]
        raise Unreadable("schema", f"{first['property']}: {first['message']}", details) from error


def header(headers: Iterable[tuple[str, bytes | None]], name: str) -> str | None:
    """The first header of that name as text; none when it is missing, null, not UTF-8 or with a NUL character."""
    for found, value in headers:
        if found == name and value is not None:
            try:
                return None if b"\0" in value else value.decode()
            except UnicodeDecodeError:
                return None
    return None
