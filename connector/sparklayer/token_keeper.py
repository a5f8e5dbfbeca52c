"""One token per site, renewed in time and by one task while the others wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from connector.clock import Clock
from connector.sparklayer.token import Token, TokenStore

RENEW_EARLY = timedelta(seconds=60)


class TokenKeeper:
    """Gives out a token that lives; `fetch` buys a new one. What `fetch` raises reaches everybody who waits."""

    def __init__(self, fetch: Callable[[], Awaitable[Token]], store: TokenStore, clock: Clock) -> None:
        self._fetch = fetch
        self._store = store
        self._clock = clock
        self._token: Token | None = None
        self._dead: str | None = None
        self._flight: asyncio.Task[Token] | None = None

    async def current(self) -> Token:
        """Return a token that has more than a minute to live: from memory, from the store, or a new one."""
        if self._token is not None and self._good(self._token):
            return self._token
        return await self._shared()

    async def renew(self, refused: Token) -> Token:
        """Return another token than the one that was answered with 401, also if that should still live.

        Where the site sells the very same one again, that: the next 401 is then an answer to new keys.
        """
        if self._token is None or self._token.value == refused.value:
            self._dead = refused.value
        token = await self.current()
        if token.value == refused.value:
            # A renewal that had begun before the refusal was known can end with the same token.
            self._dead = refused.value
            token = await self._shared()
        return token

    async def aclose(self) -> None:
        """Stop a renewal that is under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    def _good(self, token: Token) -> bool:
        return token.value != self._dead and self._clock.now() + RENEW_EARLY < token.expires_at

    async def _shared(self) -> Token:
        if self._flight is None:
            self._flight = asyncio.create_task(self._obtain())
            self._flight.add_done_callback(self._landed)
        # Shielded: a caller that gives up must not take the token from the others.
        return await asyncio.shield(self._flight)

    async def _obtain(self) -> Token:
        stored = await self._store.load()
        if stored is not None and self._good(stored):
            self._token = stored
            return stored
        token = await self._fetch()
        self._token = token
        await self._store.save(token)
        return token

    def _landed(self, flight: asyncio.Task[Token]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # seen here, so that a renewal nobody waits for any more is not reported as lost
