"""Replaying dead letters by the thousand: looked through first, sent in slices, each on record before the next.

What was acknowledged by Kafka and recorded is never sent again by the same replay. After a process that was killed at
most one slice was sent and not recorded; sending that slice again is harmless, because its events keep their ids and
versions. A replay means what its topics held when it began.
"""

import difflib
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from connector.app.core import Core
from connector.app.letter_filter import LetterFilter
from connector.app.letters import FoundLetter, LetterOffice
from connector.app.replay_delivery import SLICE, Delivery, Item, Progress, not_sent
from connector.app.replay_survey import Skip, Survey
from connector.app.transforms import NotTransformed, Transform
from connector.bus.edits import Edited
from connector.bus.letter_reader import LetterReader
from connector.bus.replay import Selected, Sender, replayed
from connector.errors import UserFault
from connector.state.letters import Deciding
from connector.state.replays import COMPLETE, Claim, Ends, Replay

LOOKING = "looking through"
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What is asked for. `everything`: also letters that a newer one, or a newer wanted state, has overtaken."""

    chosen: LetterFilter
    everything: bool = False
    rate: float | None = None  # letters a second
    transform: Transform | None = None

    @property
    def digest(self) -> str | None:
        """Of the transform."""
        return None if self.transform is None else self.transform.digest

    def as_record(self) -> dict[str, Any]:
        """What a resumed replay has to know."""
        return self.chosen.as_record() | ({"all": True} if self.everything else {})


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay did, or would do."""

    replay_id: str
    selected: int
    sent: int
    superseded: int
    dry_run: bool
    skipped: int = 0
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)  # letters that are meant, by topic and code
    skips: Sequence[Skip] = ()  # the first of them
    examples: Sequence[str] = ()  # what a transform changes, as a diff

    def report(self) -> dict[str, Any]:
        """The JSON shape that scripts rely on."""
        return {
            "replay_id": self.replay_id,
            "selected": self.selected,
            "sent": self.sent,
            "superseded": self.superseded,
            "skipped": self.skipped,
            "dry_run": self.dry_run,
            "counts": [
                {"topic": topic, "code": code or None, "letters": count}
                for (topic, code), count in sorted(self.counts.items())
            ],
            "skips": [{"id": skip.id, "reason": skip.reason} for skip in self.skips],
        }


def _no_progress(_doing: str, _done: int, _of: int | None) -> None:
    """Nobody watches."""


def _not_known(_replay: Replay) -> None:
    """Nobody wants to know the id before the end."""


@dataclass(frozen=True, slots=True)
class ReplayOffice:
    """Replays of one deployment."""

    core: Core
    progress: Progress = _no_progress
    on_start: Callable[[Replay], None] = _not_known

    async def dry_run(self, order: ReplayOrder, *, by: str) -> ReplayResult:
        """Look through the letters, transform them, send nothing. Raises `UserFault` for an empty filter."""
        ends = await self._begun(order.chosen)
        survey = await self._survey(order, ends, None)
        if order.transform is not None:
            async with aclosing(self._items(order, ends, None, survey)) as items:
                async for _item in items:
                    pass  # what it counts is in the survey
        claim = await self.core.replays.start(
            by,
            order.as_record(),
            ends=ends,
            transform=order.digest,
            dry_run=True,
            selected=survey.selected,
            superseded=survey.superseded,
            skipped=survey.skipped,
        )
        return result(claim.replay, survey)

    async def run(self, order: ReplayOrder, sender: Sender, *, by: str) -> ReplayResult:
        """Send letters to their topic again, for their side only, and record it.

        Without ids or a state in the filter only new letters are sent. Raises `UserFault` for an empty filter,
        `Unavailable` where sending stopped: then, as after an interruption, `resume` goes on.
        """
        ends = await self._begun(order.chosen)
        claim = await self.core.replays.start(by, order.as_record(), ends=ends, transform=order.digest)
        return await self._go(claim, order, sender, by)

    async def resume(
        self, id_: str, sender: Sender, *, by: str, rate: float | None = None, transform: Transform | None = None
    ) -> ReplayResult:
        """Send what a replay has not sent yet. Whoever works on it still stops at the next slice.

        Raises `UserFault` for an unknown id, and for another transform than it began with.
        """
        recorded = await self.core.replays.get(id_)
        if recorded.outcome == COMPLETE:
            return result(recorded, Survey())
        if recorded.transform != (transform.digest if transform else None):
            raise UserFault(
                f"replay {id_} began "
                + ("without a transform" if recorded.transform is None else "with another file")
                + ": resume it "
                + ("without --transform" if recorded.transform is None else "with that file as --transform")
            )
        if "file" in recorded.selection:
            raise UserFault(f"replay {id_} came from a file: the same `paylayer dlq import` goes on with the rest")
        order = ReplayOrder(
            LetterFilter.recorded(recorded.selection), bool(recorded.selection.get("all")), rate, transform
        )
        return await self._go(await self.core.replays.take_over(id_), order, sender, by)

    async def _go(self, claim: Claim, order: ReplayOrder, sender: Sender, by: str) -> ReplayResult:
        recorded = claim.replay
        self.on_start(recorded)
        again = f"paylayer dlq replay --resume {recorded.id}"
        delivery = Delivery(self.core.replays, claim, sender, by, again, self.progress)
        async with delivery.recorded():
            survey = await self._survey(order, recorded.ends, recorded)
            await self.core.replays.count(claim, recorded.sent + recorded.skipped + survey.selected)
            async with aclosing(self._items(order, recorded.ends, recorded, survey)) as items:
                await delivery.deliver(items, rate=order.rate, of=survey.selected)
        return result(await self.core.replays.get(recorded.id), survey)

    async def _begun(self, chosen: LetterFilter) -> Ends:
        """Where the topics end. Raises `UserFault` where it is not said, or wrongly, which letters are meant."""
        if chosen.empty:
            raise UserFault("say which letters: ids, or a filter such as --code sku_missing (paylayer dlq list)")
        if not chosen.ids:
            return await LetterOffice(self.core).ends(chosen)
        there = await LetterReader(self.core.settings).find(chosen.ids)
        if absent := [id_ for id_ in chosen.ids if id_ not in there]:
            more = f" (and {len(absent) - 1} more of these)" if len(absent) > 1 else ""
            raise UserFault(
                f"there is no dead letter {absent[0]}{more}: it may have left the topic's retention (paylayer dlq list)"
            )
        return {}

    async def _meant(
        self, order: ReplayOrder, ends: Ends, replay: Replay | None
    ) -> AsyncGenerator[tuple[FoundLetter, bool], None]:
        """Letters that the order means, and whether this replay has dealt with them already."""
        chosen = order.chosen
        open_states = ("new", "superseded") if order.everything else ("new",)
        async with aclosing(LetterOffice(self.core).search(replace(chosen, state=None), ends=ends)) as letters:
            async for found in letters:
                done = replay is not None and found.decision.replay_id == replay.id
                fits = found.state == chosen.state if chosen.state else found.decision.state in open_states
                if done or fits or (chosen.ids and not chosen.state):
                    yield found, done

    async def _survey(self, order: ReplayOrder, ends: Ends, replay: Replay | None) -> Survey:
        """The first pass."""
        survey, looked = Survey(), 0
        async with aclosing(self._meant(order, ends, replay)) as letters:
            async for found, done in letters:
                survey.add(found, done=done, everything=order.everything)
                looked += 1
                if looked % SLICE == 0:
                    self.progress(LOOKING, looked, None)
        return survey

    async def _items(
        self, order: ReplayOrder, ends: Ends, replay: Replay | None, survey: Survey
    ) -> AsyncGenerator[Item, None]:
        """The second pass: every letter that is meant, with what is to be sent for it."""
        async with aclosing(self._meant(order, ends, replay)) as letters:
            async for found, done in letters:
                if not done:
                    yield await self._item(order, found, "" if replay is None else replay.id, survey)

    async def _item(self, order: ReplayOrder, found: FoundLetter, replay_id: str, survey: Survey) -> Item:
        state = found.decision.state
        if not order.everything:
            newer = survey.overtaken_by(found)
            if found.overtaken or newer is not None:
                note = "a newer state is wanted meanwhile" if newer is None else f"{newer} is newer"
                return Item(Deciding(found.id, "superseded" if state == "new" else state, note), superseded=True)
        edit = (await LetterOffice(self.core).edits([found])).get(found.id) if found.edited else None
        made: Edited | None = edit
        told: str | None = None
        try:
            if order.transform is not None:
                made = order.transform.apply(found, edit)
                if made is not edit:
                    told = f"transformed by {order.transform.name}"
                    if len(survey.examples) < _EXAMPLES:
                        survey.examples.append(_difference(found, order.transform.event(found, edit), made))
            record = replayed(Selected(found.stored, made), replay_id)
        except (NotTransformed, UserFault) as error:
            survey.skip(found, str(error))
            return Item(Deciding(found.id, state, not_sent(str(error))))
        return Item(Deciding(found.id, "replayed", told, mended=made is not edit), record)


def _difference(found: FoundLetter, before: Mapping[str, Any], made: Edited | None) -> str:
    """What a transform changes, as `diff` shows it."""
    after = before if made is None else json.loads(made.value)
    old, new = (json.dumps(body, ensure_ascii=False, indent=2).splitlines() for body in (before, after))
    return "\n".join(difflib.unified_diff(old, new, found.id, "transformed", n=1, lineterm=""))


def result(replay: Replay, survey: Survey) -> ReplayResult:
    """What the record and the look through the letters say together."""
    return ReplayResult(
        replay.id,
        replay.selected,
        replay.sent,
        replay.superseded,
        replay.dry_run,
        replay.skipped,
        +survey.counts,
        survey.skips,
        survey.examples,
    )
