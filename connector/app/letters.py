"""Searching, mending and discarding dead letters: the topic is the truth, the database remembers the decisions."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from connector.app.core import Core
from connector.app.letter_filter import LetterFilter
from connector.bus.edits import Edited, edited
from connector.bus.letter_reader import LetterReader, StoredLetter
from connector.bus.replay import replayed_from
from connector.errors import UserFault
from connector.state.letters import Decision, Edit
from connector.state.replays import Ends
from connector.state.wanted_versions import Identity, Wanted, wanted_versions
from contracts.dead_letters import without_reason
from contracts.events import Unreadable, Version, decode, version_of

__all__ = ["STATES", "FoundLetter", "LetterFilter", "LetterOffice"]

STATES = ("new", "replayed", "discarded", "superseded")
_NEW = Decision("new")
_CHUNK = 1000
_CHUNK_BYTES = 8 * 1024 * 1024
_LONGEST_CHAIN = 50


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """A letter of the topic with its fate.

    `version` is what its event says, where that can be read; `overtaken`: the inbox wants something newer, or
    the platform has it by now.
    """

    stored: StoredLetter
    state: str
    decision: Decision = _NEW
    version: Version | None = None
    overtaken: bool = False

    @property
    def id(self) -> str:
        """How the commands name it."""
        return self.stored.id

    @property
    def edited(self) -> bool:
        """Whether a mended value is kept for it."""
        return self.decision.edited

    @property
    def identity(self) -> Identity | None:
        """The row of the inbox that it is about."""
        return _identity(self.stored)

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
            "replay_id": self.decision.replay_id,
            "decided_at": self.decision.decided_at,
            "decided_by": self.decision.decided_by,
            "note": self.decision.note,
            "replayed_from": replayed_from(self.stored),
        }


@dataclass(frozen=True, slots=True)
class LetterOffice:
    """All operations on dead letters of one deployment but replays."""

    core: Core

    def topics(self, chosen: LetterFilter) -> list[str]:
        """Where letters that fit can lie. Raises `UserFault` for an unknown kind."""
        return LetterReader(self.core.settings).topics(side=chosen.side, entity=chosen.entity)

    async def ends(self, chosen: LetterFilter) -> Ends:
        """Where those topics end now."""
        return await LetterReader(self.core.settings).ends(self.topics(chosen))

    async def search(self, chosen: LetterFilter, *, ends: Ends | None = None) -> AsyncGenerator[FoundLetter, None]:
        """Letters that fit, in order per partition; bounded by `ends`, or by those of the topics when it begins.

        Whatever their number, a thousand are held at a time.
        """
        async with aclosing(self._chunks(chosen, ends)) as chunks:
            async for chunk in chunks:
                for found in await self.judged(chunk):
                    if chosen.state in (None, found.state):
                        yield found

    async def _chunks(self, chosen: LetterFilter, ends: Ends | None) -> AsyncGenerator[list[StoredLetter], None]:
        reader = LetterReader(self.core.settings)
        if chosen.ids:
            yield [stored for stored in (await reader.find(chosen.ids)).values() if chosen.fits(stored)]
            return
        chunk: list[StoredLetter] = []
        size = 0
        async with aclosing(reader.read(self.topics(chosen), since=chosen.since, ends=ends)) as letters:
            async for stored in letters:
                if chosen.fits(stored):
                    chunk.append(stored)
                    size += len(stored.value or b"")
                if len(chunk) >= _CHUNK or size >= _CHUNK_BYTES:
                    yield chunk
                    chunk, size = [], 0
        yield chunk

    async def judged(
        self, letters: Sequence[StoredLetter], name: Callable[[StoredLetter], str] = lambda stored: stored.id
    ) -> list[FoundLetter]:
        """Letters with their fates, which are recorded under `name`."""
        decisions = await self.core.letters.states([name(stored) for stored in letters])
        versions = [_version(stored) for stored in letters]
        read = (stored for stored, version in zip(letters, versions, strict=True) if version is not None)
        newest = await wanted_versions(self.core.database, {i for i in map(_identity, read) if i is not None})
        found = []
        for stored, version in zip(letters, versions, strict=True):
            decision = decisions[name(stored)]
            overtaken = _is_overtaken(_identity(stored), version, newest)
            state = "superseded" if overtaken and decision.state == "new" else decision.state
            found.append(FoundLetter(stored, state, decision, version, overtaken))
        return found

    async def one(self, id_: str) -> tuple[FoundLetter, Edit | None]:
        """A letter and its edit, if it has one. Raises `UserFault` where there is no such letter."""
        async for found in self.search(LetterFilter(ids=(id_,))):
            return found, (await self.core.letters.edits([id_])).get(id_)
        raise UserFault(f"there is no dead letter {id_}: it may have left the topic's retention (paylayer dlq list)")

    async def chain(self, found: FoundLetter) -> list[FoundLetter]:
        """What became of one refusal: the letter, those it was replayed from and those it came back as, oldest first.

        Letters that have left the topic's retention are missing.
        """
        chain = [found]
        while (before := replayed_from(chain[0].stored)) is not None and len(chain) < _LONGEST_CHAIN:
            try:
                stored = await LetterReader(self.core.settings).one(before)
            except UserFault:  # of another deployment, or not ours at all: the header is anybody's
                break
            if stored is None or before in [each.id for each in chain]:
                break
            chain = [*await self.judged([stored]), *chain]
        async for stored in LetterReader(self.core.settings).behind(found.stored):
            if replayed_from(stored) == chain[-1].id and len(chain) < _LONGEST_CHAIN:
                chain += await self.judged([stored])
        return chain

    async def edit(self, id_: str, text: str) -> None:
        """Keep a mended value for the next replay. Raises `UserFault` where it is no valid event."""
        found, _ = await self.one(id_)
        made = edited(found.stored, text, await self.core.letters.edit_count(id_) + 1)
        await self.core.letters.save_edit(id_, made.value, made.headers)

    async def edits(self, found: Sequence[FoundLetter]) -> Mapping[str, Edited]:
        """What is sent in place of those letters that were mended."""
        mended = {each.id: each.stored for each in found if each.edited}
        kept = await self.core.letters.edits(list(mended)) if mended else {}
        return {
            id_: Edited(
                mended[id_].key or b"",
                edit.value,
                without_reason(mended[id_].headers) if edit.headers is None else edit.headers,
            )
            for id_, edit in kept.items()
        }

    async def discard(self, chosen: LetterFilter, *, by: str, dry_run: bool, note: str | None = None) -> int:
        """Mark letters as not needed; the topic keeps them meanwhile. Raises `UserFault` for an empty filter."""
        if chosen.empty:
            raise UserFault("say which letters: ids, or a filter such as --code sku_missing")
        ends = {} if chosen.ids else await self.ends(chosen)
        count = 0
        ids: list[str] = []
        async for found in self.search(chosen, ends=ends):
            if found.state not in ("new", "superseded"):
                continue
            count += 1
            ids.append(found.id)
            if len(ids) >= _CHUNK and not dry_run:
                await self.core.letters.mark(ids, "discarded", by=by, note=note)
                ids = []
        if not dry_run:
            await self.core.letters.mark(ids, "discarded", by=by, note=note)
        return count


def _identity(stored: StoredLetter) -> Identity | None:
    letter = stored.letter
    if letter is None or not (letter.connection and letter.entity and letter.key):
        return None
    identity = letter.connection, letter.side, letter.entity, letter.key
    return None if "\0" in "".join(identity) else identity  # a header is anybody's; no row is called so


def _version(stored: StoredLetter) -> Version | None:
    if stored.value is None or stored.letter is None:
        return None
    try:
        return version_of(decode(stored.key, stored.value, stored.headers))
    except Unreadable:
        return None


def _is_overtaken(identity: Identity | None, version: Version | None, newest: Mapping[Identity, Wanted]) -> bool:
    """By something newer, or because the platform took it after all: what was in its way is gone."""
    current = None if identity is None else newest.get(identity)
    if version is None or current is None:
        return False
    return version < current.version or (version == current.version and current.applied)
