"""A broker and a database server that may be killed and started again on what they kept.

Unlike those of tests/support they are always our own: nobody may kill a server that was given by its address.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy.engine import make_url

from tests.acceptance.system import ROOT, threading_pause
from tests.support.databases import as_postgres, run_on_postgres, server_binaries
from tests.support.ports import free_port

_SCRIPT = ROOT / "deploy" / "kafka" / "kafka.sh"
_ANSWER_SECONDS = 240.0


class Missing(Exception):
    """What this machine lacks for a world; says what to install."""


@dataclass
class Kafka:
    """One broker of deploy/kafka in a folder of its own."""

    folder: Path
    port: int = field(default_factory=free_port)
    controller_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None

    def launch(self) -> None:
        """Start, on the data of before; `until_ready` waits for it."""
        environment = os.environ | {"KAFKA_LIBS": os.environ.get("KAFKA_LIBS") or str(ROOT / ".kafka" / "libs")}
        ports = ["--port", str(self.port), "--controller-port", str(self.controller_port)]
        with (self.folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", str(_SCRIPT), "run", "--dir", str(self.folder), *ports],
                env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def until_ready(self) -> None:
        end = time.monotonic() + _ANSWER_SECONDS
        while True:
            assert self._process is not None
            if self._process.poll() is not None:
                raise Missing((self.folder / "kafka.log").read_text(errors="replace")[-2000:])
            with contextlib.suppress(KafkaException):
                AdminClient({"bootstrap.servers": self.address, "log_level": 0}).list_topics(timeout=2)
                return
            assert time.monotonic() < end, f"the broker at {self.address} does not answer: {self.folder}"

    def kill(self) -> None:
        """SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=20)


@dataclass
class Postgres:
    """One PostgreSQL cluster in a folder of its own. It waits for the disk: an immediate stop must lose nothing."""

    binaries: Path
    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        initdb = [str(self.binaries / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust"]
        as_postgres([*initdb, "-E", "UTF8", "-N"])

    def start(self) -> None:
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder} "
            "-c max_connections=200"
        )
        as_postgres([*self._control, "-o", options, "-l", str(self.folder / "log"), "start"])

    def stop(self) -> None:
        """As a crash: no checkpoint, connections cut."""
        as_postgres([*self._control, "-m", "immediate", "stop"])

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The address of a new database."""
        name = f"chaos_{uuid.uuid4().hex[:10]}"
        run_on_postgres(self.url, f'CREATE DATABASE "{name}"')
        yield make_url(self.url).set(database=name).render_as_string(hide_password=False)
        run_on_postgres(self.url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @property
    def _control(self) -> list[str]:
        return [str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-t", "120"]


@dataclass(frozen=True)
class Servers:
    """What a world needs besides its own processes; one world at a time uses them."""

    kafka: Kafka
    postgres: Postgres


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Both, running; gone afterwards. Raises `Missing`."""
    binaries = server_binaries()
    if binaries is None:
        raise Missing("no PostgreSQL: install its server (initdb and pg_ctl are not found)")
    if shutil.which("java") is None:
        raise Missing("no Java: install version 17 or newer; the broker has to be our own, because it is killed")
    folder = Path(tempfile.mkdtemp(prefix="paylayer-chaos-"))
    folder.chmod(0o755)
    kafka, postgres = Kafka(_made(folder / "kafka")), Postgres(binaries, _made(folder / "postgres"))
    try:
        kafka.launch()
        postgres.make()
        postgres.start()
        try:
            kafka.until_ready()
            yield Servers(kafka, postgres)
        finally:
            postgres.stop()
    finally:
        kafka.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def pause(seconds: float) -> None:
    """Real processes take real time."""
    threading_pause(seconds)
