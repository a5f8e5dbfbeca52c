"""A whole run with everything that can go wrong with logins, and no secret in anything that anybody can read."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from connector.state.database import Database
from connector.state.tables import metadata, tokens
from connector.state.vault import Vault
from tests.acceptance.system import ADMIN_TOKEN, SECRET, SECRET_KEY, TOKEN, System, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DATABASE_PASSWORD = "database-pass-4c7e90"
SASL_PASSWORD = "sasl-pass-6b21f07d"
IGNITE_TOKEN = "ignite-token-88ab31"
WRONG_TOKEN = "wrong-store-token-c01d"
WRONG_SECRET = "wrong-site-secret-77e2"
API = ("status", "connections", "problems", "topics")


@contextlib.contextmanager
def everything_told(system: System) -> Iterator[list[tuple[str, str]]]:
    """Collects what is said, each with where; at the end no secret may be in any of it."""
    told: list[tuple[str, str]] = []
    yield told
    # The sandboxes stand for the outside, and say on purpose which keys they take.
    logs = [path for path in system.folder.glob("*.log") if path.stem not in ("sparkpay", "sparklayer")]
    told += [(path.name, path.read_text(errors="replace")) for path in logs]
    secrets = [TOKEN, SECRET, SECRET_KEY, ADMIN_TOKEN, DATABASE_PASSWORD, SASL_PASSWORD, IGNITE_TOKEN, WRONG_TOKEN]
    secrets += [WRONG_SECRET, *asyncio.run(access_tokens(system))]
    assert len(secrets) > 9, "a run buys access tokens"
    assert sum(len(text) for _, text in told) > 10_000
    found = [(where, secret) for where, text in told for secret in secrets if secret in text]
    assert found == []


async def access_tokens(system: System) -> list[str]:
    """The access tokens that the run bought, unsealed."""
    db = await Database.open(system.database_url)
    try:
        async with db.read() as transaction:
            sealed = (await transaction.execute(sa.select(tokens.c.token))).scalars().all()
        return [Vault(SECRET_KEY).unseal(text) for text in sealed]
    finally:
        await db.close()


def test_no_secret_is_told_anywhere(system: System) -> None:
    if system.database_url.startswith("postgresql"):  # a server that trusts takes any password, and so has one to keep
        parts = urlsplit(system.database_url)
        user, _, host = parts.netloc.rpartition("@")
        system.database_url = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{DATABASE_PASSWORD}@{host}"))
    system.extra = {"PAYLAYER_LOG_LEVEL": "DEBUG", "PAYLAYER_IGNITE_TOKEN": IGNITE_TOKEN}
    system.sandboxes(products=12)
    status = system.pay("GET", "state")["product_statuses"][0]["id"]
    category = system.pay("GET", "state")["categories"][0]["id"]
    system.edit(
        "insert",
        "products",
        item_name="No Number",
        item_number="",
        price="5.00",
        product_status_id=status,
        primary_category_id=category,
        quantity_on_hand=3,
    )
    with everything_told(system) as told:
        system.connect(sync=False)
        for form in ("json", "console"):
            work(system, form, told)
        refused_logins(system, told)
        told += [("topics", text) for text in records(system)]
    stored = b"".join(path.read_bytes() for path in system.folder.glob("state.sqlite3*"))
    if not stored:
        stored = asyncio.run(rows_of(system)).encode()
    assert len(stored) > 10_000
    for secret in (TOKEN, SECRET, SECRET_KEY, ADMIN_TOKEN, *asyncio.run(access_tokens(system))):
        assert secret.encode() not in stored, "credentials are sealed at rest"


def work(system: System, form: str, told: list[tuple[str, str]]) -> None:
    """A service that logs in this form syncs, is asked everything, loses its keys and gets them back."""
    system.extra = {**system.extra, "PAYLAYER_LOG_FORMAT": form}
    name = f"service-{form}"
    system.service(name)
    assert system.json("sync", "acme", "--full", "--wait")["state"] == "done"
    base, headers = f"http://127.0.0.1:{system.http_port}", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    told += [
        (path, httpx.get(f"{base}{path}", timeout=30).text) for path in ("/metrics", "/health/live", "/health/ready")
    ]
    told += [(f"/api/{path}", httpx.get(f"{base}/api/{path}", headers=headers, timeout=30).text) for path in API]
    told.append(("refused", httpx.get(f"{base}/api/status", headers={"Authorization": "Bearer no"}, timeout=30).text))
    for command in (
        ("connections", "show", "acme"),
        ("connections", "list", "--json"),
        ("connections", "check", "acme"),
        ("status", "--json"),
        ("status", "acme"),
        ("dlq", "list", "--json"),
        ("dlq", "export"),
        ("topics", "check"),
        ("doctor",),
    ):
        told.append((" ".join(command), system.command(*command)))
    (letter,) = system.json("dlq", "list", "--code", "sku_missing", "--state", "new")[:1]
    told.append(("dlq show", system.command("dlq", "show", letter["id"])))
    system.layer("POST", "revoke", {"keys": True})
    row = next(r for r in system.pay("GET", "state")["products"] if r["item_number"] and not r["use_variant_inventory"])
    system.edit("update", "products", row["id"], item_name=f"Renamed for {form}")
    until("the side pauses", lambda: paused(system), 60)
    told.append(("status of a paused side", system.command("status", "--json")))
    told.append(("check of revoked keys", system.command("connections", "check", "acme", code=1)))
    system.layer("POST", "revoke", {"keys": False})
    system.command("connections", "resume", "acme")
    system.quiet()
    system.end(name)
    assert system.log(name), "at DEBUG something is logged"


def paused(system: System) -> Any:
    return system.json("status", "acme")["connections"][0]["sides"]["sparklayer"]["paused"]


def refused_logins(system: System, told: list[tuple[str, str]]) -> None:
    """Every login that can be refused: both platforms, the broker, the database, the vault."""
    system.command("connections", "update", "acme", "--sparkpay-token", WRONG_TOKEN, "--client-secret", WRONG_SECRET)
    told.append(("wrong credentials", system.command("connections", "check", "acme", code=1)))
    broken = system.command("connections", "update", "acme", "--sparkpay-token", f"{TOKEN}\n{SECRET}", code=2)
    told.append(("a token with a line break", broken))
    system.command("connections", "update", "acme", "--sparkpay-token", TOKEN, "--client-secret", SECRET)
    before = dict(system.extra)
    for what, values, arguments, code in (
        (
            "sasl",
            {
                "PAYLAYER_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
                "PAYLAYER_KAFKA_SASL_USERNAME": "u",
                "PAYLAYER_KAFKA_SASL_PASSWORD": SASL_PASSWORD,
            },
            ("topics", "check"),
            1,
        ),
        ("sasl without protocol", {"PAYLAYER_KAFKA_SASL_PASSWORD": SASL_PASSWORD}, ("topics", "check"), 2),
        ("database", {"PAYLAYER_DATABASE_URL": f"postgresql://u:{DATABASE_PASSWORD}@127.0.0.1:9/d"}, ("status",), 1),
        ("database address", {"PAYLAYER_DATABASE_URL": f"postgresql://u:{DATABASE_PASSWORD}@h:port/d"}, ("status",), 2),
        ("another key", {"PAYLAYER_SECRET_KEY": f"{SECRET_KEY}-another"}, ("connections", "show", "acme"), 2),
        ("short key", {"PAYLAYER_SECRET_KEY": SASL_PASSWORD}, ("connections", "show", "acme"), 2),
        ("setting", {"PAYLAYER_HTTP_PORT": IGNITE_TOKEN}, ("status",), 2),
    ):
        system.extra = {**before, **values}
        told.append((f"refused: {what}", system.command(*arguments, code=code)))
    system.extra = before


def records(system: System) -> list[str]:
    """Every record of every topic of this deployment, with its key and its headers."""
    consumer = Consumer(
        {"bootstrap.servers": system.bootstrap, "group.id": f"{system.prefix}-reader", "enable.auto.commit": False}
    )
    try:
        topics = [
            topic for name, topic in consumer.list_topics(timeout=30).topics.items() if name.startswith(system.prefix)
        ]
        places = [
            TopicPartition(topic.topic, number, OFFSET_BEGINNING) for topic in topics for number in topic.partitions
        ]
        consumer.assign(places)
        found, quiet_at = [], time.monotonic() + 10
        while time.monotonic() < quiet_at:
            message = consumer.poll(1.0)
            if message is not None and not message.error():
                found.append(repr((message.key(), message.headers(), message.value())))
                quiet_at = time.monotonic() + 3
        assert any(".dlt" in place.topic for place in places)
        assert len(found) > 12
        return found
    finally:
        consumer.close()


async def rows_of(system: System) -> str:
    """Everything that the PostgreSQL database holds."""
    connection = await asyncpg.connect(system.database_url)
    try:
        return json.dumps(
            [
                [str(value) for value in row.values()]
                for table in metadata.tables
                for row in await connection.fetch(f'SELECT * FROM "{table}"')  # noqa: S608 - our own names
            ]
        )
    finally:
        await connection.close()
