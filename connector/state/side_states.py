"""What is known of the entities on one side that people and PayLayer both change: sent, shown, and changed there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from connector.clock import Clock
from connector.state.among import among
from connector.state.claims import chunks
from connector.state.columns import micros, moment_of
from connector.state.database import Database
from connector.state.settlements import lock
from connector.state.tables import side_states
from connector.state.upsert import upsert

Fields = Mapping[str, str]
"""Digest by field of an entity's content; a field without content is left out."""

REMEMBERED = 4
"""So many unseen sendings are told from a change; more come together only where the producer stands still."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a field shows since somebody changed it, and the version that changed it; no digest = it was cleared."""

    digest: str
    time: datetime


@dataclass(frozen=True, slots=True)
class News:
    """What somebody changed on the side: the entity as its newest event told it (none = it is gone there).

    `fields` are all that anybody ever changed there, `base` is the version of what had been sent there before.
    """

    event: str
    time: datetime
    entity: Mapping[str, Any] | None
    fields: Mapping[str, Changed] = field(default_factory=dict)
    base: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """What was sent and was not seen on the side yet. `fields` are those of the last sendings, the newest last.

    `gone`: it was removed there. `time` is the version of the newest, `at` when it left, `done`: it was answered.
    """

    fields: tuple[Fields, ...]
    time: datetime
    at: datetime
    gone: bool = False
    done: bool = False


@dataclass(frozen=True, slots=True)
class SideState:
    """One entity on one side.

    `shown` is what the side showed last, in the observation that `shown_event` names, `before` what it showed before
    that. `base` is the version of what was sent last and is there. `touched`: somebody changed it there since, so
    what a handler remembers of its own writing proves nothing.
    """

    key: str
    sending: Sending | None = None
    base: datetime | None = None
    touched: bool = False
    shown: Fields = field(default_factory=dict)
    shown_event: str | None = None
    before: Fields = field(default_factory=dict)
    news: News | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What is about to be sent; no fields = it is to be removed."""

    key: str
    fields: Fields | None
    time: datetime


Decision = Callable[[Mapping[str, SideState]], Sequence[SideState]]
"""What is to be stored, given what is known; it may be asked again where the database broke a transaction off."""


class SideStates:
    """The states of one connection and side."""

    def __init__(self, db: Database, clock: Clock, connection: str, side: str) -> None:
        self._db = db
        self._clock = clock
        self._connection = connection
        self._side = side

    async def of(self, entity: str, keys: Sequence[str]) -> dict[str, SideState]:
        """What is known of these keys; unknown ones are left out."""
        async with self._db.read() as transaction:
            return await self._read(transaction, entity, keys)

    async def change(self, entity: str, keys: Sequence[str], decide: Decision) -> None:
        """Store what is decided of these keys, while nobody else changes the state of this side."""

        async def work(transaction: AsyncConnection) -> None:
            await lock(transaction, self._connection, self._side)
            decided = decide(await self._read(transaction, entity, keys))
            if rows := [self._row(entity, state) for state in sorted(decided, key=lambda state: state.key)]:
                await transaction.execute(upsert(self._db, side_states), rows)

        await self._db.run(work)

    async def send(self, entity: str, sent: Sequence[Sent]) -> None:
        """These are about to be sent; durable before the first call leaves."""
        now = self._clock.now()
        await self.change(
            entity,
            [one.key for one in sent],
            lambda known: [_sending(known.get(one.key) or SideState(one.key), one, now) for one in sent],
        )

    async def answered(self, entity: str, keys: Sequence[str]) -> None:
        """What was sent of these keys is there."""

        def decide(known: Mapping[str, SideState]) -> list[SideState]:
            return [
                replace(state, sending=replace(state.sending, done=True), touched=False)
                for state in known.values()
                if state.sending is not None
            ]

        if keys:
            await self.change(entity, keys, decide)

    async def withdraw(self, entity: str, keys: Sequence[str]) -> None:
        """What was about to be sent of these keys was not: the side needed nothing of it."""

        def decide(known: Mapping[str, SideState]) -> list[SideState]:
            return [_withdrawn(state) for state in known.values()]

        if keys:
            await self.change(entity, keys, decide)

    async def _read(self, transaction: AsyncConnection, entity: str, keys: Sequence[str]) -> dict[str, SideState]:
        found: dict[str, SideState] = {}
        for chunk in chunks(sorted(set(keys))):
            rows = await transaction.execute(sa.select(side_states).where(self._of(entity, chunk)))
            found |= {row.key: _state(row) for row in rows}
        return found

    def _of(self, entity: str, keys: Sequence[str]) -> sa.ColumnElement[bool]:
        return sa.and_(
            side_states.c.connection == self._connection,
            side_states.c.side == self._side,
            side_states.c.entity == entity,
            among(side_states.c.key, keys),
        )

    def _row(self, entity: str, state: SideState) -> dict[str, Any]:
        news, sending = state.news, state.sending
        return {
            "connection": self._connection,
            "side": self._side,
            "entity": entity,
            "key": state.key,
            "sent": None if sending is None else [dict(fields) for fields in sending.fields],
            "sent_gone": sending is not None and sending.gone,
            "sent_time": None if sending is None else sending.time,
            "sent_at": None if sending is None else sending.at,
            "sent_done": sending is not None and sending.done,
            "touched": state.touched,
            "base": state.base,
            "shown": dict(state.shown),
            "shown_event": state.shown_event,
            "before": dict(state.before),
            "news": None if news is None or news.entity is None else dict(news.entity),
            "news_event": None if news is None else news.event,
            "news_time": None if news is None else news.time,
            "news_base": None if news is None else news.base,
            "news_fields": None
            if news is None
            else {name: [changed.digest, micros(changed.time)] for name, changed in news.fields.items()},
        }


def _withdrawn(state: SideState) -> SideState:
    sending = state.sending
    state = replace(state, touched=False)
    if sending is None:
        return state
    if len(sending.fields) > 1:
        return replace(state, sending=replace(sending, fields=sending.fields[:-1]))
    return replace(state, sending=None, base=sending.time)


def _sending(state: SideState, sent: Sent, now: datetime) -> SideState:
    unseen = state.sending.fields if state.sending is not None and not state.sending.gone else ()
    fields = () if sent.fields is None else (*unseen, sent.fields)[-REMEMBERED:]
    return replace(state, sending=Sending(fields, sent.time, now, gone=sent.fields is None))


def _state(row: sa.Row[Any]) -> SideState:
    news = sending = None
    if row.news_event is not None:
        fields = {name: Changed(digest, moment_of(time)) for name, (digest, time) in (row.news_fields or {}).items()}
        news = News(row.news_event, row.news_time, row.news, fields, row.news_base)
    if row.sent is not None:
        sending = Sending(tuple(row.sent), row.sent_time, row.sent_at, bool(row.sent_gone), bool(row.sent_done))
    return SideState(
        key=row.key,
        sending=sending,
        touched=bool(row.touched),
        base=row.base,
        shown=row.shown or {},
        shown_event=row.shown_event,
        before=row.before or {},
        news=news,
    )
