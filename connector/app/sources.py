"""One entity, read now where it comes from, with the readers and the mapping that the producers use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.entities import Entity


@dataclass(frozen=True, slots=True)
class Found:
    """An entity and the key that its event would have."""

    kind: str
    key: str
    entity: Entity


class Source(Protocol):
    """A platform that is read."""

    async def prepare(self) -> None:
        """Read what every reading needs, so that the next reads are about the entity alone."""
        ...

    async def read(self, kind: str, id_: str) -> Sequence[Found]:
        """What is found under an id; nothing where there is none.

        Raises `UserFault` where that kind cannot be read by id, or where the mapping refuses what is there.
        """
        ...

    def named_by(self, kind: str) -> str:
        """What `--id` means, for a person whose id was not found."""
        ...
