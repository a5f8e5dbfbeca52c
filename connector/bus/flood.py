"""A brake on dead letters: a flood of them is nobody's poison record, but a fault that somebody has to mend."""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka import TopicPartition


@dataclass(frozen=True, slots=True)
class FloodPolicy:
    """When a partition stops rather than pour its records into the dead letters; 0 = never, which is the default.

    `in_a_row` refused records, or `ratio` of the last `window`, judged once that many were seen. Single records that
    nobody can read never stop a partition, whatever is set: set it well above what one bad sender may produce.
    """

    in_a_row: int = 0
    ratio: float = 0.0
    window: int = 500

    def __post_init__(self) -> None:
        if self.in_a_row < 0 or not 0 <= self.ratio <= 1 or self.window < 1:
            raise ValueError(f"not a flood policy: {self}")


class Stops(Protocol):
    """Where stopped partitions are made known, and who lets them go on."""

    async def stopped(self, side: str, topic: str, partition: int, reason: str) -> None:
        """A partition stands still."""
        ...

    async def still(self, side: str) -> Collection[tuple[str, int]]:
        """The partitions (topic, number) that nobody has released."""
        ...


@dataclass(slots=True)
class _Seen:
    row: int = 0
    recent: deque[bool] = field(default_factory=deque)


@dataclass(slots=True)
class FloodBrake:
    """Counts refusals per partition. `stopped` holds why a partition stands still."""

    policy: FloodPolicy
    stopped: dict[TopicPartition, str] = field(default_factory=dict)
    _seen: dict[TopicPartition, _Seen] = field(default_factory=dict)

    def length(self, partition: TopicPartition, refused: Sequence[bool]) -> int:
        """How many of the next records may be worked off before it is a flood; all of them where it is none."""
        if not self.policy.in_a_row and not self.policy.ratio:
            return len(refused)
        seen = self._seen.get(partition, _Seen())
        row, recent = seen.row, deque(seen.recent, self.policy.window)
        for number, is_refused in enumerate(refused):
            row = row + 1 if is_refused else 0
            recent.append(is_refused)
            if is_refused and self._is_flood(row, recent):
                return number
        return len(refused)

    def count(self, partition: TopicPartition, refused: Sequence[bool]) -> None:
        """These are done."""
        seen = self._seen.setdefault(partition, _Seen(recent=deque(maxlen=self.policy.window)))
        for is_refused in refused:
            seen.row = seen.row + 1 if is_refused else 0
            seen.recent.append(is_refused)

    def stop(self, partition: TopicPartition) -> str:
        """It is a flood; gives the reason in words."""
        row = self._seen.get(partition, _Seen()).row + 1
        if self.policy.in_a_row and row > self.policy.in_a_row:
            what = f"more than {self.policy.in_a_row} records in a row could not be read or were refused"
        else:
            what = f"more than {self.policy.ratio:.0%} of the last {self.policy.window} records were refused"
        self.stopped[partition] = f"{what}; the rest is kept. Mend the cause, then run: paylayer topics resume"
        return self.stopped[partition]

    def release(self, partition: TopicPartition) -> None:
        """Somebody looked at it: count anew."""
        self.stopped.pop(partition, None)
        self._seen.pop(partition, None)

    def forget(self) -> None:
        """The partitions went away."""
        self.stopped.clear()
        self._seen.clear()

    def _is_flood(self, row: int, recent: deque[bool]) -> bool:
        policy = self.policy
        if policy.in_a_row and row > policy.in_a_row:
            return True
        return bool(policy.ratio) and len(recent) == policy.window and sum(recent) > policy.ratio * policy.window
