"""Delivering webhooks over the network, for a sandbox that is a server (vendor docs: webhooks)."""

from __future__ import annotations

import httpx

TIMEOUT_SECONDS = 3.0
"""What is documented for events that wait for an answer; of the others nothing is said."""


class NotTaken(Exception):
    """The receiver answered, but not that it has it."""


class WebhookPost:
    """Posts bodies as JSON; call `close` at the end."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, transport=transport, trust_env=False)

    async def __call__(self, url: str, body: bytes) -> None:
        """Raises `NotTaken`, and what httpx raises."""
        answer = await self._client.post(url, content=body, headers={"Content-Type": "application/json"})
        if not answer.is_success:
            raise NotTaken(f"answered {answer.status_code}")

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()
