"""Thousands of dead letters, by the commands, with a replay that is killed and one that is interrupted."""

import asyncio
import json
import signal

import pytest
from pydantic import SecretStr

from connector.bus.letter_reader import LetterReader
from connector.bus.producer import Outgoing
from connector.bus.publisher import Publisher
from connector.bus.replay import replayed_from
from connector.bus.topics import administration, create
from connector.clock import SystemClock
from connector.settings import Settings
from contracts.dead_letters import Letter, headers_of
from contracts.entities import Stock, StockLevel
from contracts.events import changed, encode
from contracts.topics import TopicNames, plan
from tests.acceptance.system import SECRET_KEY, System, until

_COUNT = 1200


def _settings(system: System) -> Settings:
    return Settings(
        kafka_bootstrap_servers=system.bootstrap,
        topic_prefix=system.prefix,
        topic_partitions=4,
        database_url=system.database_url,
        secret_key=SecretStr(SECRET_KEY),
    )


async def _refuse(settings: Settings) -> None:
    names, clock = TopicNames(settings.topic_prefix), SystemClock()
    source = names.of("stock")
    async with administration(settings) as admin:
        await create(admin, plan(names, 4))
    records = []
    for number in range(_COUNT):
        event = changed(Stock(sku=f"S-{number}", levels=(StockLevel(level=1),)), connection="acme", source="erp")
        key, value, headers = encode(event)
        code = "duplicate" if number % 2 else "sku_missing"
        letter = Letter(
            source, number % 4, number, "sparklayer", "apply", "Refused", "no", clock.now(), 409, code, (), "acme",
            "stock", f"S-{number}",
        )  # fmt: skip
        topic = names.dead_letters(source, "sparklayer")
        records.append(Outgoing(topic, key, value, headers_of(letter, headers), number % 4))
    async with Publisher.connected(settings, clock) as publisher:
        await publisher.send_records(records)


async def _replayed(settings: Settings) -> list[str | None]:
    topic = TopicNames(settings.topic_prefix).of("stock")
    return [replayed_from(record) async for record in LetterReader(settings).read([topic])]


def _newest(system: System) -> dict[str, object]:
    found: list[dict[str, object]] = system.json("dlq", "replays")
    return found[0] if found else {"sent": 0}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_interrupted_replay_is_resumed_with_what_is_left(system: System) -> None:
    settings = _settings(system)
    asyncio.run(_refuse(settings))
    assert system.command("dlq", "list", "--count") == f"{_COUNT}\n"
    few = system.command("dlq", "list", "--code", "duplicate", "--limit", "5")
    assert "600 dead letters, 595 more than shown" in few
    assert [group["letters"] for group in system.json("dlq", "summary")] == [600, 600]
    (system.folder / "fix.json").write_text('[{"op": "replace", "path": "/data/levels/0/level", "value": 2}]')
    tried = system.command("dlq", "replay", "--code", "duplicate", "--transform", "fix.json", "--dry-run")
    assert '+        "level": 2' in tried
    assert "600 would be sent, 0 left alone" in tried

    # Killed: what is on record is not sent again, at most one slice is.
    system.start("replay", "dlq", "replay", "--code", "duplicate", "--rate", "40", "--json")
    until("some letters are on record", lambda: int(str(_newest(system)["sent"])) >= 40)
    system.kill("replay")
    killed = _newest(system)
    done = system.json("dlq", "replay", "--resume", str(killed["id"]))
    assert (done["replay_id"], done["selected"], done["sent"], done["skipped"]) == (killed["id"], 600, 600, 0)
    sent = asyncio.run(_replayed(settings))
    assert len(set(sent)) == 600
    assert 600 <= len(sent) <= 640

    # Interrupted: nothing at all goes twice.
    process = system.start("replay", "dlq", "replay", "--code", "sku_missing", "--rate", "40")
    until("some letters are on record", lambda: 0 < int(str(_newest(system)["sent"])) < 600)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert system.processes.pop("replay") is process
    stopped = _newest(system)
    assert (stopped["state"], stopped["outcome"]) == ("interrupted", "stopped")
    assert f"to go on with the rest: paylayer dlq replay --resume {stopped['id']}" in system.log("replay")
    assert "interrupted" in system.command("dlq", "replays")
    assert "600 sent again" in system.command("dlq", "replay", "--resume", str(stopped["id"]))
    again = asyncio.run(_replayed(settings))
    assert (len(again) - len(sent), len(set(again))) == (600, 1200)
    assert {letter["state"] for letter in system.json("dlq", "list")} == {"replayed"}

    # A file of all of it, put back: nothing is there twice.
    system.command("dlq", "export", "--file", "letters.jsonl")
    assert len((system.folder / "letters.jsonl").read_text().splitlines()) == _COUNT
    put = system.json("dlq", "import", "letters.jsonl")
    assert put == {"lines": _COUNT, "added": 0, "there": _COUNT, "dry_run": False}
    sent_again = json.loads(system.command("dlq", "import", "letters.jsonl", "--replay", "--json"))
    assert (sent_again["selected"], sent_again["sent"]) == (0, 0)  # all of them were replayed already
