"""Searching, mending and replaying dead letters: the topic is the truth, the database remembers the decisions."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.app.core import Core
from connector.bus.edits import Edited, edited
from connector.bus.letter_reader import LetterReader, StoredLetter
from connector.bus.publisher import Publisher
from connector.bus.record import Place
from connector.bus.replay import Selected, replay
from connector.errors import Unavailable, UserFault
from contracts.events import Unreadable, Version, decode, version_of

STATES = ("new", "replayed", "discarded", "superseded")
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are meant; nothing set = all."""

    ids: tuple[str, ...] = ()
    side: str | None = None
    entity: str | None = None
    connection: str | None = None
    state: str | None = None
    status: int | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    grep: str | None = None

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return self == LetterFilter()


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """A letter of the topic with its fate."""

    stored: StoredLetter
    state: str
    edited: bool = False

    def report(self) -> dict[str, object]:
        """The JSON shape that scripts rely on."""
        letter = self.stored.letter
        return {
            "id": self.stored.id,
            "topic": self.stored.topic,
            "side": letter.side if letter else None,
            "entity": letter.entity if letter else None,
            "connection": letter.connection if letter else None,
            "key": letter.key if letter else None,
            "status": letter.status if letter else None,
            "code": letter.code if letter else None,
            "message": letter.message if letter else "not a dead letter of PayLayer",
            "failed_at": letter.failed_at if letter else self.stored.timestamp,
            "state": self.state,
            "edited": self.edited,
        }


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay did."""

    replay_id: str
    selected: int
    sent: int
    superseded: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class LetterOffice:
    """All operations on dead letters of one deployment."""

    core: Core

    async def search(self, chosen: LetterFilter) -> AsyncIterator[FoundLetter]:
        """Letters that fit, in order per partition; bounded by the ends of the topics when it begins."""
        reader = LetterReader(self.core.settings)
        if chosen.ids:
            named = await reader.find(chosen.ids)
            for found in await self._judge(list(named.values()), chosen):
                yield found
            return
        chunk: list[StoredLetter] = []
        async for stored in reader.read(reader.topics(side=chosen.side, entity=chosen.entity), since=chosen.since):
            chunk.append(stored)
            if len(chunk) >= _CHUNK:
                for found in await self._judge(chunk, chosen):
                    yield found
                chunk = []
        for found in await self._judge(chunk, chosen):
            yield found

    async def _judge(self, chunk: Sequence[StoredLetter], chosen: LetterFilter) -> list[FoundLetter]:
        if not chunk:
            return []
        fitting = [stored for stored in chunk if _fits(stored, chosen)]
        states = await self.core.letters.states([stored.id for stored in fitting])
        newest = await self._newest(fitting)
        found = []
        for stored in fitting:
            decision = states[stored.id]
            state = "superseded" if decision.state == "new" and _is_older(stored, newest) else decision.state
            if chosen.state is None or state == chosen.state:
                found.append(FoundLetter(stored, state, decision.edited))
        return found

    async def _newest(self, letters: Sequence[StoredLetter]) -> dict[tuple[str, str, str, str], Version]:
        wanted: dict[tuple[str, str, str], list[str]] = {}
        for stored in letters:
            letter = stored.letter
            if letter and letter.connection and letter.entity and letter.key:
                wanted.setdefault((letter.connection, letter.side, letter.entity), []).append(letter.key)
        newest: dict[tuple[str, str, str, str], Version] = {}
        for (connection, side, entity), keys in wanted.items():
            rows = await self.core.inbox.wanted(connection, side, entity, sorted(set(keys)))
            for key, row in rows.items():
                newest[connection, side, entity, key] = Version(row.version_time, row.event_id)
        return newest

    async def one(self, id_: str) -> tuple[FoundLetter, bytes | None]:
        """A letter and its edited value, if it has one. Raises `UserFault` where there is no such letter."""
        async for found in self.search(LetterFilter(ids=(id_,))):
            edit = (await self.core.letters.edits([id_])).get(id_)
            return found, None if edit is None else edit.value
        raise UserFault(f"there is no dead letter {id_}: it may have left the topic's retention (paylayer dlq list)")

    async def edit(self, id_: str, text: str) -> None:
        """Keep a mended value for the next replay. Raises `UserFault` where it is no valid event."""
        found, _ = await self.one(id_)
        made = edited(found.stored, text, await self.core.letters.edit_count(id_) + 1)
        await self.core.letters.save_edit(id_, made.value, made.headers)

    async def replay(
        self,
        publisher: Publisher,
        chosen: LetterFilter,
        *,
        by: str,
        dry_run: bool,
        rate: float | None,
        progress: Callable[[int], None] = lambda _sent: None,
    ) -> ReplayResult:
        """Send letters to their topic again, for their side only, and record it.

        Without ids or a state in the filter only new letters are sent. A letter that a newer state has overtaken is
        left alone, and the inbox would refuse to go back in time anyway. Raises `UserFault` for an empty filter,
        `Unavailable` where sending stopped.
        """
        if chosen.empty:
            raise UserFault("say which letters: ids, or a filter such as --code sku_missing (paylayer dlq list)")
        letters = self.core.letters
        replay_id = await letters.start_replay(by, _selection(chosen), dry_run=dry_run, selected=0)
        counts = Counter[str]()

        async def wanted() -> AsyncIterator[Selected]:
            async for found in self.search(chosen):
                if found.state == "superseded":
                    counts["superseded"] += 1
                elif found.state == "new" or chosen.ids or chosen.state:
                    counts["selected"] += 1
                    if not dry_run:
                        yield Selected(found.stored, await self._edit_of(found.stored))

        async def sent(selected: Selected, _place: Place) -> None:
            await letters.mark([selected.letter.id], "replayed", by=by, replay_id=replay_id)
            counts["sent"] += 1
            progress(counts["sent"])

        outcome = await replay(wanted(), replay_id, publisher, sent=sent, per_second=rate)
        told = "dry run" if dry_run else outcome.reason or "complete"
        await letters.finish_replay(replay_id, counts["sent"], told, selected=counts["selected"])
        if outcome.failed is not None:
            raise Unavailable(
                f"sent {counts['sent']} letters, then {outcome.failed} could not be sent: {outcome.reason}; "
                "the same command goes on with the rest"
            )
        return ReplayResult(replay_id, counts["selected"], counts["sent"], counts["superseded"], dry_run)

    async def _edit_of(self, stored: StoredLetter) -> Edited | None:
        edit = (await self.core.letters.edits([stored.id])).get(stored.id)
        return None if edit is None else Edited(stored.key or b"", edit.value, edit.headers or stored.headers)

    async def discard(self, chosen: LetterFilter, *, by: str, dry_run: bool) -> int:
        """Mark letters as not needed; the topic keeps them meanwhile. Raises `UserFault` for an empty filter."""
        if chosen.empty:
            raise UserFault("say which letters: ids, or a filter such as --code sku_missing")
        ids = [found.stored.id async for found in self.search(chosen) if found.state in ("new", "superseded")]
        if ids and not dry_run:
            await self.core.letters.mark(ids, "discarded", by=by)
        return len(ids)


def _selection(chosen: LetterFilter) -> dict[str, object]:
    fields = {name: getattr(chosen, name) for name in LetterFilter.__dataclass_fields__}
    return {name: str(value) for name, value in fields.items() if value}


def _fits(stored: StoredLetter, chosen: LetterFilter) -> bool:
    letter = stored.letter
    if letter is None:
        return not any((chosen.connection, chosen.status, chosen.code)) and _contains(stored, chosen.grep)
    return (
        (chosen.connection is None or letter.connection == chosen.connection)
        and (chosen.status is None or letter.status == chosen.status)
        and (chosen.code is None or letter.code == chosen.code)
        and (chosen.since is None or letter.failed_at >= chosen.since)
        and (chosen.until is None or letter.failed_at < chosen.until)
        and _contains(stored, chosen.grep)
    )


def _contains(stored: StoredLetter, text: str | None) -> bool:
    if text is None:
        return True
    needle = text.lower()
    parts = [stored.key or b"", stored.value or b"", (stored.letter.message if stored.letter else "").encode()]
    return any(needle in part.decode("utf-8", "replace").lower() for part in parts)


def _is_older(stored: StoredLetter, newest: dict[tuple[str, str, str, str], Version]) -> bool:
    letter = stored.letter
    if letter is None or stored.value is None or not (letter.connection and letter.entity and letter.key):
        return False
    current = newest.get((letter.connection, letter.side, letter.entity, letter.key))
    if current is None:
        return False
    try:
        own = version_of(decode(stored.key, stored.value, stored.headers))
    except Unreadable:
        return False
    return own < current
