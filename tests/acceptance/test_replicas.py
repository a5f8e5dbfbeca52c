"""Several processes for the same work: restarted, killed and frozen one after another, while events keep coming.

Another service publishes one version after the other of many products and stock levels; every version is marked, so the
writes that the site saw tell what was lost, done twice or done in the wrong order.
"""

import json
import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka import Producer

from contracts.entities import Product, Stock, StockLevel, Variant
from contracts.events import changed, encode, entity_name
from contracts.topics import TopicNames
from tests.acceptance.conftest import postgres_server, postgres_url, real_kafka
from tests.acceptance.system import SECRET, TOKEN, System, running, threading_pause, until
from tests.support.ports import free_port
from tests.support.recorded_site import RecordedSite, recorded_site

__all__ = ["postgres_server", "postgres_url", "real_kafka"]
pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(400)]

CONNECTIONS = ("c1", "c2", "c3", "c4", "c5", "c6")
SIDES = 2  # orders flow both ways unless a connection says otherwise
KEYS = 5  # of each kind and connection
LATENCY_MS = 60


@dataclass
class Publishing(threading.Thread):
    """Another service: version after version of every key, until it is told to stop."""

    bootstrap: str
    prefix: str
    versions: int = 0
    halted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name="publishing")

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True})
        names = TopicNames(self.prefix)
        while not self.halted.wait(1.0):
            self.versions += 1
            for connection in CONNECTIONS:
                for number in range(KEYS):
                    sku = f"{connection}-{number}"
                    product = Product(
                        key=f"erp:{sku}", title=f"{sku} v{self.versions}", variants=(Variant(id=sku, sku=sku),)
                    )
                    level = Stock(sku=sku, levels=(StockLevel(level=self.versions),))
                    for entity in (product, level):
                        event = changed(entity, connection=connection, source="erp")
                        key, value, headers = encode(event)
                        producer.produce(names.of(entity_name(event)), value, key, headers=headers)
            producer.flush(30)


@dataclass
class Replicas:
    """Named processes of the service."""

    system: System
    site: RecordedSite
    made: int = 0
    ports: dict[str, int] = field(default_factory=dict)

    def add(self) -> str:
        self.made += 1
        name = f"replica{self.made}"
        self.ports[name] = free_port()
        self.system.service(name, "--only", "intake,appliers,web", port=self.ports[name])
        return name

    def pid(self, name: str) -> int:
        return self.system.processes[name].pid

    def shares(self) -> Counter[int]:
        """Sides of connections by process id."""
        rows = self.system.query(
            "SELECT workers.pid FROM leases JOIN workers ON leases.worker = workers.id "
            "WHERE leases.name LIKE 'apply:%'",
        )
        return Counter(int(row[0]) for row in rows)

    def share_evenly(self, *names: str) -> None:
        pids = {self.pid(name) for name in names}

        def even() -> bool:
            found = self.shares()
            return (
                found.keys() == pids
                and sum(found.values()) == SIDES * len(CONNECTIONS)
                and max(found.values()) - min(found.values()) <= 1
            )

        until(f"{names} share the connections evenly", even)


@pytest.fixture
def replicas(real_kafka: str, postgres_url: str, tmp_path: Path) -> Iterator[Replicas]:
    with (
        recorded_site(latency_ms=LATENCY_MS) as site,
        running(System(tmp_path, real_kafka, postgres_url, f"t{secrets.token_hex(3)}")) as system,
    ):
        system.layer_port = site.port
        system.command("topics", "create")
        for connection in CONNECTIONS:
            system.command(
                "connections", "add", connection,
                "--sparkpay-url", f"http://127.0.0.1:{free_port()}", "--sparkpay-token", TOKEN,
                "--sparklayer-url", f"http://127.0.0.1:{site.port}", "--site-id", "acme-tools",
                "--client-id", "client", "--client-secret", SECRET, "--currency", "usd",
                "--b2b-customer-types", "all", "--set", "flow.stock=to_sparklayer", "--no-sync",
            )  # fmt: skip
        yield Replicas(system, site)
        print(f"logs in {tmp_path}")  # noqa: T201 - pytest shows it when the test failed


@contextmanager
def publishing(replicas: Replicas) -> Iterator[Publishing]:
    thread = Publishing(replicas.system.bootstrap, replicas.system.prefix)
    thread.start()
    try:
        yield thread
    finally:
        thread.halted.set()
        thread.join(60)


def versions(site: RecordedSite) -> dict[str, list[int]]:
    """By key, the versions in the order in which the site applied them."""
    found: dict[str, list[int]] = {}
    for write in list(site.writes):
        if isinstance(write.body, list):
            for row in write.body:
                found.setdefault(f"stock {row['sku']}", []).append(int(row["stock_level"]))
        elif isinstance(write.body, dict) and " v" in str(write.body.get("title")):
            sku, _, version = write.body["title"].rpartition(" v")
            found.setdefault(f"product {sku}", []).append(int(version))
    return found


def expect_the_last_version(site: RecordedSite, last: int) -> dict[str, list[int]]:
    def arrived() -> bool:
        found = versions(site)
        return len(found) == 2 * KEYS * len(CONNECTIONS) and all(seen[-1] == last for seen in found.values())

    until(f"version {last} of every key is on the site", arrived, 60)
    found = versions(site)
    stale = {key: seen for key, seen in found.items() if any(after < before for before, after in pairwise(seen))}
    assert not stale, "an older version was written after a newer one"
    return found


def twice(found: dict[str, list[int]]) -> dict[str, list[int]]:
    """Keys of which a version was written more than once."""
    return {key: seen for key, seen in found.items() if len(set(seen)) < len(seen)}


def test_a_rolling_restart_loses_nothing_and_applies_everything_once(replicas: Replicas) -> None:
    with publishing(replicas) as publisher:
        names = [replicas.add(), replicas.add()]
        names.append(replicas.add())  # a third one gets its share although nobody has died
        replicas.share_evenly(*names)
        stops = []
        for name in names:
            began = time.monotonic()
            assert replicas.system.end(name) == 0
            stops.append(time.monotonic() - began)
            names = [*names[1:], replicas.add()]
            replicas.share_evenly(*names)
    print(f"stop took {[round(stop, 1) for stop in stops]} s")  # noqa: T201 - the measured figure
    found = expect_the_last_version(replicas.site, publisher.versions)
    assert twice(found) == {}
    assert len(stops) == 3
    for name in names:
        assert replicas.system.end(name) == 0
    for number in range(1, replicas.made + 1):
        assert "Traceback" not in replicas.system.log(f"replica{number}")


def test_replicas_killed_one_after_another_lose_nothing(replicas: Replicas) -> None:
    with publishing(replicas) as publisher:
        names = [replicas.add(), replicas.add()]
        replicas.share_evenly(*names)
        gaps = []
        for name in names:
            victim = replicas.pid(name)
            survivor = replicas.pid(names[1])
            replicas.system.kill(name)
            began = time.monotonic()
            until(
                "the survivor has everything",
                lambda: replicas.shares() == {survivor: SIDES * len(CONNECTIONS)},  # noqa: B023
                20,
                0.05,
            )
            gaps.append(time.monotonic() - began)
            assert victim not in replicas.shares()
            names = [names[1], replicas.add()]
            replicas.share_evenly(*names)
    print(f"taken over after {[round(gap, 1) for gap in gaps]} s")  # noqa: T201 - the measured figure
    found = expect_the_last_version(replicas.site, publisher.versions)
    # What was applied and not written down when the process died is written once more: the batch in hand, no more.
    assert all(max(Counter(seen).values()) <= 2 for seen in twice(found).values())


def test_a_process_that_was_frozen_does_not_write_what_is_out_of_date(replicas: Replicas) -> None:
    with publishing(replicas) as publisher:
        names = [replicas.add(), replicas.add()]
        replicas.share_evenly(*names)
        for zombie, heir in (names, names[::-1]):
            pid, other = replicas.pid(zombie), replicas.pid(heir)
            mark = len(replicas.site.writes)
            until("work is in hand", lambda: len(replicas.site.writes) > mark + 20, every=0.01)  # noqa: B023
            os.kill(pid, signal.SIGSTOP)
            until("the heir has everything", lambda: replicas.shares() == {other: SIDES * len(CONNECTIONS)})  # noqa: B023
            frozen_at = publisher.versions
            threading_pause(11.0)  # longer than its session in the consumer group, too
            assert publisher.versions > frozen_at
            os.kill(pid, signal.SIGCONT)
            replicas.share_evenly(*names)
    expect_the_last_version(replicas.site, publisher.versions)
    rows = replicas.system.query("SELECT count(*) FROM inbox WHERE state <> 'applied'")
    until("every row is settled", lambda: rows == [(0,)] or _settled(replicas))
    for name in names:
        assert replicas.system.end(name) == 0
        assert "Traceback" not in replicas.system.log(name)
    assert json.loads(replicas.system.command("dlq", "list", "--json")) == []


def _settled(replicas: Replicas) -> bool:
    return bool(replicas.system.query("SELECT count(*) FROM inbox WHERE state <> 'applied'") == [(0,)])
