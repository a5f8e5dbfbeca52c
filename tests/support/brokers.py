"""Kafka for tests: the embedded broker, and a real one where there is one.

The real broker is the one named by PAYLAYER_TEST_KAFKA, else a container of the public image where a Docker daemon
answers, else one started by deploy/kafka from local Java and Maven. Without any of them the tests that need it are
skipped, or fail where PAYLAYER_TEST_REQUIRE=1.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import docker  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from confluent_kafka import KafkaException
from confluent_kafka import Producer as Probe
from docker.errors import DockerException, ImageNotFound  # type: ignore[import-untyped]
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from connector.bus.embedded import EmbeddedBroker
from connector.bus.topics import administration, create
from connector.settings import Settings
from contracts.topics import TopicNames, plan
from tests.support.ports import free_port

IMAGE = "apache/kafka:4.3.1"
PARTITIONS = 4  # what the embedded broker always has, so that both kinds are alike
_ROOT = Path(__file__).parents[2]
_SCRIPT = _ROOT / "deploy" / "kafka" / "kafka.sh"
_DAEMON_SECONDS = 3
_PULL_SECONDS = 60
_START_SECONDS = 60


class NoBroker(Exception):
    """Why one way of getting a broker does not work here."""


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[str]:
    """The bootstrap address of the embedded broker."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap_servers


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[str]:
    """The bootstrap address of a real broker."""
    if given := os.environ.get("PAYLAYER_TEST_KAFKA"):
        yield given
        return
    reasons = []
    for way in (container_broker, java_broker):
        started = way()
        try:
            address = started.__enter__()
        except NoBroker as reason:
            reasons.append(str(reason))
            continue
        try:
            yield address
        finally:
            started.__exit__(None, None, None)
        return
    message = f"no real Kafka: set PAYLAYER_TEST_KAFKA to its address ({'; '.join(reasons)})"
    if os.environ.get("PAYLAYER_TEST_REQUIRE") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.kafka)])
def kafka(request: pytest.FixtureRequest) -> str:
    """Each test runs once on either kind of broker."""
    return str(request.getfixturevalue(f"{request.param}_kafka"))


@pytest_asyncio.fixture
async def bus_settings(kafka: str) -> AsyncIterator[Settings]:
    """Settings with topics of this test's own, on either kind of broker."""
    yield await with_topics(kafka)


@pytest_asyncio.fixture
async def real_bus_settings(real_kafka: str) -> AsyncIterator[Settings]:
    """The same on a real broker only."""
    yield await with_topics(real_kafka)


async def with_topics(address: str) -> Settings:
    """Settings under a fresh prefix, all topics made."""
    settings = Settings(
        kafka_bootstrap_servers=address, topic_prefix=f"t{uuid.uuid4().hex[:10]}", topic_partitions=PARTITIONS
    )
    async with administration(settings) as admin:
        await create(admin, plan(TopicNames(settings.topic_prefix), PARTITIONS))
    return settings


@contextmanager
def container_broker() -> Iterator[str]:
    """A broker in a container. Raises `NoBroker` without a daemon that answers quickly, or without the image."""
    if not _daemon_listens():  # the client itself leaks a socket when nobody does
        raise NoBroker("no Docker daemon answers")
    try:
        client = docker.from_env(timeout=_DAEMON_SECONDS)
        client.ping()
    except DockerException as error:
        raise NoBroker("no Docker daemon answers") from error
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        try:
            docker.from_env(timeout=_PULL_SECONDS).images.pull(IMAGE)
        except (DockerException, OSError) as error:
            raise NoBroker(f"the image {IMAGE} is not there and cannot be pulled") from error
    finally:
        client.close()
    # Its reaper is one more image to pull; the container is removed below, whatever the test does.
    testcontainers_config.ryuk_disabled = True
    port = free_port()
    settings = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "LISTENERS": "PLAINTEXT://0.0.0.0:9092,INTERNAL://localhost:9094,CONTROLLER://0.0.0.0:9093",
        # The host's port means nothing inside: the broker has to reach itself, for transactions, by a name of its own.
        "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port},INTERNAL://localhost:9094",
        "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "INTER_BROKER_LISTENER_NAME": "INTERNAL",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    container = DockerContainer(IMAGE).with_bind_ports(9092, port)
    for name, value in settings.items():
        container.with_env(f"KAFKA_{name}", value)
    try:
        try:
            container.start()
            # The log's wording differs between images; an answer is an answer.
            Probe({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0}).list_topics(timeout=_START_SECONDS)
        except (DockerException, KafkaException, OSError) as error:
            raise NoBroker(f"the container of {IMAGE} did not start: {error}") from error
        yield f"127.0.0.1:{port}"
    finally:
        container.stop()


@contextmanager
def java_broker() -> Iterator[str]:
    """A broker of deploy/kafka in a temporary folder. Raises `NoBroker` without Java 17 and (once) Maven."""
    if shutil.which("java") is None:
        raise NoBroker("no Java")
    folder = Path(tempfile.mkdtemp(prefix="paylayer-kafka-"))
    port, controller = free_port(), free_port()
    environment = os.environ | {"KAFKA_LIBS": os.environ.get("KAFKA_LIBS") or str(_ROOT / ".kafka" / "libs")}
    options = ["--dir", str(folder), "--port", str(port), "--controller-port", str(controller)]
    try:
        made = subprocess.run(
            ["/bin/sh", str(_SCRIPT), "start", *options], env=environment, capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            raise NoBroker(made.stderr.strip() or "deploy/kafka/kafka.sh failed")
        yield f"127.0.0.1:{port}"
    finally:
        subprocess.run(
            ["/bin/sh", str(_SCRIPT), "stop", "--dir", str(folder)], env=environment, capture_output=True, check=False
        )
        shutil.rmtree(folder, ignore_errors=True)


def _daemon_listens() -> bool:
    host = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    if host.scheme != "unix":
        return True  # a daemon elsewhere was configured on purpose
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(host.path) == 0
