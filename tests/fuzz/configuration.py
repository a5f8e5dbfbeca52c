"""Settings: the environment, `paylayer.toml`, `--set KEY=VALUE`, addresses. What is taken has to be usable."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr

from connector.bus.security import client_options, faststream_security
from connector.cli.options import moment, pairs
from connector.clock import SteppedClock
from connector.engine.settling import settle
from connector.errors import PayLayerError
from connector.settings import ConnectionSettings, Settings, load
from connector.settings.addresses import host_for, require_id, require_url
from connector.settings.connection import keys
from connector.sparkpay.bundle import ProductBundle
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.product_state import Problem, state_of
from connector.state.address import parse, shown
from connector.state.inbox import Row
from connector.state.vault import Vault
from handlers.outcome import Waiting
from tests.fakes.sparkpay_ports import FakeBudget
from tests.fuzz import values
from tests.fuzz.playing import SECRETS, Fuzzed, leaked, told
from tests.support.sparkpay_bundles import known, price_row, product

_NAMES = tuple(Settings.model_fields)
_LIKELY = (
    "localhost:9092",
    "a:1,b:2",
    "SASL_SSL",
    "SASL_PLAINTEXT",
    "SSL",
    "SCRAM-SHA-256",
    "user",
    "paylayer",
    "12",
    "true",
    "DEBUG",
    "json",
    "[::1]:9092",
    "embedded",
    "/nowhere/ca.pem",
    "0.5",
    "inf",
    "nan",
    "1e400",
    "x" * 40,
)
_SECRET = (*SECRETS, "", "short", "é" * 40)
_URLS = (
    "https://shop.example",
    "http://localhost:8080/api/v1/",
    "https://[::1",
    "https://[v1.x]",
    "https://a:b@c",
    "https://:p@c",
    "//x",
    "https://shop.example:99999",
    "https://shop.example:x",
    "https://xn--a.example",
    "https://\uff41.example",
    "http://",
    "shop",
    "https://a b",
    "ftp://x",
    "https://\u2100.example",
    "https://shop.example?x=1",
    "https://shop.example#x",
    "https://" + "a" * 300,
    "https://a..b",
)
_DATABASES = (
    f"postgresql://user:{SECRETS[3]}@host:5432/name",
    f"postgresql://user:{SECRETS[3]}@host:x/name",
    "sqlite:///a.db",
    f"postgres://u:{SECRETS[3]}@h/d?sslmode=require&x=1",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:///~nobody-at-all/a.db",
    "mysql://x/y",
    f"postgresql://u:{SECRETS[3]}@[::1/d",
    f"postgresql+psycopg://u:{SECRETS[3]}@h/d",
    "sqlite:////a\0b",
    "postgresql:///d?host=/a&host=/b",
    "",
    "x",
    f"postgresql://u:{SECRETS[3]}%zz@h:1/d",
    f"POSTGRESQL://u:{SECRETS[3]}@h/d",
)


@dataclass(frozen=True)
class Given:
    """One place of configuration and what stands there."""

    place: str
    texts: tuple[tuple[str, str], ...]


class Configuration(Fuzzed):
    """A sentence that says what is wrong, or something that works."""

    name = "configuration"

    async def open(self) -> None:
        """A folder to read `paylayer.toml` from."""
        self._folder = tempfile.TemporaryDirectory(prefix="paylayer-fuzz-")

    async def close(self) -> None:
        """The folder goes."""
        self._folder.cleanup()

    def make(self, rng: Random) -> Given:
        def text(likely: tuple[str, ...]) -> str:
            chosen = rng.choice(likely) if rng.random() < 0.6 else values.text(rng)
            return chosen + values.text(rng) if rng.random() < 0.1 else chosen

        place = rng.choice(("environment", "file", "set", "set", "set", "url", "database", "id", "moment", "secret"))
        match place:
            case "environment" | "file":
                names = rng.sample(_NAMES, rng.randrange(1, 5))
                return Given(place, tuple((name, text(_SECRET if _is_secret(name) else _LIKELY)) for name in names))
            case "set":
                known_keys = keys()
                return Given(place, tuple((rng.choice(known_keys), _setting(rng)) for _ in range(rng.randrange(1, 4))))
            case "url":
                return Given(place, (("url", text(_URLS)),))
            case "database":
                return Given(place, (("url", text(_DATABASES)),))
            case _:
                return Given(place, (("text", text(("acme", "90m", "3d", "9" * 30 + "d", "2026-11-22", "²d", "s"))),))

    async def feed(self, given: Given) -> str:
        try:
            self._read(given)
            if given.place == "set":
                await self._used(dict(given.texts))
        except PayLayerError as error:
            return f"{given.place}: {told(error, longest=None)}"
        return f"{given.place}: taken"

    def _read(self, given: Given) -> None:
        text = given.texts[0][1]
        match given.place:
            case "environment":
                names = {f"PAYLAYER_{name.upper()}": value for name, value in given.texts}
                if any("\0" in value or _unprintable(value) for value in names.values()):
                    return  # no process can be given such a variable
                with _environment(names):
                    _process(load())
            case "file":
                lines = "".join(f"{name} = {_toml(value)}\n" for name, value in given.texts)
                Path(self._folder.name, "paylayer.toml").write_bytes(lines.encode("utf-8", "surrogatepass"))
                before = Path.cwd()
                os.chdir(self._folder.name)
                try:
                    with _environment({}):
                        _process(load())
                finally:
                    os.chdir(before)
            case "set":
                pairs([f"{name}={value}" for name, value in given.texts])
            case "url":
                address = require_url(text, "--sparkpay-url")
                assert "\n" not in address
                SparkPayClient(address, SecretStr("t"), budget=FakeBudget())
            case "database":
                assert not leaked(shown(parse(text)))
            case "id":
                require_id(text)
            case "moment":
                moment(text, "--since", datetime(2026, 11, 22, tzinfo=UTC))
                host_for(text)
            case _:
                vault = Vault("x" * 40)
                assert vault.unseal(vault.seal("a")) == "a"
                vault.unseal(text)

    async def _used(self, texts: Mapping[str, str]) -> None:
        """Settings that were taken are stored, read again, and work with a product and a row."""
        settings = ConnectionSettings().with_values(texts)
        again = ConnectionSettings.model_validate(settings.model_dump(mode="json", exclude_defaults=True))
        assert again == settings
        now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        problems: list[Problem] = []
        rows = (price_row(1, "9.50", customer_type_id=7, start_date="2026-12-01T00:00:00"),)
        state_of(ProductBundle(product(), prices=rows), known(), settings, now=now, on_problem=problems.append)
        assert not problems, problems
        row = Row("acme", "sparklayer", "stock", "A", now, "e", False, 1, "t", 0, 0, b"k", b"v", waiting_since=now)
        settle(row, Waiting("sku:A", "no"), now=now, policy=settings.apply, counted=False, delay=1.0)
        poll = settings.poll
        for seconds in (
            poll.stock_sweep_seconds,
            poll.deletion_sweep_seconds,
            poll.slowest_seconds,
            poll.overlap_seconds,
            settings.apply.linger_seconds,
            settings.apply.sync_linger_seconds,
            settings.sparkpay.window_seconds,
        ):
            assert now - timedelta(seconds=seconds) <= now + timedelta(seconds=seconds)
        assert await asyncio.wait_for(SteppedClock().sleep(poll.slowest_seconds), 10) is None


def _is_secret(name: str) -> bool:
    return name.endswith(("_key", "_password", "_token"))


def _setting(rng: Random) -> str:
    if rng.random() < 0.7:
        return rng.choice(
            (
                "0",
                "1",
                "-1",
                "0.5",
                "1e300",
                "inf",
                "nan",
                "null",
                "true",
                "[]",
                "[1,2]",
                '"x"',
                "all",
                "1,2,7",
                "9" * 400,
                "9" * 5000,
                "[" * 2000,
                "off",
                "both",
                "per_warehouse",
                "America/Chicago",
                "Nowhere/Land",
                "../../etc/passwd",
                "EUR",
                "10",
                "1000",
            )
        )
    return values.text(rng)


def _process(settings: Settings) -> None:
    """What a process does with them first."""
    assert not leaked(repr(settings))
    client_options(settings)
    faststream_security(settings)
    assert not leaked(shown(parse(settings.database)))
    settings.require_secret_key()


@contextmanager
def _environment(names: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PAYLAYER_")]:
        del os.environ[name]
    os.environ.update(names)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _unprintable(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _toml(text: Any) -> str:
    """Quoted as TOML wants it, or bare, as a beginner writes it."""
    if text[:1].isdigit() or text in ("true", "inf", "nan"):
        return str(text)
    quoted = "".join(
        char if char.isprintable() and char not in '"\\' else f"\\u{ord(char) & 0xFFFF:04X}" for char in text
    )
    return f'"{quoted}"'
