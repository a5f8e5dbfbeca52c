"""From Kafka into a sink, batch by batch: nothing is committed that is neither in the sink nor a dead letter.

FastStream runs the consumer; its parser, decoder and acknowledgement are replaced, because each of them loses records:
a header that is not UTF-8 or a value that is not JSON would drop the whole batch, and its own acknowledgement commits
whatever was fetched. So: raw bytes in, explicit offsets out, contiguous, of partitions that are still ours.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from connector.bus.batch import BatchTaker, Concerned, IntakeSink
from connector.bus.dead_letters import DeadLetterOffice
from connector.bus.flood import Stops
from connector.bus.intake_health import IntakeHealth, Pulse
from connector.bus.intake_policy import IntakePolicy
from connector.bus.reach import reaching
from connector.bus.security import addresses, faststream_security
from connector.bus.topics import missing
from connector.bus.waiting import wait_unless
from connector.clock import Clock
from connector.errors import PayLayerError, Unavailable
from connector.settings import Settings
from contracts.topics import TopicNames

_log = logging.getLogger(__name__)
_library_log = logging.getLogger(f"{__name__}.faststream")
_library_log.setLevel(logging.ERROR)  # below that it tells of every start what the settings already say


class Intake:
    """One member of the group that applies events to a side; reads all source topics with one consumer."""

    def __init__(
        self,
        settings: Settings,
        side: str,
        *,
        sink: IntakeSink,
        letters: DeadLetterOffice,
        clock: Clock,
        policy: IntakePolicy | None = None,
        stops: Stops | None = None,
        concerned: Concerned | None = None,
    ) -> None:
        self._settings = settings
        self._side = side
        self._clock = clock
        self._stops = stops
        self._told: set[TopicPartition] = set()  # stopped partitions that others know of
        self._policy = policy = policy or IntakePolicy()
        self._names = TopicNames(settings.topic_prefix)
        self._group = self._names.group(side)
        self._pulse = Pulse(clock)
        self._stopping = asyncio.Event()
        self._taker = BatchTaker(
            side,
            self._names,
            sink=sink,
            letters=letters,
            clock=clock,
            policy=policy,
            pulse=self._pulse,
            stopping=self._stopping,
            concerned=concerned,
        )
        self._broker = KafkaBroker(
            addresses(settings),
            client_id=f"paylayer-intake-{side}",
            consumer_only=True,
            allow_auto_create_topics=False,
            graceful_timeout=policy.stop_seconds,
            security=faststream_security(settings),
            logger=_library_log,
        )
        self._subscriber = self._broker.subscriber(
            *self._names.all_sources(),
            group_id=self._group,
            batch=True,
            max_records=policy.batch,
            fetch_max_bytes=policy.fetch_bytes,
            batch_timeout_ms=policy.idle_ms,
            fetch_max_wait_ms=policy.fetch_wait_ms,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            listener=self._taker.drain,
            parser=_untouched,
            decoder=_undecoded,
            session_timeout_ms=int(policy.session_seconds * 1000),
            rebalance_timeout_ms=int(policy.session_seconds * 1000),
        )
        self._subscriber(self._consume)

    async def run(self) -> None:
        """Take until `stop` or cancellation; then finish the batch in hand, commit, leave the group.

        Raises `Unavailable` where broker or topics are not there, and when the consumer has died. Once only.
        """
        await self._start()
        try:
            while not self._stopping.is_set():
                await self._watch()
                await wait_unless(self._clock, self._policy.watch_seconds, self._stopping)
        finally:
            self._stopping.set()
            await self._leave()
            self._taker.forget()

    async def _leave(self) -> None:
        """End the consumer; where the broker is away that is for the group's session timeout to find out."""
        try:
            async with asyncio.timeout(self._policy.stop_seconds + self._policy.answer_seconds):
                await self._broker.stop()
        except (KafkaError, TimeoutError) as error:
            _log.warning("the consumer of %s did not end cleanly: %s", self._group, type(error).__name__)

    def stop(self) -> None:
        """Ask `run` to end; it returns within a few seconds."""
        self._stopping.set()

    def health(self) -> IntakeHealth:
        """How it goes, for probes and metrics."""
        consumer = self._subscriber.consumer
        return self._pulse.report(
            running=self._alive(),
            assigned=0 if consumer is None else len(consumer.assignment()),
            held=len(self._taker.held),
        )

    async def _start(self) -> None:
        sources = self._names.all_sources()
        letters = [self._names.dead_letters(source, self._side) for source in sources]
        absent = await missing(self._settings, [*sources, *letters])
        if absent:
            raise Unavailable(
                f"Kafka at {self._settings.kafka_bootstrap_servers} does not have the topic"
                f"{'s' if len(absent) > 1 else ''} {', '.join(absent)}: run `paylayer topics create`"
            )
        self._pulse.tick()
        try:
            async with reaching(self._settings, "joining the group", self._policy.start_seconds):
                await self._broker.start()
        except BaseException:
            await self._broker.stop()
            raise

    def _alive(self) -> bool:
        return self._subscriber.consumer is not None and any(not task.done() for task in self._subscriber.tasks)

    async def _watch(self) -> None:
        """Look after the consumer from outside: FastStream says nothing while it idles, and nothing when it dies."""
        consumer = self._subscriber.consumer
        if consumer is None or not self._alive():
            raise Unavailable(f"the consumer of {self._group} has ended by itself: start it again")
        await self._watch_stops()
        self._taker.resume_held(consumer)
        partitions = list(consumer.assignment())
        lags = await asyncio.gather(*(_lag(consumer, partition) for partition in partitions))
        self._pulse.lag = {(p.topic, p.partition): lag for p, lag in zip(partitions, lags, strict=True)}
        waiting = [p for p, lag in zip(partitions, lags, strict=True) if lag and p not in self._taker.held]
        if not waiting or self._taker.drain.busy.locked():
            self._pulse.tick()  # otherwise only a batch proves that the loop moves
        elif self._pulse.silent_for() > self._policy.doubt_seconds and await self._broker_is_away(consumer, waiting[0]):
            self._pulse.tick()  # nobody could move

    async def _watch_stops(self) -> None:
        """Make stopped partitions known, and let those run that somebody released."""
        stopped = self._taker.brake.stopped
        self._told &= stopped.keys()
        if self._stops is None or not stopped:
            return
        try:
            for partition in stopped.keys() - self._told:
                await self._stops.stopped(self._side, partition.topic, partition.partition, stopped[partition])
                self._told.add(partition)
            still = await self._stops.still(self._side)
        except PayLayerError as error:
            _log.warning("stopped partitions of %s cannot be looked up: %s", self._group, error)
            return
        for partition in [p for p in self._told if (p.topic, p.partition) not in still]:
            _log.warning("%s partition %d goes on", partition.topic, partition.partition)
            self._taker.release(partition)

    async def _broker_is_away(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> bool:
        """Whether the broker does not answer a question that needs no group and no fetch."""
        try:
            async with asyncio.timeout(self._policy.answer_seconds):
                await consumer.end_offsets([partition])
        except (KafkaError, TimeoutError):
            return True
        return False

    async def _consume(self, message: KafkaMessage) -> None:
        await self._taker.work(message.consumer, message.raw_message)


async def _untouched(
    records: tuple[ConsumerRecord, ...], original: Callable[[tuple[ConsumerRecord, ...]], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """A parser that hands the batch on as it came; FastStream's own fails on a header that is null or binary."""
    message = await original((dataclasses.replace(records[0], headers=(), value=b""),))
    message.raw_message = records
    return message


async def _undecoded(message: KafkaMessage) -> object:
    """A decoder that does nothing: values are read record by record."""
    return message.body


async def _lag(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """Records that wait; none while it is not known, such as during a rebalance."""
    try:
        # A rebalance may have taken it away since it was listed, and aiokafka asserts that it is ours.
        highwater = consumer.highwater(partition) if partition in consumer.assignment() else None
        if highwater is None:
            return None
        async with asyncio.timeout(1):
            return max(0, int(highwater) - int(await consumer.position(partition)))
    except (KafkaError, TimeoutError):
        return None
