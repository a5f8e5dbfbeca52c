"""Sending dead letters back to where they came from: to the side that refused them, at replay priority, and marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.bus.edits import Edited
from connector.bus.letter_reader import StoredLetter
from connector.bus.producer import Outgoing, RecordTooLarge
from connector.bus.record import Place
from connector.errors import UserFault
from connector.ports import Priority
from contracts.dead_letters import without_reason
from contracts.events import PRIORITY, REPLAY, TARGET, header
from contracts.topics import TopicNames

REPLAYED_FROM = "paylayer-replayed-from"  # header: id of the letter that was sent again
_TOO_LARGE = "too_large"  # such a letter holds a description instead of the record
_MARKS = {PRIORITY, REPLAY, TARGET, REPLAYED_FROM}


@dataclass(frozen=True, slots=True)
class Selected:
    """A letter to replay, and the edit that stands in for it."""

    letter: StoredLetter
    edit: Edited | None = None


class Sender(Protocol):
    """What a replay needs of the publisher."""

    async def send_records(self, records: Sequence[Outgoing]) -> list[Place]:
        """All acknowledged when it returns. Raises `Unavailable` or `RecordTooLarge`."""
        ...


def replayed(selected: Selected, replay_id: str) -> Outgoing:
    """The record for a letter: original key, value and headers, or the edited ones, plus the marks of this replay.

    The key decides the partition, so it lands where newer events of its entity are. Raises `UserFault` for a record
    that is no letter of PayLayer: nobody knows where it belongs.
    """
    letter, edit = selected.letter, selected.edit
    if letter.letter is None or not letter.letter.side:
        raise UserFault(f"{letter.id} carries no reason of PayLayer in its headers, so it cannot be replayed")
    if TopicNames().dead_letters(letter.letter.topic, letter.letter.side) != letter.topic:
        raise UserFault(
            f"{letter.id} says that it comes from {letter.letter.topic} and {letter.letter.side}, whose letters lie"
            " elsewhere, so it cannot be replayed"
        )
    if edit is None and letter.letter.code == _TOO_LARGE and (letter.value or b"").startswith(b'{"too_large"'):
        raise UserFault(
            f"{letter.id} describes a record too large for a letter; that is still in {letter.letter.topic}"
        )
    key = letter.key if edit is None else edit.key
    value = letter.value if edit is None else edit.value
    headers = without_reason(letter.headers) if edit is None else edit.headers
    if key is None and value is None:
        raise UserFault(f"{letter.id} has neither key nor value, so there is nothing to replay")
    marks: list[tuple[str, bytes | None]] = [
        (TARGET, letter.letter.side.encode()),
        (PRIORITY, Priority.REPLAY.name.lower().encode()),
        (REPLAY, replay_id.encode()),
        (REPLAYED_FROM, letter.id.encode()),
    ]
    return Outgoing(letter.letter.topic, key, value, [*(h for h in headers if h[0] not in _MARKS), *marks])


def replayed_from(letter: StoredLetter) -> str | None:
    """The letter that was sent again and refused again as this one."""
    return header(letter.headers, REPLAYED_FROM)


async def send(records: Sequence[Outgoing], sender: Sender) -> dict[int, RecordTooLarge]:
    """Send them in order, acknowledged when it returns. Those that no topic takes are told, by their position.

    Raises `Unavailable`: any of them may have arrived, and sending the same ones again is harmless.
    """
    if not records:
        return {}
    try:
        await sender.send_records(records)
    except RecordTooLarge as error:
        if len(records) == 1:
            return {0: error}
        half = len(records) // 2
        first, second = await send(records[:half], sender), await send(records[half:], sender)
        return first | {half + at: told for at, told in second.items()}
    return {}
