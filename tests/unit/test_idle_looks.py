"""Hundreds of readers in one process keep to its own bound, few of them to their stores' alone."""

import math

import pytest

from connector.pace import IdleLooks, Pace, ahead_of_others


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


@pytest.mark.parametrize("new", [False, True])
def test_those_who_begin_together_do_not_go_on_together(*, new: bool) -> None:
    """All readers of a process begin when it does; what each looks at every five minutes comes in no wave."""
    due, again = [], []
    for number in range(200):
        pace = Pace(tight=5.0, idle=300.0, ahead=ahead_of_others(f"shop-{number}", "warehouses"))
        if new:
            pace.begin_later(1000.0)
        else:
            pace.looked(1000.0, found=False)
        due.append(pace.due)
        pace.looked(pace.due, found=False)
        again.append(pace.due)
    assert all(1075.0 <= at <= 1300.0 for at in due)
    for start in range(1075, 1300, 45):
        assert 20 <= sum(start <= at < start + 45 for at in due) <= 60, "a fifth of them in each fifth of the time"
    assert again == [pytest.approx(at + 300.0) for at in due]
