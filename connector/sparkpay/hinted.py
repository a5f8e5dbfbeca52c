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

_LONGEST_SECONDS = 2.0
_QUIET_SECONDS = 4.0
_ARRIVALS_SECONDS = 60.0


class HintedReads:
    """Turns hints into reads. A flood is read in ever larger strides, so that it costs few calls."""

    def __init__(
        self,
        hints: Hints,
        readers: Mapping[str, ReadNamed],
        clock: Clock,
        trust: WebhookTrust,
        *,
        at_once: int = AT_ONCE,
    ) -> None:
        """`readers` by resource; hints of other resources are dropped: nobody follows these."""
        self._hints = hints
        self._readers = readers
        self._clock = clock
        self._trust = trust
        self._at_once = at_once
        self._stride = 0.0
        self._ended_at: float | None = None
        self._arrivals_at: float | None = None

    async def step(self) -> float:
        """Read the oldest hints; returns the seconds until the next step may begin.

        Raises what reading raises; then the hints stay.
        """
        await self._clock.sleep(GATHER_SECONDS)
        taken = await self._hints.take(self._at_once)
        by_resource: dict[str, list[int]] = {}
        for hint in taken:
            by_resource.setdefault(hint.resource, []).append(hint.number)
        for resource, numbers in by_resource.items():
            self._trust.announced(resource, numbers)
            if (read := self._readers.get(resource)) is not None:
                await read(numbers)
        await self._hints.forget(taken)
        return self._pause() if taken else 0.0

    async def learn(self) -> None:
        """See now and then which resources announce their changes."""
        now = self._clock.monotonic()
        if self._arrivals_at is None or now >= self._arrivals_at + _ARRIVALS_SECONDS:
            self._arrivals_at = now
            self._trust.arrivals(await self._hints.arrivals())

    def _pause(self) -> float:
        """The first hints after a quiet time are read at once, those that keep coming ever more together."""
        now = self._clock.monotonic()
        if self._ended_at is None or now > self._ended_at + _QUIET_SECONDS:
            self._stride = 0.0
        else:
            self._stride = min(_LONGEST_SECONDS, max(0.1, 2 * self._stride))
        self._ended_at = now
        return self._stride
