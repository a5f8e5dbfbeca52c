"""Whether calls to a platform may leave: not once the process is ending, nor when another one may have its work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from connector.errors import OutcomeUnknown, Withheld

WITHHELD = "withheld"  # the code of a call that did not leave
_LAST_MOMENT = "send_request_headers.started"


def _always() -> bool:
    return True


@dataclass(slots=True, eq=False)
class Leave:
    """The permit for one call."""

    permit: "CallPermit"
    side: str
    endpoint: str
    limit: asyncio.Timeout
    left: bool = False

    def take(self) -> None:
        """The call leaves now; raises `Withheld` where it must not."""
        self.permit.require(self.side, self.endpoint)
        self.left = True

    async def last_look(self, event: str, _info: object) -> None:
        """For httpx's extension `trace`: looks once more when a connection was found and the first byte is to leave.

        A process can be frozen at any point, also while it waits for a connection.
        """
        if event.endswith(_LAST_MOMENT):
            self.permit.require(self.side, self.endpoint)


@dataclass(slots=True)
class CallPermit:
    """What a client asks before each call. `held` says whether this process still has the right to call."""

    held: Callable[[], bool] = _always
    _closed: bool = False
    _leaves: set[Leave] = field(default_factory=set)

    def close(self) -> None:
        """No call leaves any more. Those that wait for their turn end now, those that left are waited for."""
        self._closed = True
        for leave in self._leaves:
            if not leave.left:
                _end(leave)

    def cut(self) -> None:
        """Nothing is waited for any more: what left and was not answered has an unknown outcome."""
        self._closed = True
        for leave in self._leaves:
            _end(leave)

    @property
    def open(self) -> bool:
        """Whether calls may leave."""
        return not self._closed and self.held()

    def require(self, side: str, endpoint: str) -> None:
        """Raise `Withheld` where no call may leave."""
        if not self.open:
            raise _withheld(side, endpoint)

    @asynccontextmanager
    async def call(self, side: str, endpoint: str) -> AsyncIterator[Leave]:
        """The block of one call, with its waits before; raises `Withheld`, or `OutcomeUnknown` where it was cut off."""
        self.require(side, endpoint)
        limit = asyncio.timeout(None)
        leave = Leave(self, side, endpoint, limit)
        try:
            async with limit:
                self._leaves.add(leave)
                try:
                    yield leave
                finally:
                    self._leaves.discard(leave)
        except TimeoutError as error:
            if not limit.expired():
                raise
            if leave.left:
                message = "this process ended before the answer came"
                raise OutcomeUnknown(message, side=side, endpoint=endpoint) from error
            raise _withheld(side, endpoint) from error


def _end(leave: Leave) -> None:
    if leave.limit.when() is None:  # not told before
        leave.limit.reschedule(asyncio.get_running_loop().time())


def _withheld(side: str, endpoint: str) -> Withheld:
    message = "not sent: this process is ending, or another one has taken over"
    return Withheld(message, side=side, endpoint=endpoint, code=WITHHELD)
