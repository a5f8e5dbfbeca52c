"""When a call may leave: a pure state machine over one store's call window, without clock or I/O.

The store counts the calls of a fixed window (its start is not told) and refuses those above its limit; each reply says
`used/limit`. Three rules let a call leave, and each alone is safe:

slot     a call occupies a slot until one period after its reply. Then any limit+1 calls reach the store spread over
         more than a period, whatever the window's start and the latency. Needs no counter.
window   a reply that was number n of its window proves that at most n, plus the calls answered after that one left,
         plus the calls still out, are in this window or a later one. Less than the limit: there is room.
probe    when the window that is known is surely over, or nothing is known yet, one single call may find out. After a
         cold start it is the only call that can be refused.

Where the window starts is kept as an interval that replies narrow: a reply whose number is not above one that was
known when its call left belongs to a newer window.

What other applications spend shows in the counter as well: as many calls as they used in their busiest window of late
are left to them, less those that they have used already.

A call holds its slot until its reply, however late that is, as long as its process goes on saying that it waits. Of a
process that was killed nothing is heard: after `lost_after` seconds, which must not be less than the time that a call
may take to reach the store, its calls count as answered, and one period later their slots are free.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.budget.neighbours import Neighbours
from connector.budget.reserve import Reserve
from connector.budget.turns import Claim, Demand
from connector.ports import Priority

_FORM = 1
_SLACK = 0.02  # seconds after the latest end of a window before a probe leaves
_DRIFT = 1e-4  # how fast two clocks may drift apart: the interval of the start widens by this share of the time
_FORGET = 6 * 3600.0  # seconds without a call after which the start of the window is unknown again
_STALE = 0.5  # seconds after which a counter is old while other applications call
_NARROW = 0.6  # part of the window after which our calls go one by one while other applications call
_LOST_AFTER = 10.0  # a client of a store gives up connecting earlier than that


@dataclass(slots=True)
class Answered:
    """A call that was answered; `number` is its place in the window that it fell into, none where nobody said."""

    sent: float
    replied: float
    number: int | None
    window: int  # index of the newest window that was known then
    surely: bool = False  # whether it fell into that window for certain


@dataclass(slots=True)
class Window:
    """All that is known of a store's window. Times are seconds since the epoch, on a clock that all processes share."""

    limit: int
    period: float
    born: float
    lost_after: float = _LOST_AFTER
    reserve: Reserve = field(default_factory=Reserve)
    told: bool = False  # whether the limit is the store's own word
    last: float = 0.0
    hold_until: float = 0.0
    neighbours: Neighbours = field(default_factory=Neighbours)
    probed: bool = False
    index: int = 0
    start: tuple[float, float] | None = None  # earliest and latest start of the newest window that is known
    top: int | None = None  # the highest number seen in it
    base: int = 0  # number of the first reply seen in it, ...
    base_sent: float = 0.0  # ... when that call left, ...
    base_sure: bool = False  # ... and whether it was surely in it, not in the one after
    out: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)  # when its process said last that a slow call is still out
    answered: list[Answered] = field(default_factory=list)
    demands: dict[str, Demand] = field(default_factory=dict)
    favoured: tuple[float, int] = (0.0, -1)  # when, and in which window, somebody who had waited too long was let go

    def wait(self, now: float, priority: Priority, ahead: int = 0) -> float:
        """Seconds until a call of that priority may leave: 0 = now. An answer may shorten it.

        So many calls of other processes come before it.
        """
        now = self._settle(now)
        if self._may_leave(now, priority, ahead):
            return 0.0
        later = [max(at, self.hold_until) for at in self._moments(now, priority, ahead) if at > now]
        return max(min(later, default=now + self.period) - now, 0.001)

    def may_favour(self, now: float) -> bool:
        """Whether somebody who has waited too long may go before more urgent calls: one in each window."""
        now = self._settle(now)
        at, index = self.favoured
        return now >= at + self.period if self.start is None else self.index != index

    def favour(self, now: float) -> None:
        """Somebody was."""
        self.favoured = now, self.index

    def announce(self, process: str, claims: Sequence[Claim], now: float, lasts: float) -> None:
        """A process has calls that wait; forgotten after so many seconds unless it says so again."""
        self.demands = {name: demand for name, demand in self.demands.items() if demand.until > now}
        self.demands.pop(process, None)
        if claims:
            self.demands[process] = Demand(now + lasts, tuple(claims[: self.limit]))

    def claims_of_others(self, process: str, now: float) -> list[Claim]:
        """What the other processes wait for."""
        return [
            claim
            for name, demand in self.demands.items()
            if name != process and demand.until > now
            for claim in demand.claims
        ]

    def leave(self, call: str, now: float) -> None:
        """A call leaves now."""
        now = self._settle(now)
        if self.start is None:
            self.probed = True
        self.out[call] = now

    def still_out(self, call: str, now: float) -> None:
        """Its process still waits for the reply."""
        if call in self.out:
            self.seen[call] = now

    def give_back(self, call: str) -> None:
        """That call never left."""
        self.out.pop(call, None)
        self.seen.pop(call, None)
        if self.start is None and not self.answered:
            self.probed = False

    def reply(self, call: str, now: float, used: int | None = None, limit: int | None = None) -> None:
        """That call was answered; `used` and `limit` as the reply's counter said."""
        now = self._settle(now)
        sent = self.out.pop(call, None)
        self.seen.pop(call, None)
        if sent is None:  # given up as lost meanwhile, and counted then
            return
        if limit is not None and limit > 0:
            self.limit, self.told = limit, True
        mine = Answered(sent, now, used, self.index)
        if used is not None:
            self._learn(mine, used)
        mine.window = self.index
        self.answered.append(mine)

    def throttled(self, call: str, now: float, retry_after: float, limit: int | None = None) -> None:
        """That call was answered 429: nobody leaves for so many seconds, and a new window begins by then.

        Its counter is no place in the window (it was not counted), so nothing is learned from it.
        """
        sent = self.out.get(call, now)
        known = self.start is not None
        self.reply(call, now, None, limit)
        if known:
            own = sum(one.replied >= self._earliest() for one in self.answered) - 1 + len(self.out)
            self.neighbours.called(max(self.limit - own, self.neighbours.calls + 1), now)
        until = now + max(retry_after, _SLACK)
        if until > self.hold_until:
            self.hold_until = until
            seen = (min(sent, until) - self.period, until - self.period)
            self.start = (self.start and _meet(self.start, seen)) or seen
            self.top, self.base, self.base_sent, self.base_sure = self.limit, self.limit, now, False

    def snapshot(self, now: float) -> tuple[int, int, float, float | None]:
        """Calls used in the window as far as known, the limit, the period, and until when nobody may leave."""
        now = self._settle(now)
        used = self._used() if self.top is not None else self._recent(now)
        return min(used + len(self.out), self.limit), self.limit, self.period, self._held(now)

    def _held(self, now: float) -> float | None:
        return self.hold_until if self.hold_until > now else None

    # What is known of the window

    def _settle(self, now: float) -> float:
        """Bring the state to this moment; a clock that went back stands still, one that went far back starts anew."""
        if now < self.last - self.period:
            self.out.clear()
            self.seen.clear()
            self.answered.clear()
            self.demands.clear()
            self.neighbours.forget()
            self.born, self.last, self.hold_until = now, now, 0.0
            self.favoured = (0.0, -1)
            self.start, self.top, self.probed = None, None, False
        now = max(now, self.last)
        if now - self.last > _FORGET:
            self.start, self.top, self.probed = None, None, False
            self.neighbours.begin_window()
        self.last = now
        for call, sent in list(self.out.items()):
            if now >= (lost := self._lost_at(call, sent)):  # its process died
                del self.out[call]
                self.seen.pop(call, None)
                self.answered.append(Answered(sent, lost, None, self.index))
        oldest = now - 2 * self.period - _SLACK
        self.answered = [one for one in self.answered if one.replied > oldest]
        if self.start is not None:
            earliest, latest = self.start
            passed = math.floor((now - latest - _SLACK) / self.period)
            if passed > 0:
                self._close_window()
                moved, drift = passed * self.period, passed * self.period * _DRIFT
                self.start = (
                    max(earliest + moved - drift, latest + drift + moved - self.period),
                    latest + moved + drift,
                )
                self.index += passed
                self.top = None
                self.neighbours.begin_window()
        return now

    def _lost_at(self, call: str, sent: float) -> float:
        return max(sent, self.seen.get(call, sent)) + self.lost_after

    def _close_window(self) -> None:
        """The newest known window is over: where nothing of it is missing, its calls were surely in it.

        Calls that had slipped into the following window would have begun to count from one there.
        """
        held = [one for one in self.answered if one.replied > self.base_sent]
        numbers = sorted(one.number for one in held if one.number is not None)
        if (
            self.top is None
            or not self.base_sure
            or self.out
            or numbers != list(range(self.base, self.top + 1))
            or len(numbers) != len(held)
        ):
            return
        for one in held:
            one.window, one.surely = self.index, True

    def _learn(self, mine: Answered, number: int) -> None:
        older = [
            one for one in self.answered if one.number is not None and one.replied <= mine.sent and one.number >= number
        ]
        if self.start is None:
            own = 1 + len(self.answered) + len(self.out)
            self._first_of(mine, number, (mine.sent - self.period, mine.replied))
            if number > own:
                self.neighbours.called(number - own, mine.replied)
        elif older:
            self._newer_than(max(older, key=lambda one: one.sent), mine, number)
        elif self.top is None and mine.sent >= self.start[1]:
            self._first_of(mine, number, self.start, surely=mine.replied < self.start[0] + self.period)
        if self.top is not None and mine.sent >= self.base_sent:
            self.top = max(self.top, number)
        if self.start is not None and mine.sent >= self.start[1]:
            mine.surely = mine.surely or mine.replied < self.start[0] + self.period
            own = 1 + sum(one.replied >= self.start[0] for one in self.answered) + len(self.out)
            if number > own:
                self.neighbours.called(number - own, mine.replied)

    def _earliest(self) -> float:
        return -math.inf if self.start is None else self.start[0]

    def _newer_than(self, older: Answered, mine: Answered, number: int) -> None:
        """A window began after `older` reached the store and before this call did: the newest known, or the next."""
        assert self.start is not None  # noqa: S101 (for the type checker)
        seen = (older.sent, mine.replied)
        following = (self.start[0] + self.period, self.start[1] + self.period)
        not_this_one = older.surely and older.window == self.index
        this_one, next_one = not not_this_one and _meet(self.start, seen), _meet(following, seen)
        if self.start[1] - self.start[0] >= self.period:  # too wide to tell one window from the one after it
            next_one = next_one and seen
        if this_one and next_one:  # it cannot be told which, but what was seen holds for this call's window
            if seen[1] - seen[0] < self.start[1] - self.start[0]:
                for one in self.answered:
                    one.surely = one.surely and one.window < self.index
                self._begin_window()
                self._first_of(mine, number, seen)
            elif self.top is None:
                self._first_of(mine, number, self.start, surely=False)
        elif this_one:
            self.start = this_one
            if self.top is None:
                self._first_of(mine, number, this_one)
        else:  # where it fits neither, the store's clock or ours has moved: believe what was seen
            self._begin_window()
            self._first_of(mine, number, next_one or seen)

    def _begin_window(self) -> None:
        self.index += 1
        self.neighbours.begin_window()

    def _first_of(self, mine: Answered, number: int, start: tuple[float, float], *, surely: bool = True) -> None:
        self.start, self.top, self.base, self.base_sent, self.base_sure = start, number, number, mine.sent, surely
        mine.surely = surely

    # Who may leave

    def _used(self) -> int:
        """The most calls, answered ones, that the newest known window or a later one can hold."""
        since = sum(one.replied > self.base_sent for one in self.answered)
        return max(self.top or 0, self.base + max(0, since - 1))

    def _recent(self, now: float) -> int:
        return sum(one.replied > now - self.period for one in self.answered)

    def _allowed(self, now: float, priority: Priority) -> int:
        kept = 0 if self._released(now) else self.reserve.kept(priority, self.limit)
        if self.neighbours.are_there(now):
            kept += self.reserve.left_to_others(self.neighbours.busiest(now), self.neighbours.calls, self.limit)
        return max(1, self.limit - kept)

    def _release_at(self) -> float | None:
        return None if self.start is None else self.start[1] + self.period * (1 - self.reserve.release)

    def _released(self, now: float) -> bool:
        at = self._release_at()
        return at is not None and now >= at and not self.neighbours.are_there(now)

    def _may_leave(self, now: float, priority: Priority, ahead: int) -> bool:
        out, allowed = len(self.out) + ahead, self._allowed(now, priority)
        if now < self.hold_until or out >= allowed or self._is_narrow(now):
            return False
        if self.top is not None and self._used() + out < allowed and self._news_are_fresh(now):
            return True
        if self._probe_fits(ahead):
            return True
        return self._slots_fit(now) and max(self._recent(now), self.top or 0) + out < allowed

    def _news_are_fresh(self, now: float) -> bool:
        """While others call too, what the counter said soon is no longer true: then one call asks before the rest."""
        alone = not self.neighbours.are_there(now)
        return alone or not self.out or any(one.replied > now - _STALE for one in self.answered)

    def _is_narrow(self, now: float) -> bool:
        """Where a burst of others may end the window any moment, it should meet one call of ours and not many."""
        if not self.out or not self.neighbours.are_there(now):
            return False
        return max(self._recent(now), self._used()) + len(self.out) >= _NARROW * self.limit

    def _slots_fit(self, now: float) -> bool:
        """Whether the slot rule may speak: not before all earlier calls are known, not while others call too."""
        known = self.start is not None or now >= self.born + self.period
        return known and (not self.neighbours.are_there(now) or self.top is not None)

    def _probe_fits(self, ahead: int) -> bool:
        if self.start is None:
            return not self.probed and not self.out
        earliest, latest = self.start
        if self.top is not None or any(
            sent >= latest for sent in (*self.out.values(), *(a.sent for a in self.answered))
        ):
            return False
        maybe_here = sum(
            one.replied >= earliest and not (one.surely and one.window < self.index) for one in self.answered
        )
        return maybe_here + len(self.out) + ahead < self.limit

    def _moments(self, now: float, priority: Priority, ahead: int) -> list[float]:
        """When something changes by itself."""
        moments = [self.hold_until, self.neighbours.until, *(self._lost_at(*one) for one in self.out.items())]
        if self.start is None:
            moments.append(self.born + self.period)
        else:
            moments.append(self.start[1] + self.period + _SLACK + 1e-4)
            if (at := self._release_at()) is not None:
                moments.append(at)
        if self._slots_fit(now):
            taken = sorted(one.replied for one in self.answered if one.replied > now - self.period)
            over = len(taken) + len(self.out) + ahead - self._allowed(now, priority)
            if 0 <= over < len(taken):
                moments.append(taken[over] + self.period)
        return moments

    # As JSON

    def dump(self) -> dict[str, Any]:
        """What `load` reads."""
        return {
            "form": _FORM,
            "limit": self.limit,
            "configured": self.limit,  # for processes of the version before
            "told": self.told,
            "period": self.period,
            "born": self.born,
            "last": self.last,
            "hold_until": self.hold_until,
            **self.neighbours.dump(),
            "favoured": list(self.favoured),
            "demands": {name: demand.dump() for name, demand in self.demands.items()},
            "probed": self.probed,
            "index": self.index,
            "start": None if self.start is None else list(self.start),
            "top": self.top,
            "base": [self.base, self.base_sent, self.base_sure],
            "out": self.out,
            "seen": self.seen,
            "answered": [[one.sent, one.replied, one.number, one.window, one.surely] for one in self.answered],
        }

    @classmethod
    def load(
        cls,
        stored: Mapping[str, Any] | None,
        *,
        limit: int,
        period: float,
        now: float,
        lost_after: float = _LOST_AFTER,
        reserve: Reserve | None = None,
    ) -> "Window":
        """The stored window, or one of which nothing is known.

        `limit` counts until the store tells its own; another period starts anew.
        """
        reserve = reserve or Reserve()
        if stored is None or stored.get("form") != _FORM or stored["period"] != period:
            return cls(limit, period, now, lost_after, reserve, last=now)
        start, favoured = stored["start"], stored.get("favoured", (0.0, -1))
        return cls(
            limit=stored["limit"] if stored.get("told", True) else limit,
            period=period,
            born=stored["born"],
            lost_after=lost_after,
            reserve=reserve,
            told=stored.get("told", True),
            last=stored["last"],
            hold_until=stored["hold_until"],
            neighbours=Neighbours.load(stored),
            favoured=(favoured[0], favoured[1]),
            demands={name: Demand.load(demand) for name, demand in stored.get("demands", {}).items()},
            probed=stored["probed"],
            index=stored["index"],
            start=None if start is None else (start[0], start[1]),
            top=stored["top"],
            base=stored["base"][0],
            base_sent=stored["base"][1],
            base_sure=stored["base"][2],
            out=dict(stored["out"]),
            seen=dict(stored.get("seen", {})),
            answered=[Answered(*one) for one in stored["answered"]],
        )


def _meet(known: tuple[float, float], seen: tuple[float, float]) -> tuple[float, float] | None:
    """What both intervals allow; none where they exclude each other."""
    earliest, latest = max(known[0], seen[0]), min(known[1], seen[1])
    return (earliest, latest) if earliest <= latest else None
