"""Clients of one connection's two platforms, with budget, token store and call meter in place."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import httpx
from pydantic import SecretStr

from connector.app.core import Core
from connector.budget import Reserve, SharedBudget
from connector.engine.usage import CallMeter
from connector.permit import CallPermit
from connector.ports import CallBudget
from connector.rehearsal import ListeningTransport, Rehearsal
from connector.sparklayer import Credentials, SparkLayerClient
from connector.sparklayer.gate import CallGate, GatePolicy
from connector.sparklayer.rehearsal import RehearsalTransport
from connector.sparklayer.token import Token
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.rehearsal import RehearsedStore
from connector.state.connections import Connection
from connector.state.tokens import SealedTokens
from connector.tls import trusted

CHECKOUT_CALLS = 6  # what a new cart costs, see `IgniteQuotes`
Transport = Callable[[str], httpx.AsyncBaseTransport | None]


def real_network(_url: str) -> httpx.AsyncBaseTransport | None:
    """Httpx's own transport."""
    return None


@dataclass(frozen=True, slots=True)
class StoredToken:
    """SparkLayer's access token in the sealed store, shared by all processes."""

    tokens: SealedTokens
    name: str

    async def load(self) -> Token | None:
        """The stored token, expired or not."""
        found = await self.tokens.load(self.name)
        return None if found is None else Token(found[0], found[1])

    async def save(self, token: Token) -> None:
        """Keep it for the next process."""
        await self.tokens.save(self.name, token.value, token.expires_at)


@dataclass(slots=True)
class Platforms:
    """Makes the clients of a process; a store's budget is shared through the database, whoever asks for it."""

    core: Core
    meter: CallMeter
    transport: Transport = real_network

    def budget(self, connection: Connection) -> SharedBudget:
        """The store's call budget, shared by every process through the database."""
        reading = connection.settings.sparkpay
        return SharedBudget(
            self.core.budgets,
            connection.sparkpay.url,
            clock=self.core.clock,
            limit=reading.limit,
            period=reading.window_seconds,
            reserve=None if self.core.settings.ignite_token is None else _with_a_checkout(reading.limit),
        )

    def sparkpay(
        self,
        connection: Connection,
        budget: CallBudget,
        *,
        permit: CallPermit | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> SparkPayClient:
        """A client of the connection's store; with a `rehearsal`, one that writes nothing there."""
        reading = connection.settings.sparkpay
        make = SparkPayClient if rehearsal is None else partial(RehearsedStore, rehearsal)
        return make(
            connection.sparkpay.url,
            SecretStr(connection.sparkpay.token),
            budget=budget,
            transport=self._heard(connection.sparkpay.url, rehearsal, "sparkpay"),
            clock=self.core.clock,
            on_call=self._hook(connection.id, "sparkpay") if rehearsal is None else None,
            page_size=reading.page_size,
            expand_page_size=reading.expand_page_size,
            ids_per_call=reading.ids_per_call,
            permit=permit,
        )

    def sparklayer(
        self,
        connection: Connection,
        *,
        stored_token: bool = True,
        permit: CallPermit | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> SparkLayerClient:
        """A client of the connection's site; without the stored token it has to show its keys.

        With a `rehearsal` it is one that writes nothing there.
        """
        access, settings = connection.sparklayer, connection.settings.sparklayer
        transport = self._heard(access.url, rehearsal, "sparklayer")
        policy = GatePolicy(
            start=settings.concurrency,
            largest=max(settings.concurrency, settings.max_concurrency),
            max_rps=settings.max_rps,
        )
        return SparkLayerClient(
            access.url,
            access.site_id,
            Credentials(access.client_id, access.client_secret),
            transport=None if transport is None else _unwritten(transport, rehearsal),
            clock=self.core.clock,
            gate=CallGate(policy, self.core.clock),
            tokens=StoredToken(self.core.tokens, f"{connection.id}/sparklayer/{access.client_id}")
            if stored_token
            else None,
            on_call=self._hook(connection.id, "sparklayer") if rehearsal is None else None,
            permit=permit,
        )

    def _heard(self, url: str, rehearsal: Rehearsal | None, side: str) -> httpx.AsyncBaseTransport | None:
        transport = self.transport(url)
        if rehearsal is None:
            return transport
        return ListeningTransport(transport or httpx.AsyncHTTPTransport(verify=trusted()), rehearsal, side)

    def _hook(self, connection: str, side: str) -> Callable[[str, str, int | None, float], None]:
        def on_call(_method: str, _route: str, status: int | None, seconds: float) -> None:
            self.meter.count(connection, side, status, seconds)

        return on_call


def _unwritten(transport: httpx.AsyncBaseTransport, rehearsal: Rehearsal | None) -> httpx.AsyncBaseTransport:
    return transport if rehearsal is None else RehearsalTransport(transport, rehearsal)


def _with_a_checkout(limit: int) -> Reserve:
    """Where shoppers may come, what a cart costs to ask about is kept in each window, at most half of it."""
    kept = Reserve()
    return replace(kept, interactive=max(kept.interactive, min(0.5, CHECKOUT_CALLS / limit)))
