"""Which webhook belongs to which connection: by a secret in its address, because the platform signs nothing."""

import asyncio
import hmac
from dataclasses import dataclass, field

from connector.clock import Clock
from connector.state.webhook_access import SealedSecrets, WebhookSecrets, digest

FRESH_SECONDS = 1.0
_NOBODY = (bytes(32),)


@dataclass(slots=True)
class WebhookDoor:
    """Compares secrets with those of the database, which is asked once a second at most, however many calls come."""

    secrets: WebhookSecrets
    clock: Clock
    _sealed: dict[str, SealedSecrets] = field(default_factory=dict)
    _known: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    _read_at: float | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def admits(self, connection: str, secret: str) -> bool:
        """Whether the secret is that of the connection; a stranger learns nothing from the answer or its time.

        Raises what the database raises.
        """
        await self._refresh()
        given = digest(secret)
        wanted = self._known.get(connection, _NOBODY)
        fits = [hmac.compare_digest(given, each) for each in wanted]
        return any(fits) and connection in self._known

    async def _refresh(self) -> None:
        if self._is_fresh():
            return
        async with self._reading:
            if self._is_fresh():
                return
            sealed = await self.secrets.sealed()
            self._known = {
                connection: self._known[connection]
                if self._sealed.get(connection) == texts
                else self.secrets.digests(texts)
                for connection, texts in sealed.items()
            }
            self._sealed = sealed
            self._read_at = self.clock.monotonic()

    def _is_fresh(self) -> bool:
        return self._read_at is not None and self.clock.monotonic() < self._read_at + FRESH_SECONDS
