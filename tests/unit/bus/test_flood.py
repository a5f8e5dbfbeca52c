"""When a partition stops rather than pour its records into the dead letters."""

import pytest
from aiokafka import TopicPartition

from connector.bus.flood import FloodBrake, FloodPolicy
from connector.bus.intake_health import Pulse
from connector.bus.intake_policy import IntakePolicy
from connector.clock import SteppedClock

ONE, TWO = TopicPartition("t", 1), TopicPartition("t", 2)
GOOD, BAD = False, True


def worked(brake: FloodBrake, partition: TopicPartition, refused: list[bool]) -> int:
    length = brake.length(partition, refused)
    brake.count(partition, refused[:length])
    return length


def test_by_default_poison_never_stops_a_partition() -> None:
    brake = FloodBrake(IntakePolicy().flood)
    assert worked(brake, ONE, [BAD] * 100_000) == 100_000


def test_a_row_of_refusals_stops_a_partition_over_batches_and_no_other_one() -> None:
    brake = FloodBrake(FloodPolicy(in_a_row=5))
    assert worked(brake, ONE, [GOOD, BAD, BAD, BAD]) == 4
    assert worked(brake, TWO, [BAD, BAD, BAD]) == 3
    assert worked(brake, ONE, [BAD, BAD, BAD, GOOD]) == 2
    assert "more than 5 records in a row" in brake.stop(ONE)
    assert "paylayer topics resume" in brake.stopped[ONE]
    assert TWO not in brake.stopped
    brake.release(ONE)
    assert brake.stopped == {}
    assert worked(brake, ONE, [BAD] * 5) == 5


def test_single_poison_between_good_records_stops_nothing() -> None:
    brake = FloodBrake(FloodPolicy(in_a_row=3, ratio=0.5, window=10))
    assert worked(brake, ONE, [BAD, GOOD, GOOD] * 1000) == 3000


def test_a_ratio_is_judged_only_over_a_full_window() -> None:
    brake = FloodBrake(FloodPolicy(ratio=0.5, window=10))
    assert worked(brake, ONE, [BAD] * 9) == 9
    assert worked(brake, ONE, [GOOD] * 9) == 9
    brake.release(ONE)
    assert worked(brake, ONE, [GOOD, BAD] * 5) == 10
    assert worked(brake, ONE, [GOOD, BAD]) == 2, "half is not more than half"
    assert worked(brake, ONE, [GOOD, BAD, BAD]) == 2
    assert "more than 50% of the last 10" in brake.stop(ONE)


def test_a_partition_that_went_away_is_forgotten() -> None:
    brake = FloodBrake(FloodPolicy(in_a_row=1))
    worked(brake, ONE, [BAD, BAD])
    brake.stop(ONE)
    brake.forget()
    assert brake.stopped == {}
    assert worked(brake, ONE, [BAD]) == 1


@pytest.mark.parametrize("wrong", [{"in_a_row": -1}, {"ratio": 1.5}, {"window": 0}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not a flood policy"):
        FloodPolicy(**wrong)  # type: ignore[arg-type]


def test_a_stopped_partition_is_not_ready_but_needs_no_restart() -> None:
    clock = SteppedClock()
    pulse = Pulse(clock)
    pulse.tick()
    pulse.opened(ONE)
    pulse.stopped(ONE, "a flood")
    clock.advance(1000)
    pulse.tick()
    health = pulse.report(running=True, assigned=1, held=1)
    assert health.live()
    assert not health.ready()
    assert health.failing == "a flood"
