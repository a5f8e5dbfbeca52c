"""Making and comparing topics."""

import asyncio
import uuid

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from connector.bus.topics import administration, check, create, existing, missing
from connector.errors import Unavailable
from connector.settings import Settings
from contracts.topics import Topic, TopicNames, plan


@pytest.fixture
def settings(kafka: str) -> Settings:
    return Settings(kafka_bootstrap_servers=kafka, topic_prefix=f"t{uuid.uuid4().hex[:10]}")


@pytest.fixture
def real_settings(real_kafka: str) -> Settings:
    return Settings(kafka_bootstrap_servers=real_kafka, topic_prefix=f"t{uuid.uuid4().hex[:10]}")


async def test_creating_twice_changes_nothing(settings: Settings) -> None:
    wanted = plan(TopicNames(settings.topic_prefix), 4)
    names = [topic.name for topic in wanted]
    assert await missing(settings, names) == names
    async with administration(settings) as admin:
        assert {difference.what for difference in await check(admin, wanted)} == {"topic"}
        first = await create(admin, wanted)
        assert (first.created, first.existed) == (tuple(names), ())
        second = await create(admin, wanted)
        assert (second.created, second.existed) == ((), tuple(names))
        assert await check(admin, wanted) == []
        there = await existing(admin)
    assert {there[name] for name in names} == {4}
    assert await missing(settings, names) == []


@pytest.mark.kafka
async def test_two_may_create_at_once(real_settings: Settings) -> None:
    wanted = plan(TopicNames(real_settings.topic_prefix), 2)
    async with administration(real_settings) as one, administration(real_settings) as other:
        await asyncio.gather(create(one, wanted, 1), create(other, wanted, 1))
        assert await check(one, wanted) == []


@pytest.mark.kafka
async def test_differences_are_told_and_mended_when_asked(real_settings: Settings) -> None:
    name = f"{real_settings.topic_prefix}.stock.sparklayer.dlt"
    made = Topic(name, 2, {"cleanup.policy": "compact", "segment.ms": "123456789"})
    wanted = Topic(name, 3, {"cleanup.policy": "delete", "retention.ms": "1000000", "max.message.bytes": "2097152"})
    async with administration(real_settings) as admin:
        await create(admin, [made])
        told = {difference.what: (difference.expected, difference.found) for difference in await check(admin, [wanted])}
        assert told["partitions"] == ("3", "2")
        assert told["cleanup.policy"] == ("delete", "compact")
        assert set(told) == {"partitions", "cleanup.policy", "retention.ms", "max.message.bytes"}
        untouched = await create(admin, [wanted])
        assert untouched.adjusted == ()
        assert {difference.what for difference in untouched.left} == set(told)
        mended = await create(admin, [wanted], adjust=True)
        assert {difference.what for difference in mended.adjusted} == set(told)
        assert mended.left == ()
        assert await check(admin, [wanted]) == []
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        values = {entry[0]: entry[1] for entry in answer.resources[0][4]}
        assert values["segment.ms"] == "123456789"  # what an operator set stays


@pytest.mark.kafka
async def test_more_partitions_than_planned_are_fine_and_never_taken_away(real_settings: Settings) -> None:
    name = f"{real_settings.topic_prefix}.stock"
    async with administration(real_settings) as admin:
        await create(admin, [Topic(name, 3, {})])
        answer = await create(admin, [Topic(name, 2, {})], adjust=True)
        assert (answer.adjusted, answer.left) == ((), ())
        assert (await existing(admin))[name] == 3


@pytest.mark.kafka
async def test_what_the_broker_refuses_is_told_with_its_reason(real_settings: Settings) -> None:
    name = f"{real_settings.topic_prefix}.stock"
    async with administration(real_settings) as admin:
        with pytest.raises(Unavailable, match=rf"{name} \(InvalidReplicationFactorError\)"):
            await create(admin, [Topic(name, 1, {})], replication=5)


async def test_a_broker_that_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 .*PAYLAYER_KAFKA_BOOTSTRAP_SERVERS"):
        await missing(Settings(kafka_bootstrap_servers="127.0.0.1:1"), ["a"])
