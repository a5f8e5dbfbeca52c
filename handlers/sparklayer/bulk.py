"""Sending rows in bulk: as many per call as the site takes, and a bad row alone pays for itself.

SparkLayer applies nothing of a call that it refuses. So the rows it names are taken out and the rest goes again; where
it names none, the call is halved until the bad row stands alone.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx

from connector.errors import PlatformError, Refused, TooLarge
from handlers.outcome import Applied, Failed, Outcome, Rejected, Waiting
from handlers.sparklayer.classify import classify, stops_the_side


@dataclass(frozen=True, slots=True, eq=False)
class BulkRow:
    """One line of a bulk call: the task it belongs to, the SKU, and whether a variant is known to have that now."""

    task: str
    sku: str
    body: Mapping[str, Any]
    live: bool = True


Complaints = Mapping[int, Outcome]
"""Which rows of a refused call are bad, by their index, and why."""

Send = Callable[[Sequence[BulkRow]], Awaitable[None]]
Blame = Callable[[Refused, Sequence[BulkRow]], Awaitable[Complaints]]


class RowLimit:
    """How many rows a call may have: the setting, less where the site has refused that many or was too slow.

    What was too large once stays too large; after a time-out the limit doubles with every call that succeeds.
    """

    def __init__(self) -> None:
        self._too_large: int | None = None
        self._slow: int | None = None

    def rows(self, setting: int) -> int:
        """For the next call."""
        return max(1, min(setting, self._too_large or setting, self._slow or setting))

    def too_large(self, rows: int) -> None:
        """That many were refused as too large."""
        self._too_large = max(1, rows // 2)

    def too_slow(self, rows: int) -> None:
        """That many were not answered in time."""
        self._slow = max(1, rows // 2)

    def good(self) -> None:
        """A call succeeded."""
        if self._slow is not None:
            self._slow *= 2


class BulkSender:
    """Sends rows of one kind to one site; `blame` finds the bad rows of a refused call, none if it cannot."""

    def __init__(self, send: Send, blame: Blame) -> None:
        self._send = send
        self._blame = blame
        self._limit = RowLimit()

    async def deliver(self, rows: Sequence[BulkRow], most: int) -> list[Outcome | None]:
        """What became of each row; none = it is there. At most `most` rows per call."""
        found: dict[int, Outcome] = {}
        waiting = list(range(len(rows)))
        slow = 0
        while waiting:
            size = self._limit.rows(most)
            part, waiting = waiting[:size], waiting[size:]
            trouble, undone = await self._deliver_part(rows, part, found)
            if trouble is None:
                continue
            if isinstance(trouble, TooLarge) and len(undone) > 1:
                self._limit.too_large(len(undone))
                waiting = undone + waiting
                continue
            if is_time_out(trouble) and len(undone) > 1:
                self._limit.too_slow(len(undone))
                slow += 1
                if slow == 1:  # once per delivery: on a site that is down every half would time out as well
                    waiting = undone + waiting
                    continue
            outcome = classify(trouble)
            found.update(dict.fromkeys(undone, outcome))
            if stops_the_side(outcome):
                found.update(dict.fromkeys(waiting, outcome))
                break
        return [found.get(at) for at in range(len(rows))]

    async def _deliver_part(
        self, rows: Sequence[BulkRow], part: Sequence[int], found: dict[int, Outcome]
    ) -> tuple[PlatformError | None, list[int]]:
        """One call and what its refusals lead to; refused rows go to `found`.

        Any other trouble is returned with the rows that are still to be sent.
        """
        stack: list[list[int]] = [list(part)]
        while stack:
            now = stack.pop()
            try:
                await self._send([rows[at] for at in now])
            except Refused as error:
                try:
                    complaints = await self._blame(error, [rows[at] for at in now])
                except PlatformError as trouble:
                    return trouble, [*now, *(at for rest in reversed(stack) for at in rest)]
                if complaints:
                    found.update({now[at]: outcome for at, outcome in complaints.items()})
                    rest = [at for index, at in enumerate(now) if index not in complaints]
                    stack.extend([rest] if rest else [])
                elif len(now) == 1:
                    found[now[0]] = classify(error)
                else:
                    middle = len(now) // 2
                    stack.extend([now[middle:], now[:middle]])
            except PlatformError as trouble:
                return trouble, [*now, *(at for rest in reversed(stack) for at in rest)]
            else:
                self._limit.good()
        return None, []


def is_time_out(error: PlatformError) -> bool:
    """Whether no answer came in time, which a smaller call may mend."""
    return isinstance(error.__cause__, httpx.TimeoutException)


def of_task(found: Sequence[Outcome | None], done: Applied) -> Outcome:
    """The outcome of a task from those of its rows: the most urgent trouble, else `done`.

    Where some rows went through and others did not, what was applied before no longer describes the platform.
    """
    trouble = [outcome for outcome in found if outcome is not None]
    if not trouble:
        return done
    partly = len(trouble) < len(found)
    worst = min(trouble, key=lambda outcome: _URGENCY.index(type(outcome)))
    if partly and isinstance(worst, Failed):
        return replace(worst, uncertain=True)
    if isinstance(worst, Rejected):
        refusals = [outcome for outcome in trouble if isinstance(outcome, Rejected)]
        details = [detail for refusal in refusals for detail in refusal.details]
        message = "; ".join(dict.fromkeys(refusal.message for refusal in refusals))
        return replace(
            worst, message=message, details=details, applied=replace(done, hash="partly") if partly else None
        )
    return worst


_URGENCY: tuple[type[Outcome], ...] = (Failed, Waiting, Rejected, Applied)
