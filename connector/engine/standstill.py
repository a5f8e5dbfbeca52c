"""How one side of a connection comes to stand still, tries whether it may go on, and does."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from connector.clock import Clock
from connector.engine.metrics import Metrics
from connector.engine.policies import Probing
from connector.errors import CredentialsRefused, PayLayerError
from connector.state.pauses import BY_ACCESS, BY_HAND, Pause, PauseKind, SidePauses

log = structlog.get_logger("paylayer.pauses")

_ENDING_SECONDS = 1.0

Access = Callable[[], Awaitable[None]]
"""One harmless read that shows whether the credentials are good; raises `CredentialsRefused` where they are not."""


@dataclass(slots=True)
class Standstill:
    """The pauses of one side. The database knows them; this process, which holds the side's lease, does the probing."""

    connection: str
    side: str
    pauses: SidePauses
    clock: Clock
    rng: random.Random
    metrics: Metrics | None = None
    access: Access | None = None
    version: int | None = None  # of the connection that is worked with; a pause is for no other
    probing: Probing = field(init=False)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.probing = Probing(self.rng)

    async def current(self) -> Pause | None:
        """The pause, if there is one."""
        return (await self.pauses.paused(self.connection)).get(self.side)

    async def begin(self, reason: str, kind: PauseKind) -> None:
        """Stop. What waits is kept; a pause that is there already is kept up to date."""
        before = await self.current()
        if before is not None and before.kind in (kind, BY_HAND):
            return
        probe_at = None if kind == BY_HAND else self._in(self.probing.first(self.clock.monotonic()))
        was_running = await self.pauses.pause(
            self.connection, self.side, reason, probe_at, kind=kind, version=self.version
        )
        if was_running is None:  # somebody changed the connection: this job is about to end, and asks nothing more
            await self.clock.sleep(_ENDING_SECONDS)
            return
        if before is None and not was_running:
            return  # another job of the side met the same at the same moment, and has told
        log.error(
            "side_paused", connection=self.connection, side=self.side, kind=kind, reason=reason,
            next_probe=None if probe_at is None else probe_at.isoformat(timespec="seconds"),
        )  # fmt: skip
        if self.metrics is not None:
            self.metrics.pause_began(self.connection, self.side, kind)

    async def ask(self, pause: Pause) -> bool:
        """Whether the credentials are good by now; then the pause is over. One at a time, and only when it is due."""
        if pause.kind not in BY_ACCESS or self.access is None or self._asking.locked():
            return False
        async with self._asking:
            now = await self.current()
            if now is None or now.kind not in BY_ACCESS or not now.probe_is_due(self.clock.now()):
                return now is None
            try:
                await self.access()
            except CredentialsRefused as error:
                await self.failed(now, str(error))
                return False
            except PayLayerError as error:
                await self.failed(now, f"the platform did not answer as it should: {error}")
                return False
            await self.end(now.kind)
            return True

    async def failed(self, pause: Pause, why: str) -> None:
        """A probe showed that nothing is better yet."""
        probe_at = self._in(self.probing.next(pause.probes + 1))
        await self.pauses.probe_failed(self.connection, self.side, probe_at)
        self._probed("failed")
        log.warning(
            "probe_failed", connection=self.connection, side=self.side, kind=pause.kind, why=why,
            next_probe=probe_at.isoformat(timespec="seconds"),
        )  # fmt: skip

    async def end(self, kind: PauseKind) -> None:
        """A probe succeeded: the side goes on."""
        if await self.pauses.end(self.connection, self.side, kind):
            self.probing.ended(self.clock.monotonic())
            self._probed("passed")
            log.warning("side_resumed", connection=self.connection, side=self.side, kind=kind, by="a probe")

    def _in(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)

    def _probed(self, result: str) -> None:
        if self.metrics is not None:
            self.metrics.probed(self.connection, self.side, result)
