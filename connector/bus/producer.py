"""One idempotent Kafka producer that is replaced when it can no longer be trusted."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)

from connector.bus.reach import reaching, unavailable
from connector.bus.record import HeaderList, Place
from connector.bus.security import client_options
from connector.clock import Clock
from connector.errors import PayLayerError, Unavailable
from connector.settings import Settings

_log = logging.getLogger(__name__)
_OWN_FAULT = (MessageSizeTooLargeError, AssertionError)  # found before anything is sent; aiokafka asserts the partition


@dataclass(frozen=True, slots=True)
class SendLimits:
    """How long sending may take before the caller hears of it, and how large a record may be."""

    seconds: float = 30.0  # one record or one batch, until everything is acknowledged
    rebuild_after: float = 60.0  # failing for so long: a new producer (aiokafka 1017 never recovers by itself)
    start_seconds: float = 20.0
    stop_seconds: float = 2.0
    linger_ms: int = 5
    # Before compression: a record that another client's compression brought below the broker's limit is a letter, too.
    largest_request: int = 48 * 1024 * 1024


class RecordTooLarge(PayLayerError):
    """The broker or the client does not take a record of this size, now or later."""


class RawProducer(Protocol):
    """What is used of aiokafka's producer; tests bring their own."""

    async def start(self) -> None:
        """Connect."""
        ...

    async def stop(self) -> None:
        """Flush and disconnect."""
        ...

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: HeaderList, partition: int | None
    ) -> Awaitable[Any]:
        """Queue one record; the awaitable ends with its acknowledgement."""
        ...

    async def partitions_for(self, topic: str) -> set[int]:
        """The topic's partition numbers."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send; without a partition the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: HeaderList = ()
    partition: int | None = None


class Producer:
    """Sends records and returns when all of them are acknowledged; safe for many tasks at once.

    A record that the broker refuses leaves a hole in the sequence numbers of an idempotent producer, after which it
    refuses every later record of that partition as out of order (aiokafka 1017). Therefore a refusal, and failing for
    `rebuild_after` seconds, replace the producer.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        limits: SendLimits | None = None,
        connect: Callable[[], RawProducer] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._limits = limits or SendLimits()
        self._connect = connect or self._aiokafka
        self._raw: RawProducer | None = None
        self._changing = asyncio.Lock()
        self._failing_since: float | None = None
        self._ill: RawProducer | None = None
        self.rebuilt = 0

    async def start(self) -> None:
        """Connect. Raises `Unavailable` where no broker answers, `UserFault` for contradicting settings."""
        await self._current()

    async def stop(self) -> None:
        """Flush what is queued, for a few seconds, and disconnect."""
        async with self._changing:
            raw, self._raw = self._raw, None
        if raw is not None:
            await self._close(raw)

    async def send(self, records: list[Outgoing]) -> list[Place]:
        """Send pipelined, in order; return when every record is acknowledged.

        Raises `Unavailable` (records may have arrived all the same: send the same ones again) or `RecordTooLarge`.
        """
        await self._replace_if_ill()
        raw = await self._current()
        acks: list[Awaitable[Any]] = []
        try:
            async with asyncio.timeout(self._limits.seconds):
                for record in records:
                    ack = await raw.send(
                        record.topic,
                        record.value,
                        key=record.key,
                        headers=list(record.headers),
                        partition=record.partition,
                    )
                    acks.append(ack)
                answers = await asyncio.gather(*acks)
        except asyncio.CancelledError:  # its caller has less patience: that says as much as a time-out of our own
            self._ill = raw if self._note_failure() else None
            await _settled(acks)
            raise
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:
            all_queued = len(acks) == len(records)
            outcomes = await _settled(acks)
            guilty = (at for at, outcome in enumerate(outcomes) if outcome is error)
            failed = records[next(guilty, 0) if all_queued else len(acks)]
            if all_queued or not isinstance(error, _OWN_FAULT):
                await self._failed(raw, error, refused=all_queued and isinstance(error, KafkaError))
            raise self._explained(error, failed, queued=all_queued) from error
        self._failing_since = None
        return [Place(answer.topic, answer.partition, answer.offset) for answer in answers]

    async def partitions_for(self, topic: str) -> set[int]:
        """The partition numbers of a topic. Raises `Unavailable`, also where it does not exist."""
        raw = await self._current()
        try:
            async with asyncio.timeout(self._limits.seconds):
                return set(await raw.partitions_for(topic))
        except (KafkaError, OSError, TimeoutError) as error:
            raise unavailable(self._settings, "asking for partitions", error, topic) from error

    async def _current(self) -> RawProducer:
        async with self._changing:
            if self._raw is None:
                raw = self._connect()
                try:
                    async with reaching(self._settings, "connecting", self._limits.start_seconds):
                        await raw.start()
                except BaseException:
                    with contextlib.suppress(KafkaError, OSError):
                        await raw.stop()
                    raise
                self._raw = raw
            return self._raw

    def _note_failure(self) -> bool:
        """Whether it has failed for so long that it will not recover."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since >= self._limits.rebuild_after

    async def _replace_if_ill(self) -> None:
        ill, self._ill = self._ill, None
        if ill is not None and ill is self._raw:
            await self._failed(ill, TimeoutError("no acknowledgements"), refused=True)

    async def _failed(self, raw: RawProducer, error: BaseException, *, refused: bool) -> None:
        """Decide whether this producer has a future; its replacement connects with the next send."""
        if not self._note_failure() and not refused:
            return
        async with self._changing:
            if self._raw is not raw:  # another task has done it
                return
            self._raw = None
        self._failing_since = None
        self.rebuilt += 1
        _log.warning("a new Kafka producer replaces one that failed: %s: %s", type(error).__name__, error)
        await self._close(raw)

    async def _close(self, raw: RawProducer) -> None:
        try:
            async with asyncio.timeout(self._limits.stop_seconds):
                await raw.stop()
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("a Kafka producer did not end cleanly: %s: %s", type(error).__name__, error)
            if isinstance(raw, _BoundedProducer):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.stop_seconds):
                        await raw.abandon()

    def _explained(self, error: BaseException, record: Outgoing, *, queued: bool) -> PayLayerError:
        if isinstance(error, MessageSizeTooLargeError | RecordTooLargeError):
            size = len(record.value or b"")
            return RecordTooLarge(
                f"a record for topic {record.topic} with key {_shown(record.key)} has {size} bytes, more than the topic"
                " takes (max.message.bytes): make it smaller, or run `paylayer topics check`"
            )
        if isinstance(error, AssertionError):
            return Unavailable(f"topic {record.topic} has no partition {record.partition}: run `paylayer topics check`")
        if isinstance(error, TimeoutError) and not queued:  # nobody has told yet where its partitions are
            return unavailable(self._settings, "sending", UnknownTopicOrPartitionError(), record.topic)
        return unavailable(self._settings, "sending", error, record.topic)

    def _aiokafka(self) -> RawProducer:
        producer: RawProducer = _BoundedProducer(
            **client_options(self._settings),
            client_id="paylayer",
            enable_idempotence=True,
            acks="all",
            linger_ms=self._limits.linger_ms,
            max_request_size=self._limits.largest_request,
            compression_type="lz4",
        )
        return producer


class _BoundedProducer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka ships no types
    async def abandon(self) -> None:
        """Drop what cannot be flushed: `stop` waits for acknowledgements that may never come."""
        await self.client.close()  # first: its sender waits for the answers to requests that are on their way
        if self._sender is not None:
            await self._sender.close()
        accumulator = self._message_accumulator
        accumulator._pending_batches = _Forgetful(accumulator._pending_batches)  # noqa: SLF001 - see there
        accumulator.fail_all(ProducerClosed())  # ends the flush that `stop` has left behind


class _Forgetful(set[Any]):
    """aiokafka takes a batch off this set twice when it fails all batches while one is being sent again."""

    def remove(self, element: object) -> None:
        """As `discard`: without complaint."""
        self.discard(element)


async def _settled(acks: list[Awaitable[Any]]) -> list[Any]:
    """Every acknowledgement that has come by now, so that none is reported as never retrieved."""
    futures = [asyncio.ensure_future(ack) for ack in acks]
    for future in futures:
        future.cancel()  # does nothing to one that is done; a record on its way still arrives
    return await asyncio.gather(*futures, return_exceptions=True)


def _shown(key: bytes | None) -> str:
    return "none" if key is None else key[:200].decode("utf-8", "backslashreplace")
