"""One call to a Spark Pay store: its ticket, its retries, what its answer means."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal

import httpx
from pydantic import SecretStr

from connector.clock import Clock
from connector.cookies import no_cookies
from connector.errors import ContractFault, OutcomeUnknown, PlatformError, TargetIll, Throttled
from connector.permit import CallPermit, Leave
from connector.ports import CallBudget, Priority
from connector.retry_after import retry_after_seconds
from connector.sparkpay import answers, failures
from connector.sparkpay.answers import StrangeAnswer, UnreadableAnswer
from connector.sparkpay.exact_json import to_json
from connector.sparkpay.failures import SIDE
from connector.sparkpay.freshness import Freshness
from connector.sparkpay.server_clock import ServerClock
from connector.tls import trusted
from connector.version import USER_AGENT

Method = Literal["GET", "POST", "PUT", "DELETE"]
OnCall = Callable[[str, str, int | None, float], None]
"""Told of every request: method, route (ids as `{id}`), status or none, seconds."""

_WINDOW_SECONDS = 10.0
_WAITS = (0.5, 60.0)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long the client itself tries before it gives a failure to its caller.

    Reads are tried again after a failure that may pass, and when an old answer comes from the server's cache although a
    fresh one was asked for: a state that was overtaken would be told as news.

    Throttled requests were not applied, so writes are repeated
    as well; they have a count of their own because they are nobody's fault.
    """

    attempts: int = 4
    throttled_attempts: int = 10
    first_delay: float = 0.5
    longest_delay: float = 20.0
    read_seconds: float = 30.0
    write_seconds: float = 100.0

    def delay(self, failed: int, jitter: float) -> float:
        """Seconds before the next attempt after so many failed ones; jitter from 0 to 1 takes away up to half."""
        return float(min(self.first_delay * 2 ** (failed - 1), self.longest_delay) * (1 - jitter / 2))


@dataclass(frozen=True, slots=True)
class Request:
    """What to send; `route` is the path with ids as `{id}`, `fresh` passes the server's cache."""

    method: Method
    route: str
    path: str
    query: str = ""
    body: object = None
    fresh: bool = True

    @property
    def endpoint(self) -> str:
        """For messages."""
        return f"{self.method} /{self.route}"

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Sent:
    """When a request left: own monotonic clock, and the running number. `old`: what came was made before that."""

    at: float
    order: int
    old: bool = False


class Caller:
    """Sends requests under the budget and tries again what may pass."""

    def __init__(
        self,
        base: str,
        token: SecretStr,
        *,
        budget: CallBudget,
        transport: httpx.AsyncBaseTransport | None,
        clock: Clock,
        on_call: OnCall | None,
        policy: RetryPolicy,
        jitter: Callable[[], float],
        permit: CallPermit,
    ) -> None:
        self._base = base
        self._budget = budget
        self._permit = permit
        self._clock = clock
        self._on_call = on_call or _nobody
        self._policy = policy
        self._jitter = jitter
        self._secrets = (token.get_secret_value(),)
        self.order = 0
        self.server_clock = ServerClock(clock)
        self._freshness = Freshness(clock)
        self._http = httpx.AsyncClient(
            transport=transport,
            verify=trusted(),
            headers={
                "X-AC-Auth-Token": token.get_secret_value(),
                "Accept": "application/json",
                "User-Agent": USER_AGENT,
            },
            cookies=no_cookies(),
            follow_redirects=False,
            timeout=policy.read_seconds,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, request: Request, priority: Priority) -> tuple[Any, Sent]:
        """The body of a success, none for an empty one. Raises the errors of `connector.errors`."""
        failed = throttled = old = 0
        while True:
            try:
                body, sent = await self._attempt(request, priority)
                if not sent.old:
                    return body, sent
                old += 1
                if old >= self._policy.attempts:
                    self._freshness.stays_old()
                    return body, sent
                await self._clock.sleep(self._policy.delay(old, self._jitter()))
            except Throttled:
                throttled += 1
                if throttled >= self._policy.throttled_attempts:
                    raise
            except TargetIll:
                failed += 1
                if request.writes or failed >= self._policy.attempts:
                    raise
                await self._clock.sleep(self._policy.delay(failed, self._jitter()))

    async def _attempt(self, request: Request, priority: Priority) -> tuple[Any, Sent]:
        async with self._permit.call(SIDE, request.endpoint) as leave, self._budget.call(priority) as ticket:
            leave.take()
            self.order += 1
            sent = Sent(self._clock.monotonic(), self.order)
            try:
                reply = await self._exchange(request, leave)
            except httpx.HTTPError as error:
                self._on_call(request.method, request.route, None, self._clock.monotonic() - sent.at)
                raise _lost(request, error) from _without_headers(error)
            seconds = self._clock.monotonic() - sent.at
            self._on_call(request.method, request.route, reply.status_code, seconds)
            old = request.fresh and not request.writes and self._freshness.is_old(reply.headers, seconds)
            self.server_clock.learn(reply.headers.get("Date"))
            ticket.answered(*answers.call_limit(reply.headers.get("X-AC-Call-Limit")))
            wait = self._wait(reply) if reply.status_code == httpx.codes.TOO_MANY_REQUESTS else None
            if wait is not None:
                ticket.throttled(wait)
        return self._read(request, reply, wait), replace(sent, old=old)

    def _wait(self, reply: httpx.Response) -> float:
        """Seconds until the window is over, and a little: at the very instant of the reset the server tends to fail."""
        headers = reply.headers
        said = retry_after_seconds(
            headers.get("Retry-After"), headers.get("Date"), default=_WINDOW_SECONDS, now=self._clock.now()
        )
        least, most = _WAITS
        return min(max(said, least), most) + self._jitter() * least

    async def _exchange(self, request: Request, leave: Leave) -> httpx.Response:
        seconds = self._policy.write_seconds if request.writes else self._policy.read_seconds
        headers = {"Cache-Control": "no-cache"} if request.fresh and not request.writes else {}
        content = None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            content = to_json(request.body).encode()
        url = f"{self._base}{request.path}" + (f"?{request.query}" if request.query else "")
        return await self._http.request(
            request.method,
            url,
            headers=headers,
            content=content,
            timeout=httpx.Timeout(seconds, connect=10.0),
            extensions={"trace": leave.last_look},
        )

    def _read(self, request: Request, reply: httpx.Response, wait: float | None) -> Any:  # noqa: ANN401
        if not reply.is_success:
            failure = failures.failure_of(reply.status_code, reply.content, self._secrets)
            raise failures.error_of(failure, request.endpoint, wrote=request.writes, retry_after=wait)
        if not reply.content.strip() and request.writes:
            return None
        try:
            return answers.parse(reply.content)
        except UnreadableAnswer as error:
            kind = OutcomeUnknown if request.writes else TargetIll
            text = f"{error} but {reply.headers.get('Content-Type', 'of no type')}, {len(reply.content)} bytes"
            raise kind(text, side=SIDE, endpoint=request.endpoint, status=reply.status_code) from error


class reading:  # noqa: N801 - reads as a phrase
    """Turns an answer of an unknown shape into a `ContractFault` of the request."""

    def __init__(self, request: Request) -> None:
        self._endpoint = request.endpoint

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StrangeAnswer):
            raise ContractFault(str(error), side=SIDE, endpoint=self._endpoint) from error


def _lost(request: Request, error: httpx.HTTPError) -> PlatformError:
    """What a failure of the connection means: nothing reached the server, or nobody knows."""
    known = _without_headers(error)
    text = f"{type(error).__name__}: {known}" if str(known or "") else type(error).__name__
    before = isinstance(
        error,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.UnsupportedProtocol
        | httpx.LocalProtocolError,
    )
    kind = OutcomeUnknown if request.writes and not before else TargetIll
    return kind(text, side=SIDE, endpoint=request.endpoint)


def _without_headers(error: httpx.HTTPError) -> httpx.HTTPError | None:
    """An error that may be told; one about a request that cannot be written quotes its headers, the token included."""
    return None if isinstance(error, httpx.LocalProtocolError) else error


def _nobody(method: str, route: str, status: int | None, seconds: float) -> None:
    """Nobody wants to know of calls."""
