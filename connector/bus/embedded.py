"""A broker inside this process, for the demo and for tests: librdkafka's mock cluster over real TCP.

Once started it stays until the process ends: taking a mock cluster down that has served for a while crashes the process
(librdkafka 2.16, SIGSEGV at the end of long test runs).

What it cannot do, measured with librdkafka 2.16: create topics on request (a topic appears when somebody asks for it,
always with `PARTITIONS` partitions), keep configurations, take a second member into a group, keep more than about 5 MB
of a partition (older records fall out), keep anything when the process ends, or find offsets by time. A group's first
join takes three seconds. Everything else that PayLayer needs works: idempotent producers, headers of any bytes,
records above 1 MiB, commits, seeks, several groups and group-less readers at once.
"""

import threading
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException, Producer

from connector.errors import Unavailable
from connector.settings import Settings

PARTITIONS = 4
_LOUD_ONLY = 4  # syslog's "warning": the mock announces itself at "notice"


class EmbeddedBroker:
    """`with EmbeddedBroker() as broker:` gives a broker at `broker.bootstrap_servers`."""

    def __init__(self) -> None:
        self.bootstrap_servers = ""

    def __enter__(self) -> Self:
        """Start it. Raises `Unavailable` where the machine does not let it listen."""
        owner = Producer({"test.mock.num.brokers": 1, "log_level": _LOUD_ONLY, "log.connection.close": False})
        try:
            brokers = owner.list_topics(timeout=10).brokers.values()
        except KafkaException as error:
            raise Unavailable(f"the embedded broker did not start: {error}; is the loopback network there?") from error
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        threading.Thread(target=_serve, args=(owner,), name="embedded-broker", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nobody is told of it any more."""
        self.bootstrap_servers = ""

    def settings(self, base: Settings) -> Settings:
        """The same settings, pointed at this broker."""
        return base.model_copy(
            update={
                "kafka_bootstrap_servers": self.bootstrap_servers,
                "kafka_security_protocol": "PLAINTEXT",
                "kafka_sasl_mechanism": None,
                "kafka_sasl_username": None,
                "kafka_sasl_password": None,
                "kafka_ssl_cafile": None,
                "kafka_ssl_certfile": None,
                "kafka_ssl_keyfile": None,
                "topic_partitions": PARTITIONS,
            }
        )


def _serve(owner: Producer) -> None:
    """Serve the events of the client that the mock cluster lives with, for as long as the process lives."""
    while True:
        owner.poll(1.0)
