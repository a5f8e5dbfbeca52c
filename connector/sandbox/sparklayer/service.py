"""From a request to an answer: rate, keys, scope, size, JSON, then the endpoint."""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import parse_qsl, unquote

from connector.sandbox.exact_json import read_json
from connector.sandbox.exchange import Request, Sleep
from connector.sandbox.faults import FaultBook
from connector.sandbox.skewed_clock import SkewedClock
from connector.sandbox.sparklayer.auth import Tokens, unauthorized
from connector.sandbox.sparklayer.endpoints import OPERATIONS
from connector.sandbox.sparklayer.operation import Answer, Call, Operation
from connector.sandbox.sparklayer.policy import SitePolicy
from connector.sandbox.sparklayer.problems import LinesRefused, Refusal
from connector.sandbox.sparklayer.rate import RateLimit
from connector.sandbox.sparklayer.site import SparkLayerSite
from connector.sandbox.sparklayer.wire import write_json

TOKEN_PATH = "/api/auth/token"  # noqa: S105 - a path


@dataclass(slots=True)
class Reply:
    """What goes out, and what the journal wants to know of how it came about."""

    status: int
    raw: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    route: str = ""
    body: object = None
    writes: bool = False


class Service:
    """The endpoints of one site behind their checks."""

    def __init__(self, site: SparkLayerSite, policy: SitePolicy, faults: FaultBook, sleep: Sleep) -> None:
        self.site = site
        self.policy = policy
        site.clock = SkewedClock(site.clock, lambda: self.policy.clock_ahead_seconds)
        self.tokens = Tokens(site)
        self._faults = faults
        self._sleep = sleep
        self._rate = RateLimit(site.clock)
        self._pricing_now = False

    async def answer(self, request: Request) -> Reply:
        """The whole answer, refusals included; never raises for anything a caller can send."""
        reply = Reply(200, route=request.path)
        try:
            await self._serve(request, reply)
        except Refusal as refusal:
            _refuse(reply, refusal)
        except LinesRefused as refused:
            reply.status = 400
            _write(reply, refused.body(self.policy.line_base))
        return reply

    def do(self, method: str, path: str, body: object) -> object:
        """What a buyer or a merchant does at the site: an endpoint's work by its own rules, and no call of anybody's.

        Neither keys nor rate limits nor faults are asked, and nothing is counted. Raises ValueError with the refusal.
        """
        try:
            operation, params = _find(Request(method, path, "", {}, b""))
            call = Call(self.site, self.policy, params, {}, body, lambda _sku: False, operation.template)
            return operation.run(call).body
        except Refusal as refusal:
            raise ValueError(str(refusal.body())) from refusal

    def retry_after(self) -> str:
        """What a 429 says now, in the form that the policy asks for."""
        return self._rate.retry_after(self.policy)

    async def _serve(self, request: Request, reply: Reply) -> None:
        operation: Operation | None = None
        params: dict[str, str] = {}
        if (request.method, request.path) != ("POST", TOKEN_PATH):
            operation, params = _find(request)
            reply.route, reply.writes = operation.template, operation.writes and not operation.reports
            wait = self._rate.refuses(self.policy)
            if wait is not None:
                reply.headers["retry-after"] = wait
                raise Refusal(429, "too-many-requests", "Slow down.")
        if request.headers.get("site-id") != self.policy.site_id:
            raise unauthorized("The Site-Id header is missing or names another site.")
        if operation is None:
            await self._wait()
            _write(reply, self.tokens.issue(self.policy, self._read_body(request)))
            return
        self.tokens.check(request.headers.get("authorization", ""))
        if not self.policy.grants(operation.scope, write=operation.writes):
            raise Refusal(403, "forbidden", f"The key lacks the scope {operation.scope}.")
        reply.body = self._read_body(request) if operation.method in {"POST", "PATCH", "PUT"} else None
        call = Call(
            self.site,
            self.policy,
            params,
            dict(parse_qsl(request.query, keep_blank_values=True)),
            reply.body,
            partial(self._faults.refuses_sku, request.method, request.path),
            operation.template,
        )
        answer = await self._run(operation, call)
        reply.status = answer.status
        if answer.body is not None:
            _write(reply, answer.body)

    async def _run(self, operation: Operation, call: Call) -> Answer:
        if not operation.locks_prices:
            await self._wait()
            return operation.run(call)
        if self._pricing_now:
            raise Refusal(409, "concurrent-update", "Prices of this site are being updated by another request.")
        self._pricing_now = True
        try:
            await self._wait()
            # Even without latency another request gets its turn here, as it would on a real site.
            await asyncio.sleep(0)
            return operation.run(call)
        finally:
            self._pricing_now = False

    async def _wait(self) -> None:
        if self.policy.latency_ms:
            await self._sleep(self.policy.latency_ms / 1000)

    def _read_body(self, request: Request) -> object:
        if len(request.raw) > self.policy.max_bytes:
            raise Refusal(413, "payload-too-large", f"At most {self.policy.max_bytes} bytes are taken.")
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refusal(415, "unsupported-media-type", "Send application/json.")
        try:
            body = read_json(request.raw)
        except ValueError as error:
            raise Refusal(400, "invalid-json", f"The body is not JSON: {error}") from error
        rows = body.get("skus") if isinstance(body, dict) else body
        if isinstance(rows, list) and len(rows) > self.policy.max_rows:
            raise Refusal(413, "payload-too-large", f"At most {self.policy.max_rows} rows are taken.")
        return body


def _find(request: Request) -> tuple[Operation, dict[str, str]]:
    known = False
    for operation in OPERATIONS:
        try:
            params = operation.params(request.path)
        except UnicodeDecodeError as error:
            raise Refusal(400, "invalid-path", "The path is not UTF-8.") from error
        if params is not None:
            known = True
            if operation.method == request.method:
                return operation, params
    if known or request.path == TOKEN_PATH:
        raise Refusal(405, "method-not-allowed", f"{request.method} is not for this path.")
    raise Refusal(404, "route-not-found", f"There is no {unquote(request.path)}.")


def route_of(request: Request) -> str:
    """The path with its parameters unnamed, for the statistics of a call that no endpoint saw."""
    try:
        return _find(request)[0].template
    except Refusal:
        return request.path


def _write(reply: Reply, body: object) -> None:
    reply.raw = write_json(body)
    reply.headers["content-type"] = "application/json"


def _refuse(reply: Reply, refusal: Refusal) -> None:
    reply.status = refusal.status
    reply.raw = write_json(refusal.body())
    reply.headers["content-type"] = "application/problem+json"
