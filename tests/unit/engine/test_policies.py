import random

import pytest

from connector.engine.policies import Backoff, Breaker, BreakerPolicy, TargetHealth


def test_a_backoff_grows_to_its_limit_and_keeps_its_jitter() -> None:
    backoff = Backoff(first_seconds=1, factor=2, longest_seconds=10, jitter=0.2)
    rng = random.Random(1)
    for failures, plain in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (50, 10)):
        delays = [backoff.delay(failures, rng) for _ in range(200)]
        assert all(plain * 0.8 <= delay <= plain * 1.2 for delay in delays)
        assert max(delays) > min(delays)


@pytest.mark.parametrize("wrong", [{"first_seconds": 0}, {"factor": 0.5}, {"longest_seconds": 0.1}])
def test_a_backoff_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not a back-off policy"):
        Backoff(**wrong)


def test_a_breaker_is_judged_only_when_its_window_is_full() -> None:
    breaker = Breaker(BreakerPolicy(window=10, ratio=0.8))
    for _ in range(8):
        breaker.record(refused=True)
    assert not breaker.open_if_refused(1)
    assert breaker.open_if_refused(2)


def test_a_breaker_stays_closed_while_enough_rows_succeed() -> None:
    breaker = Breaker(BreakerPolicy(window=10, ratio=0.8))
    for number in range(50):
        breaker.record(refused=number % 2 == 0)
    assert not breaker.open_if_refused(2)
    assert breaker.open_if_refused(10)
    breaker.reset()
    assert not breaker.open_if_refused(2)


def test_an_ill_platform_is_probed_and_a_success_ends_it() -> None:
    health = TargetHealth(Backoff(first_seconds=1, jitter=0), random.Random(0), ill_after=3)
    assert [health.failed(100.0, None) for _ in range(3)] == [1, 2, 4]
    assert health.ill
    assert health.hold_until == 104.0
    health.succeeded()
    assert not health.ill
    assert health.hold_until == 0.0


def test_the_platforms_own_word_on_waiting_counts() -> None:
    health = TargetHealth(Backoff(), random.Random(0))
    assert health.failed(10.0, 7.5) == 7.5
    assert health.hold_until == 17.5
