"""Where calls come in: faults of the line, the journal, and answers that never leave."""

from __future__ import annotations

import time
from http import HTTPStatus
from urllib.parse import unquote

from starlette.types import Receive, Scope, Send

from connector.sandbox.exchange import (
    BAD_GATEWAY_PAGE,
    Sleep,
    has_server,
    http_date,
    lose_answer,
    send_answer,
)
from connector.sandbox.faults import FaultBook, FaultRule, Struck
from connector.sandbox.journal import Served
from connector.sandbox.sparkpay.errors import Refused
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.service import Reply, Request, Service
from connector.sandbox.sparkpay.wire import encode


class Desk:
    """Takes one ASGI request, lets it go wrong where a fault says so, and writes it down."""

    def __init__(self, service: Service, faults: FaultBook, journal: Journal, sleep: Sleep, *, dates: bool) -> None:
        self._service = service
        self._faults = faults
        self._journal = journal
        self._sleep = sleep
        self._dates = dates

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool | None:
        """Answer, or lose the answer as `lose_answer` says."""
        request = await Request.read(scope, receive, scope["path"])
        began, came = time.perf_counter(), self._service.store.clock()
        refusal = self._service.admit(request)
        # The counter as this call found it, not as others leave it while it is being served.
        call_limit = self._service.call_limit()
        # A call that is refused at the door uses up no fault.
        struck = self._faults.strike(request.method, request.path) if refusal is None else Struck()
        reply = refusal if refusal is not None else await self._exchange(request, struck)
        self._journal.record(
            Served(
                time=came,
                method=request.method,
                path=request.path,
                query=unquote(request.query),
                route=reply.route,
                status=None if struck.lost else reply.status,
                ms=(time.perf_counter() - began) * 1000,
                body=reply.body,
                size=len(request.raw),
                fault=struck.kind,
                cached=reply.cached,
                refused=reply.refused,
                writes=request.method != "GET",
                outcome=None if struck.kind in {"timeout", "drop_before"} else reply.status,
            )
        )
        if struck.lost:
            return lose_answer(scope, struck.kind)
        headers = {**reply.headers, "X-AC-Call-Limit": call_limit}
        if self._dates or not has_server(scope):
            # A server stamps its answers itself; in-process somebody has to.
            headers["Date"] = http_date(self._service.store.clock())
        await send_answer(send, reply.status, headers, reply.raw)
        return None

    async def _exchange(self, request: Request, struck: Struck) -> Reply:
        """Return the answer to an admitted call, which may be lost afterwards."""
        delay = self._service.policy.latency_ms / 1000 + struck.seconds
        if delay:
            await self._sleep(delay)
        rule = struck.rule
        if rule is None:
            return self._service.answer(request)
        if rule.kind == "status":
            return self._fault_reply(request, rule)
        if rule.kind in {"timeout", "drop_before"}:
            return Reply(route=request.route)
        reply = self._service.answer(request, stale=rule.kind == "stale")
        if rule.kind == "cut_json":
            reply.raw = reply.raw[: len(reply.raw) // 2]
        return reply

    def _fault_reply(self, request: Request, rule: FaultRule) -> Reply:
        reply = Reply(route=request.route)
        if rule.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._service.too_many(reply)
            if not rule.retry_after:
                del reply.headers["Retry-After"]
        elif rule.status == HTTPStatus.BAD_GATEWAY:
            reply.status, reply.raw, reply.headers["Content-Type"] = rule.status, BAD_GATEWAY_PAGE, "text/html"
        else:
            reply.write(encode(Refused(rule.status, "Injected fault.").body, self._service.store.zone), rule.status)
        if not rule.body:
            reply.raw = b""
        return reply
