"""Several processes on one store: never above its limit, hardly a call unused, and what goes wrong passes."""

import logging

import pytest

from connector.ports import Priority
from tests.unit.budget.fleet import Fleet, fleet

LIMITS = (5, 10, 20, 50)
PERIOD = 10.0


def three(made: Fleet) -> None:
    """A full sync, an applier with a backlog, and commands."""
    made.start(*[Priority.SYNC] * 8)
    applier = made.start(*[Priority.SYNC] * 4)
    made.now_and_then(applier, Priority.LIVE, 15.0)
    made.now_and_then(made.start(), Priority.INTERACTIVE, 20.0)


@pytest.mark.parametrize("limit", LIMITS)
async def test_three_processes_use_the_window_and_nothing_is_refused(limit: int) -> None:
    shares = []
    for seed in range(3):
        async with fleet(limit, seed) as made:
            three(made)
            await made.run(150)
            assert made.store.refused == 0
            shares.append(made.share(30, 150))  # until then the window's start is being found
    assert min(shares) >= 0.92  # a call that slips over the border of a small window costs a few of the next
    assert sum(shares) / len(shares) >= 0.96


@pytest.mark.parametrize("limit", LIMITS)
async def test_urgent_calls_of_one_process_go_before_the_sync_of_another(limit: int) -> None:
    async with fleet(limit, 7) as made:
        three(made)
        await made.run(200)
        assert len(made.waits[Priority.INTERACTIVE]) >= 3
        assert max(made.waits[Priority.INTERACTIVE]) <= PERIOD + 1
        assert max(made.waits[Priority.LIVE]) <= 2 * PERIOD


async def test_equally_urgent_calls_go_in_the_order_of_their_age_over_all_processes() -> None:
    async with fleet(5, 3) as made:
        made.start(*[Priority.SYNC] * 20)
        made.start(Priority.SYNC)
        await made.run(300)
        assert sum(process == 1 for _, _, process in made.left) >= 5  # one in twenty-one, and it waits its turn


async def test_no_process_starves_for_ever() -> None:
    async with fleet(5, 4) as made:
        made.start(*[Priority.LIVE] * 8)
        made.start(Priority.SYNC)
        made.start(*[Priority.INTERACTIVE] * 8)
        await made.run(400)
        synced = [at for at, priority, _ in made.left if priority is Priority.SYNC]
        live = [at for at, priority, _ in made.left if priority is Priority.LIVE]
        assert len(synced) >= 2
        assert len(live) >= 5
        assert made.store.refused == 0
        assert sum(priority is Priority.INTERACTIVE for _, priority, _ in made.left) > len(made.left) / 2


@pytest.mark.parametrize("limit", LIMITS)
async def test_another_application_is_seen_and_hardly_anything_is_refused(limit: int) -> None:
    calls = refused = 0
    for seed in range(10, 12):
        async with fleet(limit, seed) as made:
            three(made)
            made.foreigner(steady=limit * 0.02, burst=max(2, round(limit * 0.3)))
            await made.run(240)
            calls, refused = calls + made.calls(), refused + made.store.refused
            late = [at for at in made.store.arrivals if at > made.now() - 2 * PERIOD]
            assert late, "it goes on"
            assert max(made.waits[Priority.INTERACTIVE], default=0) <= 3 * PERIOD
    assert refused <= max(4, 0.005 * calls)  # the first contact with it costs some


@pytest.mark.parametrize("seed", range(4))
async def test_the_slots_of_a_killed_process_come_back(seed: int) -> None:
    """All slots of a small plan are in flight when their process dies: one window and the time to connect, no more."""
    async with fleet(5, seed, latency=(3.0, 4.0)) as made:
        dying = made.start(*[Priority.SYNC] * 8)
        made.start(Priority.LIVE)
        await made.run(60)
        while len(made.rows.kept["shop"]["out"]) < 4:
            await made.run(made.clock.monotonic() + 0.25)
        killed = made.clock.monotonic()
        await made.kill(dying)
        await made.run(killed + 60)
        after = [at for at, _, _ in made.left if at > killed]
        assert after[0] - killed <= 10 + PERIOD + 1
        assert made.store.refused == 0


async def test_a_process_that_was_killed_while_it_waited_is_not_waited_for() -> None:
    async with fleet(1, 1) as made:
        dying = made.start(Priority.INTERACTIVE, Priority.INTERACTIVE)
        made.start(Priority.SYNC)
        await made.run(15)
        await made.kill(dying)
        killed = made.clock.monotonic()
        await made.run(killed + 60)
        assert any(at <= killed + 31 for at, priority, _ in made.left if priority is Priority.SYNC)
        assert made.store.refused == 0


@pytest.mark.parametrize("limit", [5, 50])
async def test_wrong_clocks_of_processes_change_nothing(limit: int) -> None:
    async with fleet(limit, 2) as made:
        for wrong_by in (-7.0, 0.0, 4.0, 3600.0):
            made.start(*[Priority.SYNC] * 4, wrong_by=wrong_by)
        await made.run(180)
        assert made.store.refused == 0
        assert made.share(0, 180) >= 0.95


@pytest.mark.parametrize(("limit", "jump"), [(5, 3.0), (5, -2.0), (10, 5.0)])
async def test_a_window_whose_start_jumps_is_found_again(limit: int, jump: float) -> None:
    async with fleet(limit, 1) as made:
        three(made)
        await made.run(40)
        made.store.phase += jump
        await made.run(70)
        assert made.store.refused <= 3  # what was in flight at the time
        before = made.store.refused
        await made.run(760)
        assert made.store.refused == before
        assert made.share(690, 760) >= 0.85  # after what looked like another application is forgotten


@pytest.mark.parametrize(("first", "then"), [(20, 5), (5, 20)])
async def test_the_plan_changes_while_all_processes_call(first: int, then: int) -> None:
    async with fleet(first, 5) as made:
        three(made)
        await made.run(60)
        made.store.limit = then
        await made.run(90)
        assert made.store.refused <= 15  # those in flight, and what others seemed to use
        before = made.store.refused
        await made.run(760)
        assert made.store.refused == before
        assert made.rows.kept["shop"]["limit"] == then
        assert made.share(710, 760) >= 0.8


async def test_processes_of_different_settings_believe_the_store() -> None:
    async with fleet(10, 6) as made:
        made.start(*[Priority.SYNC] * 4, configured=50)
        made.start(*[Priority.SYNC] * 4, configured=5)
        await made.run(180)
        assert made.store.refused == 0
        assert made.share(20, 180) >= 0.95


@pytest.mark.parametrize("limit", [5, 50])
async def test_without_the_database_nobody_calls(limit: int, caplog: pytest.LogCaptureFixture) -> None:
    async with fleet(limit, 8) as made:
        three(made)
        await made.run(42)
        made.rows.down = True
        with caplog.at_level(logging.ERROR, "paylayer.budget"):
            await made.run(43)
            calls, tries = made.calls(), made.rows.failures
            await made.run(58)
            assert made.calls() == calls
            assert made.rows.failures - tries <= 3 * 10
        assert 1 <= len(caplog.records) <= 3  # one of each process
        made.rows.down = False
        await made.run(160)
        assert made.store.refused == 0
        assert made.share(80, 160) >= 0.95


async def test_replies_that_come_late_or_never_keep_the_limit() -> None:
    async with fleet(10, 9, latency=(0.1, 25.0)) as made:
        made.start(*[Priority.SYNC] * 20)
        made.start(*[Priority.SYNC] * 20)
        await made.run(300)
        assert made.calls() > 100
        assert made.store.refused == 0


async def test_without_a_counter_the_fleet_keeps_the_limit() -> None:
    async with fleet(10, 11) as made:
        made.counter = False
        three(made)
        await made.run(200)
        assert made.store.refused == 0
        assert made.store.busiest_span() <= 10


async def test_few_transactions_for_each_call() -> None:
    async with fleet(50, 12) as made:
        three(made)
        await made.run(120)
        assert made.rows.changes <= 2.2 * made.calls()
        assert made.rows.reads <= made.calls()
