"""Applying to a side that people change as well: what they did is not undone, and what is sent is recognised again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from connector.clock import Clock
from connector.engine.concurrence import Merged, already_there, merged
from connector.engine.content import content
from connector.ports import Doubt
from connector.state.conflicts import Conflict, Conflicts
from connector.state.inbox import Row
from connector.state.side_states import News, Sent, SideState, SideStates
from contracts.entities import Entity
from contracts.events import Event
from handlers.outcome import Applied, Outcome, Task

log = structlog.get_logger("paylayer.conflicts")
_TIMED = frozenset({"price"})  # means something else at another moment: its handler has to say when
Item = tuple[Row, Event, Task]
"""A row with its event, and the task that it would be."""


@dataclass(frozen=True, slots=True)
class TwoWay:
    """One connection and side; `others` is what is known of the other one."""

    connection: str
    side: str
    other_side: str
    states: SideStates
    others: SideStates
    conflicts: Conflicts
    clock: Clock
    as_sent: Callable[[str, Entity], Entity] = lambda _kind, entity: entity  # what the connection's own mapping makes

    async def prepare(self, entity: str, items: Sequence[Item]) -> tuple[list[Task], dict[str, Outcome]]:
        """What is to be applied, and what needs no handler because the side's own state stays, by key.

        What is to be applied counts as on its way from now on.
        """
        keys = [row.key for row, _, _ in items]
        states = await self.states.of(entity, keys)
        others = await self.others.of(entity, [key for key in keys if key in states])
        tasks: list[Task] = []
        settled: dict[str, Outcome] = {}
        sent: list[Sent] = []
        found: list[Conflict] = []
        for row, event, task in items:
            state = states.get(row.key)
            theirs = others[row.key].news if row.key in others and event.source == self.other_side else None
            plan = merged(event, None if state is None else state.news, theirs)
            if event.source != self.other_side or (theirs is not None and event.time <= theirs.time):
                found += self._conflicts(entity, row, event, plan, None if state is None else state.news)
            wanted = None if plan.entity is None else self.as_sent(entity, plan.entity)
            if plan.overtaken or _needs_nothing(row, task, wanted, state):
                settled[row.key] = Applied("", refs=task.refs, ledger=task.ledger, unchanged=True)
                continue
            doubt = Doubt.UNSEEN if state is not None and state.touched and not task.doubt else task.doubt
            tasks.append(replace(task, entity=plan.entity, doubt=doubt))
            fields = None if wanted is None else content(wanted)
            sent.append(Sent(row.key, fields, event.time))
        await self.conflicts.record(found)
        await self.states.send(entity, sent)
        return tasks, settled

    async def answered(self, entity: str, outcomes: Mapping[str, Outcome]) -> None:
        """What the handler said of these keys."""
        applied = {key: outcome for key, outcome in outcomes.items() if isinstance(outcome, Applied)}
        await self.states.answered(entity, [key for key, outcome in applied.items() if not outcome.unchanged])
        await self.states.withdraw(entity, [key for key, outcome in applied.items() if outcome.unchanged])

    def _conflicts(self, entity: str, row: Row, event: Event, plan: Merged, mine: News | None) -> list[Conflict]:
        if mine is None:
            return []
        ours, theirs = (mine.event, self.side, mine.time), (event.id, event.source, event.time)
        found: list[Conflict] = []
        if plan.lost_by_side:
            found.append(self._conflict(entity, row.key, ours, theirs, plan.lost_by_side))
        if plan.lost_by_event or plan.overtaken:
            found.append(self._conflict(entity, row.key, theirs, ours, plan.lost_by_event))
        for each in found:
            log.warning(
                "conflict",
                connection=self.connection,
                entity=entity,
                key=row.key,
                winner=each.winner_source,
                loser=each.loser_source,
                fields=each.fields or "all",
            )
        return found

    def _conflict(
        self,
        entity: str,
        key: str,
        loser: tuple[str, str, object],
        winner: tuple[str, str, object],
        fields: tuple[str, ...],
    ) -> Conflict:
        return Conflict(self.connection, entity, key, *loser, *winner, fields, self.clock.now())  # type: ignore[arg-type]


def _needs_nothing(row: Row, task: Task, wanted: Entity | None, state: SideState | None) -> bool:
    """Whether the side shows all of it already; what was never applied is, so that its ids become known."""
    if wanted is None or row.applied_at is None or task.doubt or row.entity in _TIMED:
        return False
    return already_there(wanted, state)
