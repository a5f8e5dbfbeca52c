"""What the commands print: JSON shapes that scripts rely on, and text that fits 80 columns."""

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime

import pytest
from commands import ADD, Shell

from connector.app.core import Core, open_core
from connector.app.letters import FoundLetter
from connector.app.syncs import report
from connector.bus.letter_reader import StoredLetter
from connector.cli.letter_text import as_lines, in_short
from connector.cli.output import ReaderLeft, as_json, table, visible
from connector.settings import Settings
from connector.state.runs import Run
from contracts.dead_letters import Letter

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def letter(message: str = "the product has no item number", value: bytes = b'{"a": 1}') -> FoundLetter:
    told = Letter(
        topic="paylayer.products", partition=3, offset=9, side="sparklayer", stage="apply", error_class="Refused",
        message=message, failed_at=WHEN, status=422, code="sku_missing", details=[{"part": "vi-1", "message": "blank"}],
        connection="acme", entity="product", key="sparkpay:18", attempts=2,
    )  # fmt: skip
    stored = StoredLetter("paylayer.products.sparklayer.dlt", 3, 17, WHEN, told, b"acme/sparkpay:18", value, ())
    return FoundLetter(stored, "new")


def test_status_has_the_shape_of_the_manual(shell: Shell) -> None:
    assert json.loads(shell.run("status", "--json").out) == {"connections": [], "workers": [], "stopped_partitions": []}
    assert shell.run(*ADD, "--no-sync").code == 0
    (found,) = json.loads(shell.run("status", "acme", "--json").out)["connections"]
    nothing = {"waiting": 0, "retrying": 0, "rejected": 0, "applied": 0, "paused": None, "pause": None}
    assert found == {
        "id": "acme",
        "state": "active",
        "sides": {side: nothing | {"oldest_waiting": None, "entities": {}} for side in ("sparklayer", "sparkpay")},
        "budget": {"limit": 50, "used": 0, "window_seconds": 10.0},
        "calls": {},
        "sync": None,
        "conflicts": 0,
        "problems": 0,
        "sync_log": found["sync_log"],
        "notes": [found["notes"][0]],
    }
    assert found["notes"][0].endswith(": paylayer connections update acme --b2b-customer-types all")
    assert found["notes"][0] in " ".join(shell.run("status", "acme").out.split())


def test_dlq_list_has_the_shape_of_the_manual() -> None:
    assert letter().report() == {
        "id": "paylayer.products.sparklayer.dlt:3:17",
        "topic": "paylayer.products.sparklayer.dlt",
        "side": "sparklayer",
        "entity": "product",
        "connection": "acme",
        "key": "sparkpay:18",
        "status": 422,
        "code": "sku_missing",
        "message": "the product has no item number",
        "failed_at": WHEN,
        "state": "new",
        "edited": False,
        "replay_id": None,
        "decided_at": None,
        "decided_by": None,
        "note": None,
        "replayed_from": None,
    }


@pytest.mark.usefixtures("shell")
async def test_sync_has_the_shape_of_the_manual() -> None:
    async with open_core(Settings()) as core:
        run = await finished_run(core)
    shown = report(run)
    named = ("id", "state", "read", "published", "applied", "unchanged", "rejected", "calls")
    assert {name: shown[name] for name in named} == {
        "id": run.id, "state": "done", "read": 5, "published": 9, "applied": 6, "unchanged": 2, "rejected": 1,
        "calls": {"sparkpay": 7, "sparklayer": 3},
    }  # fmt: skip
    assert shown["seconds"] >= 0


async def finished_run(core: Core) -> Run:
    run = await core.runs.request("acme", entities=(), full=True, requested_by="test")
    assert report(run)["seconds"] is None
    await core.runs.start(run.id)
    calls = {"sparkpay": 7, "sparklayer": 3}
    await core.runs.progress(run.id, read=5, published=9, applied=6, rejected=1, calls=calls)
    await core.runs.reading_done(run.id)
    await core.runs.settle_counts(run.id)
    return await core.runs.finish(run.id)


def test_connections_are_told_without_secrets(shell: Shell) -> None:
    assert shell.run("connections", "list", "--json").out == "[]\n"
    assert shell.run(*ADD).out.startswith("added acme: http://127.0.0.1:9 and tools (live) at http://127.0.0.1:9\n")
    (listed,) = json.loads(shell.run("connections", "list", "--json").out)
    shown = json.loads(shell.run("connections", "show", "acme", "--json").out)
    assert shown.pop("paused") == {}
    assert listed == shown
    assert datetime.fromisoformat(shown["created_at"]).tzinfo is not None
    assert "T" in shown["created_at"]
    assert set(shown) == {
        "id", "state", "sparkpay_url", "sparklayer_url", "site_id", "site_env", "client_id", "created_at",
        "updated_at", "settings",
    }  # fmt: skip
    assert shell.run("connections", "pause", "acme").code == 0
    assert json.loads(shell.run("connections", "show", "acme", "--json").out)["state"] == "paused"
    assert shell.run("connections", "resume", "acme").out == "acme goes on\n"
    assert shell.run("connections", "update", "acme", "--set", "stock.mode=per_warehouse").code == 0
    assert "per_warehouse" in shell.run("connections", "show", "acme").out


def test_check_and_doctor_say_what_does_not_answer(shell: Shell) -> None:
    assert shell.run(*ADD, "--sparkpay-limit", "10").code == 0
    checked = shell.run("connections", "check", "acme", "--json")
    assert checked.code == 1
    findings = json.loads(checked.out)
    assert {finding["side"] for finding in findings} == {"sparkpay", "sparklayer"}
    assert all(set(finding) == {"side", "what", "ok", "message"} for finding in findings)
    examined = shell.run("doctor", "--offline", "--json", PAYLAYER_TYPO="1")
    assert examined.code == 1
    told = {found["what"]: found for found in json.loads(examined.out)}
    assert told["settings"]["message"] == "unknown: PAYLAYER_TYPO"
    assert not told["kafka"]["ok"]
    assert told["database"]["ok"]
    assert told["service"] == {"what": "service", "ok": False, "message": "not running", "advice": "paylayer run"}


def test_contracts_are_written_where_they_are_wanted(shell: Shell) -> None:
    ended = shell.run("contracts", "export", "--to", "out")
    assert ended.code == 0
    assert (shell.folder / "out" / "asyncapi.yaml").exists()


def test_a_letter_in_short_keeps_its_id_whole_within_80_columns() -> None:
    lines = list(in_short(letter("no item number; " * 30).report(), 80))
    assert lines[0] == "paylayer.products.sparklayer.dlt:3:17  new"
    assert lines[1] == "  acme product sparkpay:18: 422 sku_missing"
    assert all(line.startswith("    ") for line in lines[2:])
    assert max(map(len, lines)) <= 80
    assert lines[-1].endswith(" ...")


def test_what_others_wrote_does_not_speak_to_the_terminal() -> None:
    assert visible("a\x1b[31mb\x07\n") == "a\\x1b[31mb\\x07\n"
    found = letter("bad \x1b[2J", b"\x1b]0;title\x07 [bold]no markup[/bold]")
    text = "\n".join([*in_short(found.report(), 80), *as_lines(found, None)])
    assert "\x1b" not in text
    assert "[bold]no markup[/bold]" in text
    out = io.StringIO()
    with redirect_stdout(out):
        table(("KEY",), [("[red]x[/red] :smile:",)], empty="")
    assert "[red]x[/red] :smile:" in out.getvalue()


def test_without_a_terminal_nothing_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = io.StringIO()
    with redirect_stdout(out):
        table(("URL", "WHAT"), [("x" * 300, "y")], empty="")
    assert "x" * 300 in out.getvalue()


def test_a_reader_that_left_is_no_failure() -> None:
    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with redirect_stdout(Broken()):
        with pytest.raises(ReaderLeft):
            as_json({})
        with pytest.raises(ReaderLeft):
            table(("A",), [("b",)], empty="")
