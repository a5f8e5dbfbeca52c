"""Pauses of one side and stopped partitions, as the commands make, show and end them."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from commands import ADD, Shell

from connector.app.core import Core, open_core
from connector.settings import load


def with_core(work: Any) -> Any:
    async def run() -> Any:
        async with open_core(load()) as core:
            return await work(core)

    return asyncio.run(run())


def sides(shell: Shell) -> dict[str, Any]:
    (found,) = json.loads(shell.run("status", "--json").out)["connections"]
    return dict(found["sides"])


def test_one_side_is_paused_and_resumed_by_hand(shell: Shell) -> None:
    shell.run(*ADD)
    paused = shell.run("connections", "pause", "acme", "--side", "sparklayer")
    assert "connections resume acme --side sparklayer" in " ".join(paused.out.split())
    found = sides(shell)
    assert found["sparkpay"]["paused"] is None
    assert found["sparkpay"]["pause"] is None
    assert "by hand" in found["sparklayer"]["paused"]
    assert found["sparklayer"]["pause"]["kind"] == "by hand"
    assert found["sparklayer"]["pause"]["next_probe"] is None
    assert "until somebody resumes it" in " ".join(shell.run("status").out.split())
    assert shell.run("connections", "resume", "acme", "--side", "sparkpay").code == 0
    assert sides(shell)["sparklayer"]["paused"] is not None, "the other side stays as it is"
    assert shell.run("connections", "resume", "acme", "--side", "sparklayer").out == "acme (sparklayer) goes on\n"
    assert sides(shell)["sparklayer"]["paused"] is None


def test_a_side_that_tries_again_says_when(shell: Shell) -> None:
    shell.run(*ADD)

    async def work(core: Core) -> None:
        soon = core.clock.now() + timedelta(minutes=5)
        await core.pauses.pause("acme", "sparkpay", "the token is revoked", soon, kind="credentials")

    with_core(work)
    shown = " ".join(shell.run("status").out.split())
    assert "sparkpay is PAUSED (credentials) for" in shown
    assert "tries again in 29" in shown or "tries again in 30" in shown
    assert "the token is revoked" in shown
    pause = sides(shell)["sparkpay"]["pause"]
    assert (pause["kind"], pause["probes"], pause["reason"]) == ("credentials", 0, "the token is revoked")


def test_a_side_that_does_not_exist_is_named(shell: Shell) -> None:
    shell.run(*ADD)
    for command in ("pause", "resume"):
        wrong = shell.run("connections", command, "acme", "--side", "left")
        assert wrong.code == 2
        assert "sparklayer" in wrong.err
    assert shell.run("topics", "resume", "--side", "left").code == 2


def test_stopped_partitions_are_shown_and_released(shell: Shell) -> None:
    async def work(core: Core) -> None:
        for partition in (1, 2):
            await core.stops.stopped("sparklayer", "paylayer.stock", partition, "a flood")
        await core.stops.stopped("sparkpay", "paylayer.prices", 0, "a flood")

    with_core(work)
    told = json.loads(shell.run("status", "--json").out)["stopped_partitions"]
    assert [(stop["side"], stop["topic"], stop["partition"]) for stop in told] == [
        ("sparklayer", "paylayer.stock", 1), ("sparklayer", "paylayer.stock", 2), ("sparkpay", "paylayer.prices", 0),
    ]  # fmt: skip
    assert "STOPPED" in shell.run("status").out
    assert shell.run("topics", "resume", "--topic", "paylayer.stock").out == "2 partitions go on\n"
    assert shell.run("topics", "resume", "--side", "sparkpay").out == "1 partitions go on\n"
    assert shell.run("topics", "resume").out == "no partition is stopped\n"
