"""Mending a dead letter: new text in, a record out whose version is just above the original's."""

import json
from dataclasses import dataclass
from typing import Any

from connector.bus.letter_reader import StoredLetter
from connector.bus.record import HeaderList
from connector.errors import UserFault
from contracts.dead_letters import without_reason
from contracts.events import CONTENT_TYPE, Event, Unreadable, decode, kafka_key
from contracts.values import utc_text

_LONGEST_ID = 200
_CLOUDEVENTS = "ce_"
_CONTENT_TYPE = "content-type"


@dataclass(frozen=True, slots=True)
class Edited:
    """What is sent in place of the original; the headers carry no reason any more."""

    key: bytes
    value: bytes
    headers: HeaderList


def edited(letter: StoredLetter, text: str, number: int) -> Edited:
    """The letter with new text, a whole event in JSON. `number` counts the edits of this letter, from 1.

    The event keeps type, time, connection and key, and gets the id `<old id>~<number>`: newer than what was refused,
    older than whatever the source has said since. Where the original cannot be read there is nothing to keep: the text
    counts as it is, its own id included. Raises `UserFault` that says what is wrong with the text.
    """
    return edited_event(letter, _parsed(text), number)


def edited_event(letter: StoredLetter, body: dict[str, Any], number: int) -> Edited:
    """The same for a text that is parsed already."""
    original = _original(letter)
    if original is not None:
        body = body | {"id": next_id(original.id, number)}
    value = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    try:
        event = decode(kafka_key(str(body.get("connection")), _own_key(body)), value)
    except Unreadable as error:
        raise UserFault(f"the edited text is no event of PayLayer: {error}") from error
    if original is not None:
        _keeps(original, event)
    return Edited(kafka_key(event.connection, event.data.key), value, _structured(without_reason(letter.headers)))


def next_id(old: str, number: int) -> str:
    """`<old>~<number>`, written so that later edits sort behind earlier ones as text: after `~9` comes `~9~1`."""
    if number < 1:
        raise ValueError(f"edits are counted from 1, not {number}")
    nines, rest = divmod(number - 1, 9)
    made = old + "~9" * nines + f"~{rest + 1}"
    if len(made) > _LONGEST_ID:
        raise UserFault("this event was edited too often: its id has no room left; publish a new event instead")
    return made


def editable_text(letter: StoredLetter) -> str:
    """What a person gets to see and change: the event as indented JSON, or the raw value where it is none."""
    body = whole_event(letter)
    if body is not None:
        return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
    return (letter.value or b"").decode("utf-8", "backslashreplace")


def whole_event(letter: StoredLetter) -> Any | None:  # noqa: ANN401 - whatever JSON somebody sent
    """The event in one JSON value, whichever CloudEvents mode it was sent in; none where the value is no JSON."""
    original = _original(letter) if _is_binary(letter.headers) else None
    if original is not None:
        return original.model_dump(mode="json", exclude_none=True) | {"time": utc_text(original.time)}
    try:
        return json.loads(letter.value or b"")
    except (ValueError, RecursionError):
        return None


def _original(letter: StoredLetter) -> Event | None:
    if letter.value is None:
        return None
    try:
        return decode(letter.key, letter.value, without_reason(letter.headers))
    except Unreadable:
        return None


def _parsed(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserFault(f"the edited text is not JSON: {error}") from error
    if "\\u" in text and not _is_text(body):
        raise UserFault("the edited text holds half a surrogate pair: write the whole character")
    if not isinstance(body, dict):
        raise UserFault(
            f"the edited text is a JSON {type(body).__name__}: a whole event is needed, with specversion, type and data"
        )
    return body


def _is_text(body: Any) -> bool:  # noqa: ANN401 - any JSON
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _keeps(original: Event, event: Event) -> None:
    """Time and identity decide what is newer and what it is about, so an edit leaves them as they were."""
    facts = (
        ("type", original.type, event.type),
        ("time", utc_text(original.time), utc_text(event.time)),
        ("connection", original.connection, event.connection),
        ("key", original.data.key, event.data.key),
    )
    for name, old, new in facts:
        if new != old:
            raise UserFault(f"an edit keeps the {name} of its event: it is {old!r}, the text says {new!r}")


def _own_key(body: dict[str, Any]) -> str:
    """The key that the text's own data name; products have a key, prices and stock are keyed by SKU."""
    data = body.get("data")
    return str(data.get("key", data.get("sku"))) if isinstance(data, dict) else ""


def _is_binary(headers: HeaderList) -> bool:
    return any(name.startswith(_CLOUDEVENTS) for name, _ in headers)


def _structured(headers: HeaderList) -> HeaderList:
    """The new value is a structured event: attributes in headers would contradict it."""
    kept = [(n, v) for n, v in headers if not n.startswith(_CLOUDEVENTS) and n != _CONTENT_TYPE]
    return [(_CONTENT_TYPE, CONTENT_TYPE.encode()), *kept]
