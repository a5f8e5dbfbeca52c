"""Sending dead letters back to where they came from: to the side that refused them, at replay priority, and marked."""

from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aiolimiter import AsyncLimiter

from connector.bus.edits import Edited
from connector.bus.letter_reader import StoredLetter
from connector.bus.record import HeaderList, Place
from connector.errors import PayLayerError, UserFault
from connector.ports import Priority
from contracts.dead_letters import without_reason
from contracts.events import PRIORITY, REPLAY, TARGET

REPLAYED_FROM = "paylayer-replayed-from"  # header: id of the letter that was sent again
_MARKS = {PRIORITY, REPLAY, TARGET, REPLAYED_FROM}


@dataclass(frozen=True, slots=True)
class Selected:
    """A letter to replay, and the edit that stands in for it."""

    letter: StoredLetter
    edit: Edited | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What is sent for one letter."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: HeaderList


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """How a replay ended; a failure names the letter that was not sent, everything after it was not tried."""

    sent: int
    failed: str | None = None
    reason: str | None = None


class Sender(Protocol):
    """What a replay needs of the publisher."""

    async def send_record(
        self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList, *, partition: int | None = None
    ) -> Place:
        """Acknowledged when it returns."""
        ...


def replayed(selected: Selected, replay_id: str) -> Replayed:
    """The record for a letter: original key, value and headers, or the edited ones, plus the marks of this replay.

    The key decides the partition, so it lands where newer events of its entity are. Raises `UserFault` for a record
    that is no letter of PayLayer: nobody knows where it belongs.
    """
    letter, edit = selected.letter, selected.edit
    if letter.letter is None or not letter.letter.side:
        raise UserFault(f"{letter.id} carries no reason of PayLayer in its headers, so it cannot be replayed")
    key = letter.key if edit is None else edit.key
    value = letter.value if edit is None else edit.value
    headers = without_reason(letter.headers) if edit is None else edit.headers
    marks: list[tuple[str, bytes | None]] = [
        (TARGET, letter.letter.side.encode()),
        (PRIORITY, Priority.REPLAY.name.lower().encode()),
        (REPLAY, replay_id.encode()),
        (REPLAYED_FROM, letter.id.encode()),
    ]
    return Replayed(letter.letter.topic, key, value, [*(h for h in headers if h[0] not in _MARKS), *marks])


async def replay(
    letters: AsyncIterable[Selected],
    replay_id: str,
    sender: Sender,
    *,
    sent: Callable[[Selected, Place], Awaitable[None]],
    per_second: float | None = None,
) -> ReplayOutcome:
    """Send one after the other, each acknowledged before `sent` is told and the next one goes.

    Stops at the first that cannot be sent; what `sent` raises ends the replay as well. `per_second` keeps it from
    flooding a side; the budget of the store holds in any case.
    """
    limiter = None if per_second is None else AsyncLimiter(max(1.0, per_second), max(1.0, per_second) / per_second)
    done = 0
    async for selected in letters:
        if limiter is not None:
            await limiter.acquire()
        try:
            record = replayed(selected, replay_id)
            place = await sender.send_record(record.topic, record.key, record.value, record.headers)
        except PayLayerError as error:
            return ReplayOutcome(done, selected.letter.id, str(error))
        await sent(selected, place)
        done += 1
    return ReplayOutcome(done)
