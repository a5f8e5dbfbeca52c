"""Every kind of poison between good records, from a broker into a database: refused with its reason."""

import dataclasses
import gzip
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from confluent_kafka import KafkaError, Producer

from connector.bus.incoming import Incoming
from connector.bus.intake import Intake
from connector.bus.letter_reader import StoredLetter
from connector.bus.topics import administration, create
from connector.clock import SystemClock
from connector.engine.book import ConnectionBook
from connector.engine.linking import Linker
from connector.engine.metrics import Metrics
from connector.engine.sink import InboxSink
from connector.ports import Priority
from connector.settings import ConnectionSettings, Settings
from connector.state.claims import SkuClaims
from connector.state.connections import Connections, SparkLayerAccess, SparkPayAccess
from connector.state.database import Database
from connector.state.inbox import Inbox
from connector.state.links import Links
from connector.state.vault import Vault
from contracts.dead_letters import without_reason
from contracts.events import encode
from contracts.topics import TopicNames, plan
from tests.support.databases import database_url, db, postgres_server, postgres_url, sqlite_url
from tests.support.intakes import (
    QUICK,
    RecordingSink,
    committed,
    letters_of,
    publishing,
    running,
    stock,
    topic_of,
    until,
)
from tests.support.poison import POISON

__all__ = ["database_url", "db", "postgres_server", "postgres_url", "sqlite_url"]


@pytest_asyncio.fixture
async def inbox_sink(db: Database) -> AsyncIterator[InboxSink]:
    """The real sink with one connection, `acme`, that takes stock."""
    clock = SystemClock()
    connections = Connections(db, Vault("behaviour-tests-0123456789-0123456789"), clock)
    await connections.add(
        "acme",
        SparkPayAccess("http://pay.test", "token"),
        SparkLayerAccess("http://layer.test", "tools", "test", "client", "secret"),
        ConnectionSettings(),
    )
    inbox = Inbox(db, clock)
    yield InboxSink(
        "sparklayer", inbox=inbox, book=ConnectionBook(connections, clock),
        linker=Linker(inbox, SkuClaims(db), Links(db), "sparklayer"), clock=clock, metrics=Metrics(),
        wake=lambda *_: None,
    )  # fmt: skip


def _told(letters: list[StoredLetter]) -> Counter[Any]:
    return Counter(
        (letter.letter.code, letter.key, letter.value, tuple(without_reason(letter.headers)))
        for letter in letters
        if letter.letter
    )


async def test_every_poison_is_a_letter_and_every_good_record_is_stored(
    bus_settings: Settings, db: Database, inbox_sink: InboxSink, request: pytest.FixtureRequest
) -> None:
    real = "real" in request.node.callspec.id
    # A compacted topic of a real broker takes no record without a key; the embedded one does not keep 5 MB.
    poison = [each for each in POISON if not (real and each.key is None)]
    good = [stock(f"G-{number}", number) for number in range(len(poison) + 1)]
    topic = topic_of(bus_settings, good[0])
    async with publishing(bus_settings) as publisher, running(bus_settings, inbox_sink, publisher) as intake:
        await publisher.publish(good[:1], Priority.LIVE)
        for each, following in zip(poison, good[1:], strict=True):
            place = await publisher.send_record(topic, each.key, each.value, each.headers)
            key, value, headers = encode(following)
            await publisher.send_record(topic, key, value, headers, partition=place.partition)
        refused = [each for each in poison if each.code is not None]
        await until(lambda: _taken(intake, "taken") == len(good) and _taken(intake, "refused") == len(refused), 60)
        assert intake.health().live()
        assert intake.health().ready()
        assert _taken(intake, "tombstone") == len(poison) - len(refused)
        assert {name for name in intake.health().counts if "failure" in name} == set()
    stored = await Inbox(db, SystemClock()).wanted("acme", "sparklayer", "stock", [each.data.key for each in good])
    assert {row.event_id for row in stored.values()} == {each.id for each in good}
    letters = await letters_of(bus_settings)
    assert {letter.topic for letter in letters} == {f"{topic}.sparklayer.dlt"}
    assert _told(letters) == Counter((each.code, each.key, each.value, tuple(each.headers)) for each in refused)
    assert sum((await committed(bus_settings, topic)).values()) == len(good) + len(poison)


def _taken(intake: Intake, name: str) -> int:
    return intake.health().counts.get(name, 0)


async def test_what_the_database_does_not_take_refuses_its_own_record_only(
    bus_settings: Settings, db: Database, inbox_sink: InboxSink
) -> None:
    """No record is known to do that; should one be found, it must not stop the intake."""

    class Spoiling:
        async def take(self, batch: list[Incoming]) -> Any:
            spoilt = [_spoilt(each) if each.event.data.key == "S-5" else each for each in batch]
            return await inbox_sink.take(spoilt)

    good = [stock(f"S-{number}") for number in range(12)]
    async with publishing(bus_settings) as publisher:
        await publisher.publish(good, Priority.LIVE)
        async with running(bus_settings, Spoiling(), publisher) as intake:
            await until(lambda: _taken(intake, "taken") == 11 and _taken(intake, "refused") == 1)
    (letter,) = await letters_of(bus_settings)
    assert letter.letter is not None
    assert (letter.letter.code, letter.letter.key) == ("unstorable", "S-5")
    assert len(await Inbox(db, SystemClock()).wanted("acme", "sparklayer", "stock", [e.data.key for e in good])) == 11


def _spoilt(incoming: Incoming) -> Incoming:
    return dataclasses.replace(incoming, replay="\ud800")


def _foreign(settings: Settings, key: bytes, value: bytes, **options: Any) -> None:
    """Another service's client, with a compression and limits of its own."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, **options})
    topic = TopicNames(settings.topic_prefix).of("stock")
    errors: list[KafkaError | None] = []
    for _ in range(100):  # a broker learns of a topic's new limit some time after it was set
        producer.produce(topic, value, key, on_delivery=lambda error, _: errors.append(error))
        assert producer.flush(30) == 0
        if errors[-1] is None:
            return
        assert errors[-1].code() == KafkaError.MSG_SIZE_TOO_LARGE
    raise AssertionError(errors[-1])


async def _configure(admin: AIOKafkaAdminClient, topic: str, **values: str) -> None:
    changed = {name.replace("_", "."): value for name, value in values.items()}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, changed)])


@pytest.mark.kafka
async def test_five_megabytes_that_were_compressed_below_the_limit_are_a_letter(real_bus_settings: Settings) -> None:
    settings, sink = real_bus_settings, RecordingSink()
    large = b"[" + b'"the same again", ' * 300_000 + b'""]'
    assert len(large) > 5_000_000
    assert len(gzip.compress(large)) < 1_000_000
    after = stock("after")
    async with publishing(settings) as publisher, running(settings, sink, publisher) as intake:
        _foreign(settings, b"acme/P-1", large, **{"compression.type": "gzip", "message.max.bytes": 8_000_000})
        await publisher.publish([after], Priority.LIVE)
        await until(lambda: _taken(intake, "refused") == 1 and sink.ids() == [after.id], 60)
        assert publisher.rebuilt == 0
    (letter,) = await letters_of(settings)
    assert letter.value == large
    assert letter.letter is not None
    assert letter.letter.code == "not_cloudevent"


@pytest.mark.kafka
async def test_a_record_larger_than_its_letter_may_be_is_described(real_bus_settings: Settings) -> None:
    """An operator has allowed more on the source than letters may have."""
    settings, sink = real_bus_settings, RecordingSink()
    names = TopicNames(settings.topic_prefix)
    source = names.of("stock")
    noise = random.Random(3)
    async with administration(settings) as admin:
        await _configure(admin, source, cleanup_policy="compact", max_message_bytes="20000000")
        await _configure(admin, names.dead_letters(source, "sparklayer"), max_message_bytes="6000000")
    fits, exceeds = (b"\xff" + noise.randbytes(size) for size in (5_000_000, 9_000_000))
    after = stock("after")
    async with publishing(settings) as publisher, running(settings, sink, publisher) as intake:
        for value in (fits, exceeds):
            _foreign(settings, b"acme/P-1", value, **{"message.max.bytes": 20_000_000})
        await publisher.publish([after], Priority.LIVE)
        await until(lambda: _taken(intake, "refused") == 2 and sink.ids() == [after.id], 60)
    whole, described = sorted(await letters_of(settings), key=lambda letter: letter.offset)
    assert whole.value == fits
    assert described.letter is not None
    assert (described.letter.code, described.key) == ("too_large", b"acme/P-1")
    assert b'"value_bytes": 9000001' in (described.value or b"")
    assert f"{source}:{described.letter.partition}:{described.letter.offset}".encode() in (described.value or b"")


async def _stops_until(
    settings: Settings, intake: Intake, publisher: Any, sink: RecordingSink, mend: Callable[[], Any]
) -> None:
    """The poison's partition waits and says so, the others go on; after `mend` nothing is missing."""
    behind, elsewhere = stock("behind"), stock("elsewhere")
    for each, partition in ((behind, 1), (elsewhere, 2)):
        key, value, headers = encode(each)
        await publisher.send_record(topic_of(settings, each), key, value, headers, partition=partition)
    await until(lambda: elsewhere.id in sink.ids(), 90)
    await until(lambda: "a dead letter could not be sent" in (intake.health().failing or ""), 90)
    assert not intake.health().ready()
    assert intake.health().live()
    await mend()
    await until(lambda: _taken(intake, "refused") == 1 and behind.id in sink.ids(), 60)
    await until(lambda: intake.health().ready())


@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_without_its_dead_letter_topic_a_partition_waits_for_it(real_bus_settings: Settings) -> None:
    settings, sink = real_bus_settings, RecordingSink()
    names = TopicNames(settings.topic_prefix)
    topic = names.dead_letters(names.of("stock"), "sparklayer")
    async with (
        publishing(settings) as publisher,
        running(settings, sink, publisher, policy=QUICK) as intake,
        administration(settings) as admin,
    ):
        await until(lambda: intake.health().assigned > 0)
        await admin.delete_topics([topic])
        await publisher.send_record(names.of("stock"), b"acme/P-1", b"{", [], partition=1)

        async def mend() -> None:
            await create(admin, [each for each in plan(names, settings.topic_partitions) if each.name == topic])

        await _stops_until(settings, intake, publisher, sink, mend)
    # A letter whose acknowledgement was lost is sent again: all are of this one record, letter for letter.
    letters = await letters_of(settings)
    assert {(letter.key, letter.value) for letter in letters} == {(b"acme/P-1", b"{")}
    origins = {(each.topic, each.partition, each.offset) for letter in letters if (each := letter.letter) is not None}
    assert origins == {(names.of("stock"), 1, 0)}
