"""What happens to one batch: into the sink, the refused records to the dead letters, then the offsets."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from connector.bus.dead_letters import DeadLetterOffice, Refusal
from connector.bus.drain import Drain
from connector.bus.flood import FloodBrake
from connector.bus.incoming import Incoming, Skipped, count_skipped, read_record
from connector.bus.intake_health import Pulse
from connector.bus.intake_policy import IntakePolicy
from connector.bus.waiting import wait_unless
from connector.clock import Clock
from connector.errors import PayLayerError
from contracts.topics import TopicNames

_log = logging.getLogger(__name__)

Batch = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class IntakeSink(Protocol):
    """Where the events go; in production the inbox."""

    async def take(self, batch: list[Incoming]) -> Sequence[Refusal | None]:
        """Keep the events durably and answer for each, in order: none, or why it is refused.

        An event that this side does not want (the flow is off) is answered with none. Whatever is raised means that
        nothing was taken: the same events come again, also after a crash, so taking twice has to be harmless.
        """
        ...


Concerned = Callable[[Sequence[tuple[str | None, bytes | None]]], Awaitable[Sequence[bool]]]
"""Whether a side wants records of these (kind, key), in order; those that it does not want are not even read."""


class BatchTaker:
    """Works off batches of one group member. Commits only what is contiguous, of partitions that are still ours."""

    def __init__(
        self,
        side: str,
        names: TopicNames,
        *,
        sink: IntakeSink,
        letters: DeadLetterOffice,
        clock: Clock,
        policy: IntakePolicy,
        pulse: Pulse,
        stopping: asyncio.Event,
        concerned: Concerned | None = None,
    ) -> None:
        self._concerned = concerned
        self._side = side
        self._names = names
        self._sink = sink
        self._letters = letters
        self._clock = clock
        self._policy = policy
        self._pulse = pulse
        self._stopping = stopping
        self._drain = Drain(policy.drain_seconds, self.forget)
        self._failures = 0
        self._taken_at = 0.0
        self._letter_failures: dict[TopicPartition, int] = {}
        self.held: dict[TopicPartition, float] = {}  # paused until this monotonic time
        self.brake = FloodBrake(policy.flood)

    @property
    def drain(self) -> Drain:
        """The rebalance listener that waits for the batch in hand."""
        return self._drain

    async def work(self, consumer: AIOKafkaConsumer, records: Sequence[ConsumerRecord]) -> None:
        """Take a batch of any mix of partitions; returns when it is committed, or put back to come again."""
        batch: dict[TopicPartition, list[ConsumerRecord]] = {}
        for record in records:
            batch.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
        async with self._drain.busy:
            self._taken_at = self._clock.monotonic()
            self._pulse.tick()
            for partition in batch:
                self._pulse.opened(partition)
            try:
                await self._take(consumer, batch)
            except Exception as error:  # noqa: BLE001  the border of the batch: health and log tell, it comes again
                await self._put_back(consumer, batch, error)
            self._pulse.tick()

    def resume_held(self, consumer: AIOKafkaConsumer) -> None:
        """Let partitions run again whose waiting time is over."""
        now = self._clock.monotonic()
        for partition in [partition for partition, until in self.held.items() if until <= now]:
            del self.held[partition]
            with contextlib.suppress(IllegalStateError):  # it went to another member meanwhile
                consumer.resume(partition)

    def release(self, partition: TopicPartition) -> None:
        """Somebody looked at a flood: the partition runs again, and is counted anew."""
        self.brake.release(partition)
        self._letter_failures.pop(partition, None)
        if partition in self.held:
            self.held[partition] = 0.0

    def forget(self) -> None:
        """The partitions went away; a rebalance forgets their pauses as well."""
        self.held.clear()
        self.brake.forget()
        self._letter_failures.clear()
        self._pulse.forget()

    async def _take(self, consumer: AIOKafkaConsumer, batch: Batch) -> None:
        answers = {partition: await self._read(records) for partition, records in batch.items()}
        good = [answer for read in answers.values() for answer in read if isinstance(answer, Incoming)]
        refusals = list(await self._sink.take(good)) if good else []
        if len(refusals) != len(good):
            raise ValueError(f"the sink answered {len(refusals)} times for {len(good)} events")
        self._failures = 0
        verdict = iter(refusals)
        counts = self._pulse.counts
        refused: dict[TopicPartition, list[tuple[ConsumerRecord, Refusal]]] = {}
        for partition, records in batch.items():
            counts.update(count_skipped(answers[partition]))
            for record, answer in zip(records, answers[partition], strict=True):
                outcome = next(verdict) if isinstance(answer, Incoming) else answer
                if isinstance(outcome, Refusal):
                    refused.setdefault(partition, []).append((record, outcome))
                elif isinstance(answer, Incoming):
                    counts["taken"] += 1
        ends = await asyncio.gather(*(self._braked(p, records, refused.get(p, ())) for p, records in batch.items()))
        await self._commit(consumer, batch, dict(zip(batch, ends, strict=True)))

    async def _read(self, records: Sequence[ConsumerRecord]) -> list[Incoming | Skipped | Refusal]:
        now = self._clock.now()
        if self._concerned is None:
            return [read_record(record, self._side, self._names, now) for record in records]
        wanted = await self._concerned([(self._names.entity_of(record.topic), record.key) for record in records])
        return [
            read_record(record, self._side, self._names, now) if wants else Skipped.NOT_WANTED
            for record, wants in zip(records, wanted, strict=True)
        ]

    async def _braked(
        self,
        partition: TopicPartition,
        records: Sequence[ConsumerRecord],
        refused: Sequence[tuple[ConsumerRecord, Refusal]],
    ) -> int:
        """As `_post`, up to the record at which a flood of refusals makes the partition stop, where that is set."""
        offsets = {record.offset for record, _ in refused}
        flags = [record.offset in offsets for record in records]
        length = self.brake.length(partition, flags)
        if length == len(records):
            end = await self._post(partition, records, refused)
        elif length == 0:
            end = int(records[0].offset)
        else:
            end = await self._post(partition, records[:length], refused[: sum(flags[:length])])
        self.brake.count(partition, [flag for flag, record in zip(flags, records, strict=True) if record.offset < end])
        if length < len(records) and end == records[length].offset:
            reason = self.brake.stop(partition)
            self._pulse.stopped(partition, reason)
            _log.error("%s partition %d stops at offset %d: %s", partition.topic, partition.partition, end, reason)
        return end

    async def _post(
        self,
        partition: TopicPartition,
        records: Sequence[ConsumerRecord],
        refused: Sequence[tuple[ConsumerRecord, Refusal]],
    ) -> int:
        """Send a partition's letters one after the other; the offset up to which everything is done."""
        ours_until = self._taken_at + self._policy.session_seconds
        for record, refusal in refused:
            if self._drain.revoking.is_set() or self._clock.monotonic() > ours_until:
                return int(record.offset)  # the new owner does the rest; or may have done it while we were frozen
            try:
                async with asyncio.timeout(self._policy.letter_seconds):
                    await self._letters.refuse(record, self._side, refusal)
            except (PayLayerError, TimeoutError) as error:
                self._pulse.counts["letter_failures"] += 1
                self._pulse.failed(partition, f"a dead letter could not be sent: {str(error) or 'no answer in time'}")
                _log.error(
                    "dead letter not sent, %s stays at partition %d offset %d: %s",
                    record.topic, record.partition, record.offset, str(error) or "no answer in time",
                )  # fmt: skip
                return int(record.offset)
            self._pulse.counts["refused"] += 1
        return int(records[-1].offset) + 1

    async def _commit(self, consumer: AIOKafkaConsumer, batch: Batch, ends: Mapping[TopicPartition, int]) -> None:
        ours = consumer.assignment()
        for partition, end in ends.items():
            if end > batch[partition][-1].offset:
                self._letter_failures.pop(partition, None)
                self._pulse.finished(partition)
            elif partition in ours:
                self._hold(consumer, partition, end)
        done = {p: end for p, end in ends.items() if p in ours and end > batch[p][0].offset}
        if not done:
            return
        try:
            await consumer.commit(done)
        except KafkaError as error:
            # The group moved on: whoever owns the partitions now gets these records once more.
            self._pulse.counts["commit_failures"] += 1
            _log.warning("offsets not committed, records come again: %s: %s", type(error).__name__, error)

    def _hold(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
        """Go back to the record that could not be put away, and leave the partition alone for a while."""
        failures = self._letter_failures[partition] = self._letter_failures.get(partition, 0) + 1
        with contextlib.suppress(IllegalStateError):  # revoked while its letter was on its way
            consumer.seek(partition, offset)
            consumer.pause(partition)
            delay = math.inf if partition in self.brake.stopped else self._policy.letter_delay(failures)
            self.held[partition] = self._clock.monotonic() + delay

    async def _put_back(self, consumer: AIOKafkaConsumer, batch: Batch, error: Exception) -> None:
        """Nothing of the batch is committed; it comes again after a while."""
        self._failures += 1
        self._pulse.counts["failures"] += 1
        delay = self._policy.delay(self._failures)
        reason = f"{type(error).__name__}: {error}"
        _log.error("batch not stored, again in %.1f s (failure %d): %s", delay, self._failures, reason)
        for partition, records in batch.items():
            if partition in consumer.assignment():
                self._pulse.failed(partition, f"events could not be stored: {reason}")
                with contextlib.suppress(IllegalStateError):  # revoked since the line above
                    consumer.seek(partition, records[0].offset)
        await wait_unless(self._clock, delay, self._stopping, self._drain.revoking)
