import pytest
from aiokafka import TopicPartition

from connector.bus.intake_health import Pulse
from connector.bus.intake_policy import IntakePolicy
from connector.clock import SteppedClock

_ONE, _TWO = TopicPartition("t", 1), TopicPartition("t", 2)


def test_health_is_progress() -> None:
    clock = SteppedClock()
    pulse = Pulse(clock)
    pulse.tick()
    healthy = pulse.report(running=True, assigned=2, held=0)
    assert healthy.live()
    assert healthy.ready()
    clock.advance(31)
    assert not pulse.report(running=True, assigned=2, held=0).live()  # the loop is silent
    pulse.tick()
    assert not pulse.report(running=False, assigned=2, held=0).live()
    assert not pulse.report(running=True, assigned=0, held=0).ready()


def test_the_oldest_unfinished_record_counts() -> None:
    clock = SteppedClock()
    pulse = Pulse(clock)
    pulse.opened(_ONE)
    clock.advance(200)
    pulse.opened(_TWO)
    pulse.opened(_ONE)  # it came again: still the same wait
    pulse.failed(_ONE, "the database is away")
    clock.advance(150)
    pulse.tick()
    report = pulse.report(running=True, assigned=2, held=1)
    assert (report.oldest_unfinished_age, report.failing) == (350, "the database is away")
    assert not report.live()
    assert not report.ready()
    pulse.finished(_ONE)
    report = pulse.report(running=True, assigned=2, held=0)
    assert (report.oldest_unfinished_age, report.failing) == (150, None)
    pulse.lag["t", 1] = 7
    pulse.forget()
    assert pulse.report(running=True, assigned=0, held=0).oldest_unfinished_age == 0
    assert pulse.report(running=True, assigned=0, held=0).total_lag() == 0


def test_delays_grow_to_a_limit() -> None:
    policy = IntakePolicy(first_delay=0.2, longest_delay=10)
    assert [policy.delay(failures) for failures in (1, 2, 3, 7, 5000)] == [0.2, 0.4, 0.8, 10, 10]


def test_a_drain_longer_than_the_session_is_no_policy() -> None:
    with pytest.raises(ValueError, match="not an intake policy"):
        IntakePolicy(drain_seconds=10, session_seconds=10)
