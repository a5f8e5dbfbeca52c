"""Topics: made with the right partitions and policies, compared, adjusted when asked; never deleted, never shrunk."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from connector.bus.reach import reaching
from connector.bus.security import client_options
from connector.clock import Clock, SystemClock
from connector.errors import Unavailable, UserFault
from connector.settings import Settings
from contracts.topics import Topic

_SET_ON_TOPIC = 1  # DescribeConfigs: the value was set on the topic itself, not inherited from the broker
PARTITIONS = "partitions"
EXISTENCE = "topic"
_LOOKS, _LOOK_SECONDS = 200, 0.05  # ten seconds


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about one topic that is not as planned; `what` is a setting's name, `partitions` or `topic`."""

    topic: str
    what: str
    expected: str
    found: str | None

    def __str__(self) -> str:
        if self.what == EXISTENCE:
            return f"{self.topic}: missing"
        return f"{self.topic}: {self.what} is {self.found}, planned is {self.expected}"


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What `create` did."""

    created: tuple[str, ...]
    existed: tuple[str, ...]
    adjusted: tuple[Difference, ...]
    left: tuple[Difference, ...]


@asynccontextmanager
async def administration(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client. Raises `Unavailable` where the broker does not answer."""
    admin = AIOKafkaAdminClient(**client_options(settings), client_id="paylayer-admin", request_timeout_ms=30_000)
    try:
        async with reaching(settings, "connecting"):
            await admin.start()
        yield admin
    finally:
        await admin.close()


async def existing(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Partition count by topic. Asks for all topics: asking for one by name may make the broker create it."""
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def missing(settings: Settings, names: Iterable[str]) -> list[str]:
    """Those of the topics that do not exist. Raises `Unavailable`."""
    async with administration(settings) as admin, reaching(settings, "listing the topics"):
        there = await existing(admin)
    return [name for name in names if name not in there]


async def create(
    admin: AIOKafkaAdminClient,
    plan: Sequence[Topic],
    replication: int = -1,
    *,
    adjust: bool = False,
    clock: Clock | None = None,
) -> Provisioned:
    """Make what is missing; with `adjust`, mend configurations and add partitions of what is there.

    Adding partitions moves keys to other partitions once, so the order per key can break while old records are still
    unread: that is why it happens only when asked. Repeating it changes nothing. Raises `Unavailable` or `UserFault`
    with the broker's own reason.
    """
    there = await existing(admin)
    absent = [topic for topic in plan if topic.name not in there]
    present = tuple(topic.name for topic in plan if topic.name in there)
    if not await _has_controller(admin):
        # The embedded broker creates a topic when it is asked for one, and knows no configuration.
        if absent:
            await admin.describe_topics([topic.name for topic in absent])
        return Provisioned(tuple(topic.name for topic in absent), present, (), ())
    if absent:
        answer = await admin.create_topics([_new(topic, replication) for topic in absent])
        for name, code, message in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:  # somebody else was quicker: fine
                raise _refusal("create", name, code, message)
        await _visible(lambda: _all_there(admin, absent), clock or SystemClock())
    differences = [difference for difference in await check(admin, plan) if difference.topic in there]
    if adjust and differences:
        await _adjust(admin, differences)
        await _visible(lambda: _none_left(admin, plan), clock or SystemClock())
    adjusted, left = (differences, []) if adjust else ([], differences)
    return Provisioned(tuple(topic.name for topic in absent), present, tuple(adjusted), tuple(left))


async def check(admin: AIOKafkaAdminClient, plan: Sequence[Topic]) -> list[Difference]:
    """Everything that is missing or differs. More partitions than planned are fine."""
    there = await existing(admin)
    differences = [Difference(topic.name, EXISTENCE, "there", None) for topic in plan if topic.name not in there]
    if not await _has_controller(admin):
        return differences
    known = [topic for topic in plan if topic.name in there]
    configs = await _configs(admin, [topic.name for topic in known])
    for topic in known:
        if there[topic.name] < topic.partitions:
            differences.append(Difference(topic.name, PARTITIONS, str(topic.partitions), str(there[topic.name])))
        for name, expected in topic.config.items():
            found = configs[topic.name].get(name, ("", False))[0]
            if not _same(found, expected):
                differences.append(Difference(topic.name, name, expected, found))
    return differences


async def _adjust(admin: AIOKafkaAdminClient, differences: Sequence[Difference]) -> None:
    """Mend what differs of topics that are there."""
    grown = {d.topic: NewPartitions(int(d.expected)) for d in differences if d.what == PARTITIONS}
    if grown:
        try:
            await admin.create_partitions(grown)
        except KafkaError as error:
            raise UserFault(f"the broker does not add partitions: {error}") from error
    wanted: dict[str, dict[str, str]] = {}
    for difference in differences:
        if difference.what != PARTITIONS:
            wanted.setdefault(difference.topic, {})[difference.what] = difference.expected
    if wanted:
        present = await _configs(admin, list(wanted))
        resources = []
        for name, values in wanted.items():
            # This request replaces everything that is set on the topic, so what an operator set is sent along.
            kept = {key: value for key, (value, own) in present[name].items() if own}
            resources.append(ConfigResource(ConfigResourceType.TOPIC, name, kept | values))
        for answer in await admin.alter_configs(resources):
            for code, message, _, name in answer.resources:
                if code:
                    raise _refusal("change", name, code, message)


async def _visible(settled: Callable[[], Awaitable[bool]], clock: Clock) -> None:
    """Wait for the broker to show what its controller has acknowledged: a broker that just started takes a moment.

    What does not show in time is told by the next `check`.
    """
    for _ in range(_LOOKS):
        if await settled():
            return
        await clock.sleep(_LOOK_SECONDS)


async def _all_there(admin: AIOKafkaAdminClient, plan: Sequence[Topic]) -> bool:
    there = await existing(admin)
    return all(there.get(topic.name, 0) >= topic.partitions for topic in plan)


async def _none_left(admin: AIOKafkaAdminClient, plan: Sequence[Topic]) -> bool:
    return not await check(admin, plan)


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, tuple[str, bool]]]:
    """By topic and setting: the value, and whether it was set on the topic itself."""
    if not names:
        return {}
    found: dict[str, dict[str, tuple[str, bool]]] = {name: {} for name in names}
    for answer in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        resource: Mapping[str, Any]
        for resource in answer.to_object()["resources"]:
            if resource["error_code"]:
                raise _refusal("read", resource["resource_name"], resource["error_code"], resource["error_message"])
            found[resource["resource_name"]] = {
                entry["config_names"]: (entry["config_value"] or "", entry.get("config_source") == _SET_ON_TOPIC)
                for entry in resource["config_entries"]
            }
    return found


async def _has_controller(admin: AIOKafkaAdminClient) -> bool:
    """Whether this is a real cluster; the embedded broker has no controller and answers no admin request."""
    cluster = await admin.describe_cluster()
    return any(broker["node_id"] == cluster["controller_id"] for broker in cluster["brokers"])


def _new(topic: Topic, replication: int) -> NewTopic:
    # aiokafka takes a replication of -1 only beside an empty assignment; on the wire both mean "the broker's default".
    return NewTopic(topic.name, topic.partitions, replication, {} if replication == -1 else None, dict(topic.config))


def _same(found: str, expected: str) -> bool:
    """Lists such as `compact,delete` in any order."""
    return sorted(found.split(",")) == sorted(expected.split(","))


def _refusal(verb: str, topic: str, code: int, message: str | None) -> Unavailable:
    kind = for_code(code).__name__
    return Unavailable(f"the broker did not {verb} topic {topic} ({kind}): {message or 'without a reason'}")
