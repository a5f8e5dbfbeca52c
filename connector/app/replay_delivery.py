"""Sending letters in slices, each acknowledged and on record before the next one goes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from aiolimiter import AsyncLimiter

from connector.bus.producer import Outgoing
from connector.bus.replay import Sender, send
from connector.errors import PayLayerError, Unavailable
from connector.state.letters import Deciding
from connector.state.replays import COMPLETE, Claim, Replays

Progress = Callable[[str, int, int | None], None]  # what is done, how many so far, of how many
SLICE = 200
SLICE_BYTES = 4 * 1024 * 1024
SENDING = "sending"
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Item:
    """A letter of the second pass: to be sent, or where there is no record, only to be recorded."""

    deciding: Deciding
    record: Outgoing | None = None
    superseded: bool = False

    @property
    def size(self) -> int:
        """In bytes, roughly."""
        return 0 if self.record is None else len(self.record.value or b"")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One replay at work. `again` is the command that goes on after an interruption."""

    replays: Replays
    claim: Claim
    sender: Sender
    by: str
    again: str
    progress: Progress

    @contextlib.asynccontextmanager
    async def recorded(self) -> AsyncIterator[None]:
        """Record how the replay ends, whichever way the block is left."""
        try:
            yield
        except Unavailable as error:
            await self._stopped(str(error))
            raise Unavailable(f"the replay stopped: {error}; to go on with the rest: {self.again}") from error
        except BaseException as error:
            stopped = isinstance(error, asyncio.CancelledError | KeyboardInterrupt | GeneratorExit)
            await self._stopped("stopped" if stopped else f"{type(error).__name__}: {error}")
            raise
        await self.replays.finish(self.claim, COMPLETE)

    async def _stopped(self, outcome: str) -> None:
        with contextlib.suppress(PayLayerError):  # the database may be what is down; then the replay's silence tells
            await self.replays.finish(self.claim, outcome)

    async def deliver(self, items: AsyncIterator[Item], *, rate: float | None, of: int | None) -> None:
        """Send slice by slice; a slice that was begun is finished and recorded even when the task is cancelled.

        `rate` in letters a second keeps it from flooding a side; the store's call budget holds in any case. Raises
        `Unavailable`: what was not recorded by then goes again with `again`.
        """
        size = SLICE if rate is None else max(1, min(SLICE, int(rate)))
        limiter = None if rate is None else AsyncLimiter(size, size / rate)
        done = 0
        async for part in _slices(items, size):
            letters = sum(item.record is not None for item in part)
            if limiter is not None and letters:
                await limiter.acquire(letters)
            await finished(self._slice(part))
            done += sum(not item.superseded for item in part)
            self.progress(SENDING, done, of)

    async def _slice(self, part: Sequence[Item]) -> None:
        to_send = [item for item in part if item.record is not None]
        refused = await send([item.record for item in to_send if item.record is not None], self.sender)
        decisions = [item.deciding for item in part if item.record is None]
        for at, item in enumerate(to_send):
            reason = refused.get(at)
            decisions.append(
                item.deciding if reason is None else Deciding(item.deciding.id, "new", not_sent(str(reason)))
            )
        sent = len(to_send) - len(refused)
        superseded = sum(item.superseded for item in part)
        await self.replays.record(
            self.claim,
            decisions,
            by=self.by,
            sent=sent,
            superseded=superseded,
            skipped=len(part) - sent - superseded,
        )


async def _slices(items: AsyncIterator[Item], size: int) -> AsyncGenerator[list[Item], None]:
    part: list[Item] = []
    letters = held = 0
    async for item in items:
        part.append(item)
        letters += item.record is not None
        held += item.size
        if letters >= size or len(part) >= SLICE or held >= SLICE_BYTES:
            yield part
            part, letters, held = [], 0, 0
    if part:
        yield part


async def finished(work: Coroutine[Any, Any, None]) -> None:
    """Cancellation waits for it."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at: the cancellation counts
        raise


def not_sent(reason: str) -> str:
    """The note on a letter that was meant and could not be sent."""
    return f"not sent: {reason}"[:_LONGEST_NOTE]
