"""The window's rules against a simulated store: never above the limit, hardly a call of it unused."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.budget.policy import Window
from connector.budget.reserve import Reserve
from connector.ports import Priority
from tests.unit.budget.store import NO_RESERVE, Simulation, Store

LIMITS = (5, 10, 20, 50)
NOW = 1_000_000.0


def simulation(limit: int, seed: int, **how: object) -> Simulation:
    phase = random.Random(seed * 7 + limit).uniform(0, 10)
    counter = bool(how.pop("counter", True))
    return Simulation(Store(limit, 10.0, phase, counter), seed, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("priority", [Priority.LIVE, Priority.SYNC])
@pytest.mark.parametrize("limit", LIMITS)
def test_a_backlog_uses_the_window_and_nothing_is_refused(limit: int, priority: Priority) -> None:
    shares = []
    for seed in range(6):
        run = simulation(limit, seed, priority=priority).run(200)
        assert run.store.refused == 0
        shares.append(run.share(30, 200))
    assert min(shares) >= 0.95
    assert sum(shares) / len(shares) >= 0.97


@pytest.mark.parametrize("limit", LIMITS)
def test_a_cold_start_is_never_refused_and_quick(limit: int) -> None:
    for seed in range(30):
        run = simulation(limit, seed).run(11)
        assert run.store.refused == 0
        assert sum(at < run.begin + 2 for at in run.store.arrivals) >= min(limit, limit * 0.9)


@pytest.mark.parametrize("limit", LIMITS)
def test_a_crash_in_the_middle_of_a_window_refuses_nothing(limit: int) -> None:
    for seed in range(20):
        crash = random.Random(seed).uniform(0, 25)
        run = simulation(limit, seed, crash_at=crash).run(70)
        assert run.store.refused == 0
        assert run.store.arrivals[-1] > run.begin + 55  # and it goes on


@pytest.mark.parametrize("limit", LIMITS)
def test_without_a_counter_the_slots_alone_keep_the_limit(limit: int) -> None:
    run = simulation(limit, 1, counter=False, reserve=NO_RESERVE).run(600)
    assert run.store.refused == 0
    assert run.store.busiest_span() <= limit
    assert run.share(30, 600) >= 0.95


@pytest.mark.parametrize(("limit", "most"), [(5, 0.02), (20, 0.01), (50, 0.005)])
def test_other_applications_are_seen_and_left_room(limit: int, most: float) -> None:
    runs = [simulation(limit, seed, others=limit * 0.03).run(300) for seed in range(6)]
    calls = sum(len(run.store.arrivals) for run in runs)
    assert sum(run.store.refused for run in runs) / calls <= most
    assert min(run.share(30, 300) for run in runs) >= 0.6  # what they might still use is left to them


@settings(max_examples=100)
@given(
    limit=st.integers(1, 60),
    phase=st.floats(0, 10),
    seed=st.integers(0, 10_000),
    latency=st.tuples(st.floats(0.001, 0.6), st.floats(0.6, 3.0)),
    priority=st.sampled_from(list(Priority)),
    crash_at=st.none() | st.floats(0, 30),
)
def test_whatever_the_phase_and_the_latency_no_window_is_exceeded(
    *, limit: int, phase: float, seed: int, latency: tuple[float, float], priority: Priority, crash_at: float | None
) -> None:
    run = Simulation(
        Store(limit, 10.0, phase), seed, callers=2 * limit, latency=latency, priority=priority, crash_at=crash_at
    ).run(60)
    assert run.store.refused == 0


@settings(max_examples=40)
@given(limit=st.integers(1, 30), seed=st.integers(0, 10_000), latency=st.tuples(st.floats(0, 0.1), st.floats(0.1, 4)))
def test_without_a_counter_no_span_of_a_period_holds_more_than_the_limit(
    limit: int, seed: int, latency: tuple[float, float]
) -> None:
    run = Simulation(Store(limit, 10.0, 3.0, counter=False), seed, callers=2 * limit, latency=latency).run(50)
    assert run.store.busiest_span() <= limit


def window(limit: int = 50, reserve: Reserve | None = None) -> Window:
    return Window.load(None, limit=limit, period=10.0, now=NOW, reserve=reserve)


def test_cold_one_probe_leaves_and_opens_what_is_free() -> None:
    cold = window(10)
    assert cold.wait(NOW, Priority.LIVE) == 0
    cold.leave("probe", NOW)
    assert cold.wait(NOW, Priority.LIVE) > 0
    cold.reply("probe", NOW + 0.2, used=7, limit=10)
    assert cold.wait(NOW + 0.3, Priority.LIVE) == 0
    cold.leave("c1", NOW + 0.3)
    assert cold.wait(NOW + 0.3, Priority.LIVE) > 0, "others fill the window as well: one at a time"
    cold.reply("c1", NOW + 0.5, used=8, limit=10)
    assert cold.wait(NOW + 0.5, Priority.LIVE) == 0
    cold.leave("c2", NOW + 0.5)
    cold.reply("c2", NOW + 0.7, used=9, limit=10)
    assert cold.wait(NOW + 0.7, Priority.LIVE) > 0, "six of the nine were somebody else's: one more is left to them"


def test_while_others_call_only_the_first_part_of_a_window_is_used_side_by_side() -> None:
    shared = window(20)
    shared.leave("probe", NOW)
    shared.reply("probe", NOW + 0.1, used=3, limit=20)
    at = NOW + 0.2
    side_by_side = 0
    while shared.wait(at, Priority.INTERACTIVE) == 0:
        shared.leave(f"c{side_by_side}", at)
        side_by_side += 1
    assert 3 + side_by_side == 12, "up to six tenths of the window"
    for number in range(side_by_side):
        shared.reply(f"c{number}", at + 0.1, used=4 + number, limit=20)
    alone = 0
    while shared.wait(at := at + 0.2, Priority.INTERACTIVE) == 0:
        shared.leave(f"d{alone}", at)
        assert shared.wait(at, Priority.INTERACTIVE) > 0, "after that one by one"
        shared.reply(f"d{alone}", at + 0.1, used=13 + alone, limit=20)
        alone += 1
    assert 12 + alone == 18, "and a tenth is left to the others"


def test_a_probe_that_says_nothing_waits_for_a_whole_period() -> None:
    cold = window(10)
    cold.leave("probe", NOW)
    cold.reply("probe", NOW + 0.2)
    assert cold.wait(NOW + 0.3, Priority.LIVE) == pytest.approx(9.7)
    assert cold.wait(NOW + 10.01, Priority.LIVE) == 0


def test_the_store_may_change_the_plan() -> None:
    known = window(50)
    known.leave("a", NOW)
    known.reply("a", NOW + 0.1, used=1, limit=5)
    assert known.limit == 5
    again = Window.load(known.dump(), limit=50, period=10.0, now=NOW + 1)
    assert again.limit == 5  # what the store said stays
    other = Window.load(known.dump(), limit=20, period=10.0, now=NOW + 1)
    assert other.limit == 5  # also for a process with other settings
    other.leave("b", NOW + 11)
    other.reply("b", NOW + 11.1, used=1, limit=50)
    assert other.limit == 50


def test_a_429_holds_everybody() -> None:
    known = window(10)
    known.leave("a", NOW)
    known.throttled("a", NOW + 0.1, 3.0)
    assert known.wait(NOW + 0.2, Priority.INTERACTIVE) == pytest.approx(2.9)
    assert known.snapshot(NOW + 0.2)[3] == pytest.approx(NOW + 3.1)
    assert known.wait(NOW + 3.2, Priority.LIVE) == 0
    assert known.snapshot(NOW + 3.2)[3] is None


def test_a_call_given_back_was_never_made() -> None:
    known = window(1)
    known.leave("a", NOW)
    assert known.wait(NOW, Priority.LIVE) > 0
    known.give_back("a")
    assert known.wait(NOW, Priority.LIVE) == 0


def test_a_lost_call_is_given_up_after_a_while() -> None:
    known = window(1)
    known.leave("a", NOW)
    assert known.wait(NOW + 19, Priority.LIVE) > 0
    assert known.wait(NOW + 20 + 10.1, Priority.LIVE) == 0
    known.reply("a", NOW + 31, used=1, limit=1)  # it came after all: counted already
    assert known.wait(NOW + 31, Priority.LIVE) == 0


def test_urgent_calls_find_room_that_the_others_left_until_the_window_ends() -> None:
    known = window(50)
    known.leave("probe", NOW)
    known.reply("probe", NOW + 0.1, used=1, limit=50)
    left = dict.fromkeys(Priority, 0)
    for priority in (Priority.SYNC, Priority.LIVE, Priority.INTERACTIVE):
        while known.wait(NOW + 0.2, priority) == 0:
            known.leave(f"{priority}-{left[priority]}", NOW + 0.2)
            left[priority] += 1
    assert (left[Priority.SYNC], left[Priority.LIVE], left[Priority.INTERACTIVE]) == (46, 1, 2)


@pytest.mark.parametrize(("limit", "kept"), [(5, 0), (10, 0), (20, 1), (50, 3), (100, 6)])
def test_small_plans_keep_nothing_back(limit: int, kept: int) -> None:
    assert Reserve().kept(Priority.SYNC, limit) == kept
    assert Reserve().kept(Priority.INTERACTIVE, limit) == 0


def test_a_stored_window_is_the_same_window() -> None:
    run = simulation(20, 3).run(33.3)
    now = run.begin + 33.3
    known = run.window(now)
    again = Window.load(known.dump(), limit=20, period=10.0, now=now)
    assert again.dump() == known.dump()
    assert again.wait(now, Priority.LIVE) == known.wait(now, Priority.LIVE)


def test_a_clock_set_far_back_starts_anew() -> None:
    known = window(1)
    known.leave("a", NOW)
    known.reply("a", NOW + 0.1, used=1, limit=1)
    assert known.wait(NOW - 3600, Priority.LIVE) == 0
    assert 0 < known.snapshot(NOW - 3600)[1] <= 1
