"""`paylayer problems list`: what is not where it should be, with the page that mends it."""

import asyncio
import json
from datetime import UTC, datetime

from commands import ADD, SECRET_KEY, Shell
from pydantic import SecretStr

from connector.app.core import open_core
from connector.clock import SteppedClock
from connector.ports import Unmapped
from connector.settings import Settings
from connector.state.problems import Problem
from connector.state.unmapped import UnmappedEntities

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def record(shell: Shell) -> None:
    async def work() -> None:
        url = f"sqlite:///{shell.folder / 'state.sqlite3'}"
        async with open_core(Settings(database_url=url, secret_key=SecretStr(SECRET_KEY)), SteppedClock(NOON)) as core:
            skip = Problem("sku_missing", "variant 7 has no SKU", "7")
            await core.problems.replace("acme", "sparklayer", "product", "sparkpay:18", [skip])
            core.clock.advance(1)  # type: ignore[attr-defined]
            entities = UnmappedEntities(core.database, core.clock, "acme", "sparkpay")
            entities.found(Unmapped("order", "sparkpay:5", "total_missing", "it has no total"))
            await entities.save()
            core.last_writes.note("acme", "sparklayer", "product")
            await core.last_writes.save()

    asyncio.run(work())


def test_they_are_listed_the_newest_first(shell: Shell) -> None:
    shell.run(*ADD, "--no-sync")
    nothing = shell.run("problems", "list", "acme")
    assert (nothing.code, "no problems are known of acme" in nothing.out + nothing.err) == (0, True)
    record(shell)
    ended = shell.run("problems", "list", "acme")
    head, *rows = ended.out.splitlines()
    assert head.split() == ["SIDE", "ENTITY", "KEY", "PART", "TROUBLE", "CODE", "MESSAGE"]
    assert all(len(row) <= 80 for row in rows)
    assert [row.split()[1] for row in rows if row.split()[0] in ("sparkpay", "sparklayer")] == ["order", "product"]
    assert "2 problems: paylayer problems list acme" in shell.run("status", "acme").out


def test_json_has_every_field_with_the_page_and_the_limit_holds(shell: Shell) -> None:
    shell.run(*ADD, "--no-sync")
    record(shell)
    (newest,) = json.loads(shell.run("problems", "list", "acme", "--json", "--limit", "1").out)
    assert newest == {
        "connection": "acme",
        "side": "sparkpay",
        "entity": "order",
        "key": "sparkpay:5",
        "part": None,
        "code": "total_missing",
        "message": "it has no total",
        "since": "2026-01-01T12:00:01Z",
        "trouble": "unmapped",
        "url": "http://127.0.0.1:9/store/admin/accounting/OrderEdit.aspx?OrderID=5",
    }
    (status,) = json.loads(shell.run("status", "acme", "--json").out)["connections"]
    assert status["problems"] == 2
    assert status["sync_log"]["products"] == {
        "last_update": "2026-01-01T12:00:01Z",
        "full_sync_started": None,
        "last_full_sync": None,
        "last_full_sync_succeeded": None,
        "told_at": None,
        "refused": None,
    }
    assert set(status["sync_log"]) == {"products", "customers", "orders"}


def test_an_unknown_connection_is_a_sentence(shell: Shell) -> None:
    assert "there is no connection 'nope'" in shell.fails(2, "problems", "list", "nope")
