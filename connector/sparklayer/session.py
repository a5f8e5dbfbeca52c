"""One call: token, gate, HTTP, answer. Nothing is sent twice here but after the first 401."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import NoReturn

import httpx

from connector.clock import Clock
from connector.errors import (
    ContractFault,
    OutcomeUnknown,
    PlatformError,
    Refused,
    TargetIll,
    Throttled,
)
from connector.permit import CallPermit
from connector.sparklayer.answers import error_for
from connector.sparklayer.credentials import Credentials
from connector.sparklayer.endpoint import SIDE, TOKEN, Endpoint
from connector.sparklayer.gate import CallGate
from connector.sparklayer.token import Token, TokenStore
from connector.sparklayer.token_keeper import TokenKeeper
from connector.sparklayer.wire import Row, decode, encode

OnCall = Callable[[str, str, int | None, float], None]
"""Told of every call: method, path template, status (None if no answer came), seconds."""

_CONNECT_SECONDS = 10.0
_DEFAULT_TOKEN_SECONDS = 3600
_LONGEST_TOKEN_SECONDS = 30 * 86_400  # believed; a refused token is renewed in any case
_IN_A_HEADER = re.compile(r"[!-~]+")
# Errors of httpx that mean that nothing of the request has left.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class _TokenRefused(Exception):
    """A call was answered with 401: the token that it carried, and what to raise if another one does not help."""

    def __init__(self, token: Token, error: PlatformError) -> None:
        super().__init__(str(error))
        self.token = token
        self.error = error


class Session:
    """Calls of one site with one pair of keys."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        site_id: str,
        credentials: Credentials,
        *,
        clock: Clock,
        gate: CallGate,
        store: TokenStore,
        on_call: OnCall,
        permit: CallPermit,
    ) -> None:
        self._http = http
        self._site_id = site_id
        self._credentials = credentials
        self._clock = clock
        self._gate = gate
        self._on_call = on_call
        self._permit = permit
        self._tokens = TokenKeeper(self._buy_token, store, clock)

    async def aclose(self) -> None:
        """Stop a token renewal and close the connections."""
        await self._tokens.aclose()
        await self._http.aclose()

    async def check_token(self) -> None:
        """Make sure that there is a token; raises what `call` would raise without one."""
        await self._tokens.current()

    async def call(
        self,
        endpoint: Endpoint,
        keys: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> object:
        """Call and return the parsed answer, None for an empty one.

        Raises a `PlatformError`: `OutcomeUnknown` when a write left and no whole answer came, otherwise as the table
        in `answers` says. A first 401 renews the token and sends the call once more.
        """
        path = endpoint.path(keys or {})
        request = self._request(endpoint, path, query, body)
        try:
            return await self._send(endpoint, path, request, None)
        except _TokenRefused as first:
            refused = first.token
        try:
            return await self._send(endpoint, path, request, refused)
        except _TokenRefused as second:
            raise second.error from None

    async def call_for_row(
        self, endpoint: Endpoint, keys: Mapping[str, str] | None = None, *, body: object = None
    ) -> Row:
        """Call an endpoint that answers with one object; an empty answer is an empty object."""
        answer = await self.call(endpoint, keys, body=body)
        if answer is None:
            return {}
        return answer if isinstance(answer, dict) else self._misshapen(endpoint, "an object")

    async def call_for_rows(
        self,
        endpoint: Endpoint,
        keys: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> list[Row]:
        """Call an endpoint that answers with an array of objects; an empty answer is an empty array."""
        answer = await self.call(endpoint, keys, query=query, body=body)
        if answer is None:
            return []
        if isinstance(answer, list) and all(isinstance(row, dict) for row in answer):
            return answer
        return self._misshapen(endpoint, "an array of objects")

    async def _send(self, endpoint: Endpoint, path: str, request: httpx.Request, refused: Token | None) -> object:
        async with self._permit.call(SIDE, endpoint.name) as leave, self._gate.enter(endpoint.name) as turn:
            # Only now: a token that was taken before a long wait could be dead after it.
            token = await (self._tokens.current() if refused is None else self._tokens.renew(refused))
            request.headers["Authorization"] = f"Bearer {token.value}"
            request.extensions["trace"] = leave.last_look
            leave.take()
            began = self._clock.monotonic()
            try:
                response = await self._exchange(endpoint, path, request)
            except PlatformError as error:
                if isinstance(error.__cause__, httpx.TimeoutException):
                    turn.timed_out()
                raise
            if response.is_success:
                turn.answered(self._clock.monotonic() - began)
                return self._read(endpoint, path, response)
            refusal = self._error(endpoint, path, response)
            if isinstance(refusal, Throttled):
                turn.throttled(refusal.retry_after)
            elif not response.is_server_error:
                turn.answered(self._clock.monotonic() - began)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                raise _TokenRefused(token, refusal)
            raise refusal

    async def _buy_token(self) -> Token:
        # No turn at the gate: the calls that hold all the turns wait for this one.
        await self._gate.wait_until_open()
        keys = {"client_id": self._credentials.client_id, "client_secret": self._credentials.client_secret}
        body = {"grant_type": "client_credentials", **keys}
        response = await self._exchange(TOKEN, TOKEN.template, self._request(TOKEN, TOKEN.template, None, body))
        if not response.is_success:
            error = self._error(TOKEN, TOKEN.template, response)
            if isinstance(error, Throttled):
                self._gate.note_throttle(error.retry_after)
            raise error
        answer = self._read(TOKEN, TOKEN.template, response)
        value = answer.get("access_token") if isinstance(answer, dict) else None
        life = answer.get("expires_in", _DEFAULT_TOKEN_SECONDS) if isinstance(answer, dict) else None
        if not isinstance(value, str) or not _IN_A_HEADER.fullmatch(value) or not isinstance(life, int | Decimal):
            return self._misshapen(TOKEN, "a token with its life in seconds")
        return Token(value, self._clock.now() + timedelta(seconds=float(max(0, min(life, _LONGEST_TOKEN_SECONDS)))))

    def _request(self, endpoint: Endpoint, path: str, query: Mapping[str, str] | None, body: object) -> httpx.Request:
        headers = {"Site-Id": self._site_id}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            try:
                content = encode(body)
            except ValueError as error:  # a lone surrogate or an infinite number: no JSON text can say it
                raise Refused(
                    f"{self._where(path)}: the body cannot be written as JSON: {error}",
                    side=SIDE,
                    endpoint=endpoint.name,
                    code="body-not-encodable",
                ) from error
        timeout = httpx.Timeout(endpoint.seconds, connect=_CONNECT_SECONDS, pool=None)
        return self._http.build_request(
            endpoint.method, path, params=query, headers=headers, content=content, timeout=timeout
        )

    async def _exchange(self, endpoint: Endpoint, path: str, request: httpx.Request) -> httpx.Response:
        began = self._clock.monotonic()
        status: int | None = None
        try:
            response = await self._http.send(request)
            status = response.status_code
        except httpx.RequestError as error:
            sent = not isinstance(error, _NOT_SENT)
            kind = OutcomeUnknown if endpoint.writes and sent else TargetIll
            # One about a request that cannot be written quotes its headers, the token included.
            told = None if isinstance(error, httpx.LocalProtocolError) else error
            reason = str(told or "") or type(error).__name__
            raise kind(f"{self._where(path)}: {reason}", side=SIDE, endpoint=endpoint.name) from told
        else:
            return response
        finally:
            self._on_call(endpoint.method, endpoint.template, status, self._clock.monotonic() - began)

    def _read(self, endpoint: Endpoint, path: str, response: httpx.Response) -> object:
        if not response.content.strip():
            return None
        try:
            return decode(response.content)
        except ValueError as error:
            kind = OutcomeUnknown if endpoint.writes else ContractFault
            raise kind(
                f"{self._where(path)}: the answer is not whole JSON",
                side=SIDE,
                endpoint=endpoint.name,
                status=response.status_code,
            ) from error

    def _error(self, endpoint: Endpoint, path: str, response: httpx.Response) -> PlatformError:
        token = response.request.headers.get("Authorization", "").removeprefix("Bearer ")
        secrets = (self._credentials.client_secret, token)
        return error_for(endpoint, response, where=self._where(path), now=self._clock.now(), secrets=secrets)

    def _misshapen(self, endpoint: Endpoint, wanted: str) -> NoReturn:
        raise ContractFault(
            f"site {self._site_id}: the answer is not {wanted}", side=SIDE, endpoint=endpoint.name, status=200
        )

    def _where(self, path: str) -> str:
        return f"site {self._site_id}, {path}"
