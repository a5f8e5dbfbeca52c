"""Bringing exported letters back: into the dead-letter topics, or straight to the topics that they came from.

Both may be repeated, after an interruption or by mistake. Put back, a letter that is there already, byte for byte, is
not put there again. Sent to its source, it is on record under what it contains, and is not sent a second time.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from connector.app.core import Core
from connector.app.letter_file import FiledLetter, LetterFile, digest
from connector.app.letters import FoundLetter, LetterOffice
from connector.app.replay_delivery import SLICE, Delivery, Item, Progress, finished, not_sent
from connector.app.replay_survey import Survey
from connector.app.replays import ReplayResult, result
from connector.bus.edits import Edited
from connector.bus.letter_reader import LetterReader, StoredLetter
from connector.bus.producer import Outgoing
from connector.bus.record import Place
from connector.bus.replay import Selected, Sender, replayed
from connector.errors import UserFault
from connector.state.letters import Deciding, Decision, Edit
from contracts.dead_letters import letter_id, without_reason

_LOOKING, _PUTTING = "looking at what is there", "importing"


class Post(Sender, Protocol):
    """What putting letters back needs of the publisher."""

    async def partitions(self, topic: str) -> set[int]:
        """The partition numbers of a topic. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, or would do."""

    lines: int
    added: int
    there: int  # already there, byte for byte
    dry_run: bool


@dataclass(slots=True)
class LetterImport:
    """One file on its way back."""

    core: Core
    path: Path
    progress: Progress
    _file: LetterFile = field(init=False)
    _lines: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Check every line. Raises `UserFault`."""
        self._file = LetterFile(self.path, LetterReader(self.core.settings).topics())
        self._lines = self._file.check()

    async def put_back(self, post: Post, *, dry_run: bool) -> ImportResult:
        """Into the dead-letter topics, with what was decided about them; their retention begins anew.

        Raises `Unavailable`; the same again goes on with the rest.
        """
        there = await self._there()
        added = 0
        for number, part in enumerate(_parts(self._file.letters())):
            new: dict[bytes, FiledLetter] = {}
            for filed in part:
                if digest(filed.stored) not in there:
                    new.setdefault(digest(filed.stored), filed)
            added += len(new)
            if dry_run:
                there |= dict.fromkeys(new, "")
            else:
                await finished(self._put(part, new, there, post))
            self.progress(_PUTTING, number * SLICE + len(part), self._lines)
        return ImportResult(self._lines, added, self._lines - added, dry_run)

    async def _put(
        self, part: Sequence[FiledLetter], new: dict[bytes, FiledLetter], there: dict[bytes, str], post: Post
    ) -> None:
        records = [await _in_its_partition(filed.stored, post) for filed in new.values()]
        places = await post.send_records(records) if records else []
        there |= {name: _id(place) for name, place in zip(new, places, strict=True)}
        decided: dict[str, tuple[Decision, Edit | None]] = {}
        for filed in part:
            if filed.decision is not None:
                decided.setdefault(there[digest(filed.stored)], (filed.decision, filed.edit))
        await self.core.letters.restore(decided)

    async def _there(self) -> dict[bytes, str]:
        """The letters that lie in the topics of the file, by what they contain."""
        topics = sorted({filed.stored.topic for filed in self._file.letters()})
        found: dict[bytes, str] = {}
        if not topics:
            return found
        async with aclosing(LetterReader(self.core.settings).read(topics)) as letters:
            async for stored in letters:
                found[digest(stored)] = stored.id
                if len(found) % SLICE == 0:
                    self.progress(_LOOKING, len(found), None)
        return found

    async def replay(
        self, sender: Sender, *, by: str, dry_run: bool, rate: float | None, everything: bool
    ) -> ReplayResult:
        """Straight to the source topics, as `dlq replay` sends letters. Only those that are new, by file and record.

        Raises `Unavailable`; the same again goes on with the rest.
        """
        survey = Survey()
        async for found, _ in self._meant(everything=everything):
            survey.add(found, done=False, everything=everything)
        selection = {"file": self._file.name} | ({"all": True} if everything else {})
        claim = await self.core.replays.start(
            by,
            selection,
            ends={},
            dry_run=dry_run,
            selected=survey.selected,
            superseded=survey.superseded if dry_run else 0,
        )
        if dry_run:
            return result(claim.replay, survey)
        delivery = Delivery(self.core.replays, claim, sender, by, "the same `paylayer dlq import` again", self.progress)
        async with delivery.recorded(), aclosing(self._items(claim.replay.id, survey, everything=everything)) as items:
            await delivery.deliver(items, rate=rate, of=survey.selected)
        return result(await self.core.replays.get(claim.replay.id), survey)

    async def _meant(self, *, everything: bool) -> AsyncGenerator[tuple[FoundLetter, FiledLetter], None]:
        office = LetterOffice(self.core)
        for part in _parts(self._file.letters()):
            judged = await office.judged([filed.stored for filed in part], _recorded_as)
            for found, filed in zip(judged, part, strict=True):
                here = found.decision
                decision = here if here.decided_at is not None or filed.decision is None else filed.decision
                if everything or decision.state == "new":
                    yield replace(found, decision=decision), filed

    async def _items(self, replay_id: str, survey: Survey, *, everything: bool) -> AsyncGenerator[Item, None]:
        async with aclosing(self._meant(everything=everything)) as letters:
            async for found, filed in letters:
                name, newer = _recorded_as(found.stored), survey.overtaken_by(found)
                if not everything and (found.overtaken or newer is not None):
                    note = "a newer state is wanted meanwhile" if newer is None else f"{newer} is newer"
                    yield Item(Deciding(name, "superseded", note), superseded=True)
                    continue
                try:
                    record = replayed(Selected(found.stored, _edited(filed)), replay_id)
                except UserFault as error:
                    survey.skip(found, str(error))
                    yield Item(Deciding(name, "new", not_sent(str(error))))
                    continue
                yield Item(Deciding(name, "replayed", f"from {self._file.name}"), record)


def _parts(letters: Iterator[FiledLetter]) -> Iterator[list[FiledLetter]]:
    while part := list(islice(letters, SLICE)):
        yield part


def _recorded_as(stored: StoredLetter) -> str:
    """Under which name its fate is recorded: its place in another deployment means nothing here."""
    return f"import:{digest(stored).hex()}"


async def _in_its_partition(stored: StoredLetter, post: Post) -> Outgoing:
    numbers = await post.partitions(stored.topic)
    partition = stored.partition if stored.partition in numbers else None
    return Outgoing(stored.topic, stored.key, stored.value, stored.headers, partition)


def _id(place: Place) -> str:
    return letter_id(place.topic, place.partition, place.offset)


def _edited(filed: FiledLetter) -> Edited | None:
    if filed.edit is None:
        return None
    headers = filed.edit.headers
    kept = without_reason(filed.stored.headers) if headers is None else headers
    return Edited(filed.stored.key or b"", filed.edit.value, kept)
