"""Which webhook belongs to which connection: by a secret in its address, because the platform signs nothing."""

import asyncio
import contextlib
import hmac
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.errors import PayLayerError
from connector.state.webhook_access import SealedSecrets, WebhookSecrets, digest

FRESH_SECONDS = 1.0
_AHEAD_SECONDS = 0.5  # while calls come they are read again before that is over, so that none waits for it
_NEWEST_SECONDS = 0.1
_NOBODY = (bytes(32),)


@dataclass(slots=True)
class WebhookDoor:
    """Compares secrets with those of the database, which is asked a few times a second at most, whatever comes."""

    secrets: WebhookSecrets
    clock: Clock
    _sealed: dict[str, SealedSecrets] = field(default_factory=dict)
    _known: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    _read_at: float | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ahead: asyncio.Task[None] | None = None

    async def admits(self, connection: str, secret: str) -> bool:
        """Whether the secret is that of the connection; a stranger learns nothing from the answer or its time.

        Raises what the database raises.
        """
        if not self._is_younger(FRESH_SECONDS):
            await self._refresh(FRESH_SECONDS)
        elif not self._is_younger(_AHEAD_SECONDS) and (self._ahead is None or self._ahead.done()):
            self._ahead = asyncio.create_task(self._read_ahead(), name="webhook secrets")
        if self._fits(connection, secret):
            return True
        await self._refresh(_NEWEST_SECONDS)  # it may have been given out a moment ago, by another process perhaps
        return self._fits(connection, secret)

    def _fits(self, connection: str, secret: str) -> bool:
        given = digest(secret)
        wanted = self._known.get(connection, _NOBODY)
        fits = [hmac.compare_digest(given, each) for each in wanted]
        return any(fits) and connection in self._known

    async def _read_ahead(self) -> None:
        with contextlib.suppress(PayLayerError):  # whoever comes when nothing is fresh any more is told
            await self._refresh(_AHEAD_SECONDS)

    async def _refresh(self, younger: float) -> None:
        async with self._reading:
            if self._is_younger(younger):
                return
            began = self.clock.monotonic()
            sealed = await self.secrets.sealed()
            self._known = {
                connection: self._known[connection]
                if self._sealed.get(connection) == texts
                else self.secrets.digests(texts)
                for connection, texts in sealed.items()
            }
            self._sealed = sealed
            self._read_at = began

    def _is_younger(self, seconds: float) -> bool:
        return self._read_at is not None and self.clock.monotonic() < self._read_at + seconds
