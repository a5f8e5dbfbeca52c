"""Reading what webhooks named: together, as a live change, and forgotten only if it was not named again meanwhile."""

from collections.abc import Mapping

from connector.clock import Clock
from connector.ports import Hints
from connector.sparkpay.stream import ReadNamed
from connector.sparkpay.webhook_trust import WebhookTrust

AT_ONCE = 200
"""Rows of one `select_many` call."""

GATHER_SECONDS = 0.05
"""One edit in the store fires several events."""

_SHARE = 0.5
"""Of the store's plan, for reading what is named while it keeps coming; the other half is for all the rest."""

_AT_ONCE_SECONDS = 2.0
"""What the share allows in this time may be used at once after a quiet time: single changes are read as they come."""

_LONGEST_REST = 2.0

_ARRIVALS_SECONDS = 60.0


class HintedReads:
    """Turns hints into reads. A flood is read in strides as large as the store's plan asks, so that calls are left."""

    def __init__(
        self,
        hints: Hints,
        readers: Mapping[str, ReadNamed],
        clock: Clock,
        trust: WebhookTrust,
        calls_per_second: float,
        *,
        at_once: int = AT_ONCE,
    ) -> None:
        """`readers` by resource; hints of other resources are dropped: nobody follows these.

        `calls_per_second` is what the store's plan allows.
        """
        self._hints = hints
        self._readers = readers
        self._clock = clock
        self._trust = trust
        self._at_once = at_once
        self._seconds_per_call = 1 / (_SHARE * calls_per_second)
        self._paid_until = 0.0
        self._arrivals_at: float | None = None

    async def step(self) -> float:
        """Read the oldest hints; returns the seconds until the next step may begin.

        That is as long as this one took, at least: the busier the process, the more is read together, and the more
        time is left for storing what is still told. Raises what reading raises; then the hints stay.
        """
        await self._clock.sleep(GATHER_SECONDS)
        began = self._clock.monotonic()
        taken = await self._hints.take(self._at_once)
        by_resource: dict[str, list[int]] = {}
        for hint in taken:
            by_resource.setdefault(hint.resource, []).append(hint.number)
        for resource, numbers in by_resource.items():
            self._trust.announced(resource, numbers)
            if (read := self._readers.get(resource)) is not None:
                await read(numbers)
        await self._hints.forget(taken)
        rest = min(self._clock.monotonic() - began, _LONGEST_REST)
        return max(rest, self._pause(len(by_resource.keys() & self._readers.keys())))

    async def learn(self) -> None:
        """See now and then which resources announce their changes."""
        now = self._clock.monotonic()
        if self._arrivals_at is None or now >= self._arrivals_at + _ARRIVALS_SECONDS:
            self._arrivals_at = now
            self._trust.arrivals(await self._hints.arrivals())

    def _pause(self, calls: int) -> float:
        """After so many calls: none while the share has some left, so that single changes are read as they come."""
        now = self._clock.monotonic()
        self._paid_until = max(now, self._paid_until) + calls * self._seconds_per_call
        return max(0.0, self._paid_until - now - _AT_ONCE_SECONDS)
