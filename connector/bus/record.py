"""What a Kafka record is to PayLayer: bytes with a place. aiokafka's own records fit as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

HeaderList = Sequence[tuple[str, bytes | None]]


class Record(Protocol):
    """A record as it was read from a topic, untouched."""

    @property
    def topic(self) -> str:
        """Where it was."""
        ...

    @property
    def partition(self) -> int:
        """Where it was."""
        ...

    @property
    def offset(self) -> int:
        """Where it was."""
        ...

    @property
    def key(self) -> bytes | None:
        """Raw."""
        ...

    @property
    def value(self) -> bytes | None:
        """Raw; none is a tombstone."""
        ...

    @property
    def headers(self) -> HeaderList:
        """Raw, in order, names may repeat."""
        ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """The same for a record that was kept somewhere else in between, such as in the inbox."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: HeaderList = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where an acknowledged record went."""

    topic: str
    partition: int
    offset: int
