"""Tokens, and where they are kept."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and the moment (aware UTC) from which it is worthless; the value is in no repr."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenStore(Protocol):
    """Where a token outlives the process and is shared with the others; an implementation encrypts it."""

    async def load(self) -> Token | None:
        """Return the token that was saved last, expired or not."""
        ...

    async def save(self, token: Token) -> None:
        """Keep this one from now on."""
        ...


class MemoryTokenStore:
    """A store that forgets when the process ends."""

    def __init__(self, token: Token | None = None) -> None:
        self._token = token

    async def load(self) -> Token | None:
        """Return the token that was saved last."""
        return self._token

    async def save(self, token: Token) -> None:
        """Keep this one."""
        self._token = token
