"""Dead letters in order of time over all partitions, newest first, and in numbers; whatever their number is."""

import heapq
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import IO, Any, Self

from connector.app.letters import FoundLetter
from connector.state.columns import micros, moment_of

Report = dict[str, Any]
_TIMES = ("failed_at", "decided_at")


@dataclass(slots=True)
class LetterList:
    """The newest letters of many: `limit` of them in memory, or all in a file that goes with the block."""

    limit: int | None = None
    total: int = 0
    _newest: list[tuple[int, int, Report]] = field(default_factory=list)
    _places: list[tuple[int, int]] = field(default_factory=list)  # moment, where its line begins in the file
    _file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Nothing is held yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()

    async def take(self, letters: AsyncIterator[FoundLetter]) -> None:
        """Look at every letter."""
        async for found in letters:
            self.total += 1
            if self.limit is None:
                self._spool(_moment(found), found.report())
            elif self.limit and (len(self._newest) < self.limit or _moment(found) >= self._newest[0][0]):
                heapq.heappush(self._newest, (_moment(found), self.total, found.report()))
                if len(self._newest) > self.limit:
                    heapq.heappop(self._newest)

    @property
    def more(self) -> int:
        """How many there are beside those that are kept."""
        return self.total - (len(self._places) if self.limit is None else len(self._newest))

    def reports(self) -> Iterator[Report]:
        """What is kept, newest first."""
        yield from (report for _, _, report in sorted(self._newest, key=lambda kept: kept[:2], reverse=True))
        if self._file is not None:
            for _, place in sorted(self._places, reverse=True):
                self._file.seek(place)
                yield _parsed(self._file.readline())

    def _spool(self, moment: int, report: Report) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="paylayer-letters-")  # noqa: SIM115 - closed with the block
        self._places.append((moment, self._file.tell()))
        times = {name: None if report[name] is None else micros(report[name]) for name in _TIMES}
        self._file.write(json.dumps(report | times).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class LetterCount:
    """How many letters of one kind there are, and the newest of them."""

    connection: str | None
    side: str | None
    entity: str | None
    code: str | None
    state: str
    letters: int
    newest: datetime
    example: str


async def summary(letters: AsyncIterator[FoundLetter]) -> list[LetterCount]:
    """Letters by connection, side, kind, code and fate; the largest groups first."""
    groups: dict[tuple[str | None, ...], LetterCount] = {}
    async for found in letters:
        letter, moment = found.stored.letter, _time(found)
        connection, side, entity, code = (
            (letter.connection, letter.side, letter.entity, letter.code) if letter else (None, None, None, None)
        )
        group = (connection, side, entity, code, found.state)
        held = groups.get(group)
        count = 1 if held is None else held.letters + 1
        if held is None or moment >= held.newest:
            groups[group] = LetterCount(connection, side, entity, code, found.state, count, moment, found.id)
        else:
            groups[group] = replace(held, letters=count)
    return sorted(groups.values(), key=lambda group: (-group.letters, group.example))


def _time(found: FoundLetter) -> datetime:
    return found.stored.letter.failed_at if found.stored.letter else found.stored.timestamp


def _moment(found: FoundLetter) -> int:
    return micros(_time(found))


def _parsed(line: bytes) -> Report:
    report: Report = json.loads(line)
    return report | {name: None if report[name] is None else moment_of(report[name]) for name in _TIMES}
