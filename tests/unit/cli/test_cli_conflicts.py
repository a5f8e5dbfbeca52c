"""`paylayer conflicts list`: a table of 80 columns, and JSON."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from commands import ADD, SECRET_KEY, Shell
from pydantic import SecretStr

from connector.app.core import open_core
from connector.settings import Settings
from connector.state.conflicts import Conflict

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def record(shell: Shell, *found: Conflict) -> None:
    async def work() -> None:
        url = f"sqlite:///{shell.folder / 'state.sqlite3'}"
        async with open_core(Settings(database_url=url, secret_key=SecretStr(SECRET_KEY))) as core:
            await core.conflicts.record(found)

    asyncio.run(work())


def conflict(number: int, *fields: str) -> Conflict:
    return Conflict(
        "acme", "customer", f"sparkpay:{number}", f"lost-{number}", "sparkpay", NOON, f"won-{number}", "sparklayer",
        NOON + timedelta(seconds=1), fields, NOON + timedelta(seconds=number),
    )  # fmt: skip


def test_they_are_listed_with_who_won_and_what_was_given_up(shell: Shell) -> None:
    shell.run(*ADD, "--no-sync")
    nothing = shell.run("conflicts", "list", "acme")
    assert (nothing.code, "no conflicts are on record of acme" in nothing.out + nothing.err) == (0, True)
    record(shell, conflict(1, "company", "phone"), conflict(2))
    ended = shell.run("conflicts", "list", "acme")
    assert ended.code == 0
    head, *rows = ended.out.splitlines()
    assert head.split() == ["ENTITY", "KEY", "WON", "LOST", "FIELDS"]
    assert all(len(row) <= 80 for row in rows)
    newest, _, oldest, _ = (" ".join(row.split()) for row in rows)
    assert newest == "customer sparkpay:2 sparklayer sparkpay 2026-01-01 all"
    assert oldest == "customer sparkpay:1 sparklayer sparkpay 2026-01-01 company, phone"
    assert rows[1].split() == ["2026-01-01", "12:00:01", "12:00:00"]
    assert "2 conflicts of both sides: paylayer conflicts list acme" in shell.run("status", "acme").out


def test_json_has_every_field_and_the_limit_holds(shell: Shell) -> None:
    shell.run(*ADD, "--no-sync")
    assert json.loads(shell.run("conflicts", "list", "acme", "--json").out) == []
    record(shell, conflict(1, "company"), conflict(2))
    (newest,) = json.loads(shell.run("conflicts", "list", "acme", "--json", "--limit", "1").out)
    assert newest == {
        "connection": "acme",
        "entity": "customer",
        "key": "sparkpay:2",
        "loser_event": "lost-2",
        "loser_source": "sparkpay",
        "loser_time": "2026-01-01T12:00:00Z",
        "winner_event": "won-2",
        "winner_source": "sparklayer",
        "winner_time": "2026-01-01T12:00:01Z",
        "fields": [],
        "found_at": "2026-01-01T12:00:02Z",
    }


def test_an_unknown_connection_is_a_sentence(shell: Shell) -> None:
    assert "there is no connection 'nope'" in shell.fails(2, "conflicts", "list", "nope")
