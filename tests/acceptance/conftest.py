"""One system per test: real processes over the embedded broker with SQLite, and over Kafka with PostgreSQL."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.system import System, running
from tests.support.brokers import embedded_kafka, real_kafka
from tests.support.databases import postgres_server, postgres_url

__all__ = ["embedded_kafka", "postgres_server", "postgres_url", "real_kafka"]

PLACES = ["embedded-sqlite", pytest.param("kafka-postgresql", marks=[pytest.mark.kafka, pytest.mark.postgres])]


@pytest.fixture(params=PLACES)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    real = request.param == "kafka-postgresql"
    bootstrap = request.getfixturevalue("real_kafka" if real else "embedded_kafka")
    url = request.getfixturevalue("postgres_url") if real else f"sqlite:///{tmp_path / 'state.sqlite3'}"
    with running(System(tmp_path, bootstrap, url, f"t{secrets.token_hex(3)}")) as made:
        yield made
        print(f"logs of {request.node.name} in {tmp_path}")  # noqa: T201 - pytest shows it when the test failed
