"""How processes end: soon, also when something hangs, with the right exit code; and what they survive."""

import contextlib
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.agreement import expect_agreement
from tests.acceptance.system import System, running, threading_pause, until
from tests.chaos.servers import Postgres
from tests.support.brokers import NoBroker, embedded_kafka, java_broker
from tests.support.databases import postgres_server, postgres_url, server_binaries
from tests.support.ports import free_port

__all__ = ["embedded_kafka", "postgres_server", "postgres_url"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LIMIT = 25.0  # ten seconds for the process, the rest for a machine that has other things to do


@pytest.fixture
def small(embedded_kafka: str, tmp_path: Path) -> Iterator[System]:
    """The embedded broker and SQLite."""
    url = f"sqlite:///{tmp_path / 'state.sqlite3'}"
    with running(System(tmp_path, embedded_kafka, url, f"t{secrets.token_hex(3)}")) as system:
        yield system


def ended(system: System, name: str, *signals: int) -> tuple[int, float]:
    """Exit code and seconds after the last of these signals; the second comes when the first was heard."""
    process = system.processes.pop(name)
    began = time.monotonic()
    for sign in signals or (signal.SIGTERM,):
        process.send_signal(sign)
        began = time.monotonic()
        if len(signals) > 1:
            until("it is stopping", lambda: '"stopping"' in system.log(name), LIMIT, every=0.01)
    try:
        code = process.wait(timeout=LIMIT)
    finally:
        process.kill()
    print(f"{name} ended with {code} after {time.monotonic() - began:.1f} s")  # noqa: T201 - the measured figure
    assert "Traceback" not in system.log(name), system.log(name)
    return code, time.monotonic() - began


@contextlib.contextmanager
def locked(system: System) -> Iterator[None]:
    """Somebody else writes to the SQLite file, and does not end."""
    database = sqlite3.connect(system.database_url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.execute("ROLLBACK")
        database.close()


def _writes(system: System) -> int:
    return int(system.layer("GET", "stats")["writes"])


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_service_in_the_middle_of_its_work_ends_well_and_nothing_is_done_twice(small: System, sign: int) -> None:
    small.sandboxes(products=60)
    small.layer("PUT", "policy", {"latency_ms": 100})
    small.connect()
    small.service()
    until("it is in the middle", lambda: len(small.layer("GET", "state")["products"]) >= 15)
    assert ended(small, "service", sign)[0] == 0
    made = small.layer("GET", "stats")["by_route"]
    small.layer("PUT", "policy", {"latency_ms": 0})
    small.service("next")
    small.json("sync", "acme", "--wait")
    expect_agreement(small)
    products = len(small.layer("GET", "state")["products"])
    routes = small.layer("GET", "stats")["by_route"]
    assert routes["POST /api/v1/products"] == products, (made, routes)
    assert not any(route.startswith("PATCH /api/v1/products/") for route in routes), routes


def test_a_platform_that_hangs_holds_nobody_up(small: System) -> None:
    small.sandboxes(products=30)
    small.connect()
    small.layer("PUT", "faults", [{"kind": "delay_ms", "path": "*products*", "times": None, "ms": 120_000}])
    small.service()
    until("calls hang", lambda: _stored(small) >= 30, 60)
    threading_pause(2.0)
    assert ended(small, "service")[0] == 0
    small.layer("DELETE", "faults")
    small.service("next")
    small.json("sync", "acme", "--wait")
    expect_agreement(small)


def _stored(system: System) -> int:
    with contextlib.closing(sqlite3.connect(system.database_url.removeprefix("sqlite:///"), timeout=30)) as database:
        (count,) = database.execute("SELECT count(*) FROM inbox WHERE entity = 'product'").fetchone()
    return int(count)


def test_a_second_signal_ends_it_at_once(small: System) -> None:
    small.sandboxes(products=10)
    small.connect()
    small.layer("PUT", "faults", [{"kind": "delay_ms", "path": "*products*", "times": None, "ms": 120_000}])
    small.service()
    until("calls hang", lambda: _stored(small) >= 10, 60)
    threading_pause(2.0)
    code, seconds = ended(small, "service", signal.SIGTERM, signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert "ended at once; nothing is lost" in small.log("service")
    assert seconds < LIMIT


def test_a_database_that_is_locked_holds_nobody_up(small: System) -> None:
    small.sandboxes(products=20)
    small.connect()
    small.service()
    until("it works", lambda: len(small.layer("GET", "state")["products"]) >= 5)
    with locked(small):
        assert ended(small, "service")[0] == 0
    small.service("next")
    small.json("sync", "acme", "--wait")
    expect_agreement(small)


@pytest.mark.kafka
def test_a_broker_that_is_away_holds_nobody_up(tmp_path: Path) -> None:
    with contextlib.ExitStack() as broker, contextlib.ExitStack() as stack:
        try:
            address = broker.enter_context(java_broker())
        except NoBroker as reason:
            pytest.skip(str(reason))
        url = f"sqlite:///{tmp_path / 'state.sqlite3'}"
        system = stack.enter_context(running(System(tmp_path, address, url, "away")))
        system.sandboxes(products=10)
        system.connect()
        system.service()
        system.json("sync", "acme", "--wait")
        broker.close()
        row = next(row for row in system.pay("GET", "state")["products"] if row["item_number"])
        system.edit("update", "products", row["id"], item_name="While the broker was away")
        until("it is told", lambda: "poll_failed" in system.log("service"), 90)
        live = httpx.get(f"http://127.0.0.1:{system.http_port}/health/live", timeout=20)
        assert live.status_code == 200, live.text
        assert ended(system, "service")[0] == 0


def test_commands_end_on_a_signal_too(small: System) -> None:
    small.sandboxes(products=10)
    small.connect("poll.idle_share=0.4")
    small.layer("PUT", "faults", [{"kind": "delay_ms", "path": "*products*", "times": None, "ms": 120_000}])
    small.service()
    small.start("waiting", "sync", "acme", "--wait")
    small.start("demo", "demo")
    until("the demo plays", lambda: "first full sync" in small.log("demo"), 60)
    until("the sync waits", lambda: len(small.json("status", "acme")["connections"]) == 1, 60)
    for name, sign in (("waiting", signal.SIGTERM), ("demo", signal.SIGINT)):
        code, _ = ended(small, name, sign)
        assert code == 130
        assert "paylayer: stopped" in small.log(name) or "ended before" in small.log(name)


def _told(system: System, *, code: int, seconds: float = 60, first: str | None = None) -> str:
    """What `paylayer run` says on its way out."""
    command = [sys.executable, "-m", "connector.cli", "run"]
    if first is not None:
        command = ["/bin/bash", "-c", f"{first}; exec {' '.join(command)}"]
    done = subprocess.run(
        command, env=system.environment, cwd=system.folder, capture_output=True, text=True, timeout=seconds, check=False
    )
    said = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    return said[-1]


@pytest.mark.postgres
def test_a_server_that_refuses_or_is_gone_is_told(small: System, postgres_server: str) -> None:
    address = postgres_server.rpartition("@")[2]
    small.database_url = f"postgresql://nobody:wrong-pass-77@{address}"
    told = _told(small, code=2)
    assert "refuses user nobody: check user and password in PAYLAYER_DATABASE_URL" in told
    assert "wrong-pass-77" not in told
    small.database_url = f"postgresql://postgres@127.0.0.1:{free_port()}/x"
    assert "does not answer: check that the server runs" in _told(small, code=1)
    small.database_url = f"postgresql://postgres@{address.partition('/')[0]}/not_there"
    assert "does not exist: create it" in _told(small, code=2)


def test_a_file_that_is_locked_or_a_disk_that_is_full_is_told(small: System) -> None:
    small.command("topics", "create")
    small.command("status")
    with locked(small):
        assert "is held by another process for too long" in _told(small, code=1, seconds=90)
    small.database_url = f"sqlite:///{small.folder / 'full.sqlite3'}"
    assert "free some disk space" in _told(small, code=1, first="ulimit -f 40")


@pytest.mark.kafka
@pytest.mark.postgres
def test_a_database_that_restarts_is_waited_for(embedded_kafka: str, tmp_path: Path) -> None:
    found = server_binaries()
    if found is None:
        pytest.skip("no PostgreSQL")
    with contextlib.ExitStack() as stack:
        server = Postgres(found, Path(tempfile.mkdtemp(prefix="paylayer-postgres-")))
        stack.callback(shutil.rmtree, server.folder, ignore_errors=True)
        server.make()
        server.start()
        stack.callback(server.stop)
        system = stack.enter_context(running(System(tmp_path, embedded_kafka, server.url, f"t{secrets.token_hex(3)}")))
        system.sandboxes(products=10)
        system.connect()
        system.service()
        system.json("sync", "acme", "--wait")
        server.stop()
        row = next(row for row in system.pay("GET", "state")["products"] if row["item_number"])
        system.edit("update", "products", row["id"], item_name="While the database was away")
        until("it is told", lambda: "heartbeat_failed" in system.log("service"), 60)
        threading_pause(6.0)  # longer than a lease lives
        assert system.processes["service"].poll() is None, system.log("service")
        server.start()
        expect_agreement(system, seconds=90)
        assert "Traceback" not in system.log("service"), system.log("service")
        assert ended(system, "service")[0] == 0
