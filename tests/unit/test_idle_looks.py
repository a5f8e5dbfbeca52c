"""Hundreds of readers in one process keep to its own bound, few of them to their stores' alone."""

import math

import pytest

from connector.pace import IdleLooks, Pace


def test_a_few_readers_keep_their_pace_and_many_share_the_bound() -> None:
    idle = IdleLooks(2.0)
    paces = [Pace(tight=5.0, idle=10.0), Pace(tight=5.0, idle=2.5)]  # half a look a second
    readers = [object() for _ in range(8)]
    for reader in readers[:4]:
        idle.join(reader, paces)
    assert idle.slack == 1.0
    for reader in readers:
        idle.join(reader, paces)
    assert idle.slack == pytest.approx(2.0), "4 looks a second were planned, by each reader once"
    for reader in (*readers[4:], *readers[4:]):
        idle.leave(reader)
    assert idle.slack == 1.0


def test_the_slack_stretches_what_is_idle_and_not_what_changes() -> None:
    pace = Pace(tight=5.0, idle=30.0)
    pace.looked(100.0, found=False, slack=3.0)
    assert pace.due == pytest.approx(190.0)
    pace.looked(190.0, found=True, slack=3.0)
    assert pace.due == pytest.approx(195.0)


def test_without_a_bound_nobody_waits_for_others() -> None:
    idle = IdleLooks(math.inf)
    idle.join("one", [Pace(tight=1.0, idle=0.001)])
    assert idle.slack == 1.0
