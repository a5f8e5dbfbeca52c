"""Putting away what a side cannot use: the record byte for byte, and why, before its offset is committed."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from connector.bus.producer import RecordTooLarge
from connector.bus.record import HeaderList, Place, Record
from connector.clock import Clock
from connector.errors import PlatformError
from contracts.dead_letters import Letter, headers_of, read, without_reason
from contracts.events import Unreadable
from contracts.topics import TopicNames

INTAKE = "intake"  # nobody can read it
APPLY = "apply"  # the platform said no
_LONGEST_KEPT_KEY = 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record is refused, apart from where it came from."""

    stage: str
    error_class: str
    message: str
    status: int | None = None
    code: str | None = None
    details: Sequence[Mapping[str, object]] = ()
    connection: str | None = None
    entity: str | None = None
    key: str | None = None
    attempts: int = 1


class LetterBox(Protocol):
    """Where letters are posted; `Publisher` is one."""

    async def send_record(
        self, topic: str, key: bytes | None, value: bytes | None, headers: HeaderList, *, partition: int | None = None
    ) -> Place:
        """Acknowledged when it returns."""
        ...

    async def partitions(self, topic: str) -> set[int]:
        """The partition numbers of a topic."""
        ...


class DeadLetterOffice:
    """Sends refused records of any topic to `<topic>.<side>.dlt` and returns when Kafka has them."""

    def __init__(
        self,
        box: LetterBox,
        names: TopicNames,
        clock: Clock,
        *,
        on_refusal: Callable[[str, Refusal], None] = lambda _side, _refusal: None,
    ) -> None:
        self._box = box
        self._names = names
        self._clock = clock
        self._on_refusal = on_refusal

    async def refuse(self, record: Record, side: str, refusal: Refusal) -> Place:
        """Post the letter; the place is where it lies now (`contracts.dead_letters.letter_id` names it).

        Same partition number as at the source where the letters' topic has it. A record that the letters' topic does
        not take for its size is described: its place, sizes and SHA-256, under the code `too_large`. Raises
        `Unavailable` or `RecordTooLarge`: then the record has not been put away and must not be committed.
        """
        topic = self._names.dead_letters(record.topic, side)
        letter = Letter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            side=side,
            stage=refusal.stage,
            error_class=refusal.error_class,
            message=refusal.message,
            failed_at=self._clock.now(),
            status=refusal.status,
            code=refusal.code,
            details=refusal.details,
            connection=refusal.connection,
            entity=refusal.entity,
            key=refusal.key,
            attempts=refusal.attempts,
        )
        partition = record.partition if record.partition in await self._box.partitions(topic) else None
        headers = headers_of(letter, _without_own_reason(record.headers))
        try:
            place = await self._box.send_record(topic, record.key, record.value, headers, partition=partition)
        except RecordTooLarge:
            key, value, headers = _described(record, letter)
            place = await self._box.send_record(topic, key, value, headers, partition=partition)
        self._on_refusal(side, refusal)
        return place


def unreadable(error: Unreadable, entity: str | None) -> Refusal:
    """The refusal of a record that is no event."""
    return Refusal(INTAKE, type(error).__name__, str(error), code=error.code, details=error.details, entity=entity)


def refused_by_platform(
    error: PlatformError, *, connection: str, entity: str, key: str, attempts: int, code: str | None = None
) -> Refusal:
    """The refusal of an event that a platform does not take."""
    return Refusal(
        APPLY,
        type(error).__name__,
        str(error),
        status=error.status,
        code=code or error.code,
        details=error.details,
        connection=connection,
        entity=entity,
        key=key,
        attempts=attempts,
    )


def _described(record: Record, letter: Letter) -> tuple[bytes | None, bytes, list[tuple[str, bytes | None]]]:
    """A small letter that stands for a record too large to be copied; the record itself stays where it is."""
    value = record.value or b""
    facts = {
        "too_large": f"{record.topic}:{record.partition}:{record.offset}",
        "key_bytes": len(record.key or b""),
        "value_bytes": len(value),
        "value_sha256": hashlib.sha256(value).hexdigest(),
        "header_bytes": sum(len(name) + len(content or b"") for name, content in record.headers),
    }
    message = f"too large for the dead-letter topic, so only this description is kept; refused as: {letter.message}"
    told = replace(letter, code="too_large", message=message)
    key = None if record.key is None else record.key[:_LONGEST_KEPT_KEY]
    return key, json.dumps(facts).encode(), headers_of(told, ())


def _without_own_reason(headers: HeaderList) -> HeaderList:
    """A letter that somebody copied back by hand carries an older reason of ours: the newest one counts.

    Headers that only look alike, such as those of a Kafka Connect sink, belong to the record and stay.
    """
    try:
        read(headers)
    except ValueError:
        return headers
    return without_reason(headers)
