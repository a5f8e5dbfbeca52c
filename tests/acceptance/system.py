"""A whole system of real processes: both sandboxes, the service, the commands, over a given broker and database."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
TOKEN = "store-token-7f3a"
SECRET = "site-secret-91bc"
SECRET_KEY = "acceptance-tests-only-secret-key-0001"
ADMIN_TOKEN = "operator-token-55aa"


def until(what: str, check: Any, seconds: float = 60.0, every: float = 0.1) -> Any:
    """Ask until the answer is true; fails with `what` after so many real seconds."""
    end = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        threading_pause(every)


def threading_pause(seconds: float) -> None:
    """Real processes take real time."""
    threading.Event().wait(seconds)


@dataclass
class System:
    """What one test needs; `stop` ends every process that it started."""

    folder: Path
    bootstrap: str
    database_url: str
    prefix: str
    extra: Mapping[str, str] = field(default_factory=dict)
    http_port: int = field(default_factory=free_port)
    pay_port: int = field(default_factory=free_port)
    layer_port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYLAYER_")}
        return {
            **kept,
            "PAYLAYER_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "PAYLAYER_DATABASE_URL": self.database_url,
            "PAYLAYER_TOPIC_PREFIX": self.prefix,
            "PAYLAYER_TOPIC_PARTITIONS": "4",
            "PAYLAYER_SECRET_KEY": SECRET_KEY,
            "PAYLAYER_ADMIN_TOKEN": ADMIN_TOKEN,
            "PAYLAYER_HTTP_PORT": str(self.http_port),
            "PAYLAYER_POLL_INTERVAL_SECONDS": "0.5",
            "PAYLAYER_LOG_FORMAT": "json",
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
            "COLUMNS": "80",
            **self.extra,
        }

    def command(self, *arguments: str, code: int = 0, stdin: str | None = None) -> str:
        """Run one `paylayer` command; its standard output. Fails on another exit code or a traceback."""
        done = subprocess.run(
            [sys.executable, "-m", "connector.cli", *arguments],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self.command(*arguments, "--json"))

    def start(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "connector.cli", *arguments],
                env={**self.environment, **environment},
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.processes[name] = process
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def kill(self, name: str) -> None:
        """SIGKILL: no cleanup, no last words."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)

    def end(self, name: str) -> int:
        """SIGTERM, as an orchestrator does; its exit code."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(timeout=20)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait(timeout=10)
        self.processes.clear()

    def sandboxes(self, *, products: int, customers: int = 0, orders: int = 0, limit: int = 50) -> None:
        self.start(
            "sparkpay", "sandbox", "sparkpay", "--port", str(self.pay_port), "--token", TOKEN,
            "--products", str(products), "--customers", str(customers), "--orders", str(orders),
            "--limit", str(limit),
        )  # fmt: skip
        self.start(
            "sparklayer", "sandbox", "sparklayer", "--port", str(self.layer_port), "--site-id", "acme-tools",
            "--client-id", "client", "--client-secret", SECRET,
        )  # fmt: skip
        until("both sandboxes answer", lambda: self.pay("GET", "stats") and self.layer("GET", "stats"))

    def pay(self, method: str, path: str, body: object = None) -> Any:
        return self._admin(self.pay_port, method, path, body)

    def layer(self, method: str, path: str, body: object = None) -> Any:
        return self._admin(self.layer_port, method, path, body)

    def _admin(self, port: int, method: str, path: str, body: object) -> Any:
        try:
            answer = httpx.request(method, f"http://127.0.0.1:{port}/_sandbox/{path}", json=body, timeout=60)
        except httpx.TransportError:
            return None
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    def query(self, statement: str) -> list[Any]:
        """What the service's database answers."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"))) as database:
                return list(database.execute(statement))

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.database_url.replace("+asyncpg", ""))
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def edit(self, op: str, resource: str, id_: int | None = None, *, touch: bool = True, **fields: object) -> Any:
        return self.pay("POST", "edit", {"op": op, "resource": resource, "id": id_, "fields": fields, "touch": touch})

    def do(self, method: str, path: str, body: object) -> Any:
        """What a person does at the SparkLayer site, as its API would take it."""
        return self.layer("POST", "do", {"method": method, "path": path, "body": body})

    def connect(self, *settings: str, sync: bool = True) -> None:
        self.command("topics", "create")
        self.command(
            "connections", "add", "acme",
            "--sparkpay-url", f"http://127.0.0.1:{self.pay_port}", "--sparkpay-token", TOKEN,
            "--sparklayer-url", f"http://127.0.0.1:{self.layer_port}", "--site-id", "acme-tools",
            "--client-id", "client", "--client-secret", SECRET, "--currency", "usd",
            "--b2b-customer-types", "all", "--set", "poll.idle_share=0.5",
            *(part for setting in settings for part in ("--set", setting)),
            *(() if sync else ("--no-sync",)),
        )  # fmt: skip

    def service(self, name: str = "service", *arguments: str, port: int | None = None) -> None:
        """Start `paylayer run` and wait until it is ready."""
        port = port or self.http_port
        self.start(name, "run", *arguments, PAYLAYER_HTTP_PORT=str(port))
        until(f"{name} is ready\n", lambda: self.ready(name, port), seconds=60)

    def ready(self, name: str, port: int) -> bool:
        assert self.processes[name].poll() is None, self.log(name)
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).status_code == 200
        return False

    def quiet(self, seconds: float = 60.0) -> None:
        """Wait until nothing is due on any side."""

        def idle() -> bool:
            (status,) = self.json("status", "acme")["connections"]
            return all(side["waiting"] == 0 for side in status["sides"].values())

        until("the inbox is empty", idle, seconds, every=0.5)


@contextlib.contextmanager
def running(system: System) -> Iterator[System]:
    try:
        yield system
    finally:
        system.stop()
