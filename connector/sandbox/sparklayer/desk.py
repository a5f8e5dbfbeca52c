"""Where calls come in: the place for faults of the line, the journal, and answers that never leave."""

import time
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from connector.sandbox.exchange import (
    BAD_GATEWAY_PAGE,
    Request,
    Sleep,
    has_server,
    http_date,
    lose_answer,
    send_answer,
)
from connector.sandbox.faults import FaultBook, FaultRule, Struck
from connector.sandbox.journal import Served
from connector.sandbox.sparklayer.journal import Journal
from connector.sandbox.sparklayer.service import TOKEN_PATH, Reply, Service, route_of


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
        # As sent, so that an encoded slash stays inside its segment.
        path = scope.get("raw_path", scope["path"].encode()).decode("ascii", "replace")
        request = await Request.read(scope, receive, path)
        struck = self._faults.strike(request.method, request.path)
        began = time.perf_counter()
        reply = await self._exchange(request, struck)
        status = None if struck.lost else reply.status
        self._journal.record(
            Served(
                time=self._service.site.clock(),
                method=request.method,
                path=request.path,
                query=request.query,
                route=reply.route,
                status=status,
                ms=(time.perf_counter() - began) * 1000,
                body=reply.body,
                size=len(request.raw),
                fault=struck.kind,
                refused=status == HTTPStatus.TOO_MANY_REQUESTS,
                writes=reply.writes,
                outcome=reply.status or None,
                content=request.raw.decode("utf-8", "replace") if self._service.policy.log_bodies else None,
            ),
            counted=request.path != TOKEN_PATH,
        )
        if struck.lost:
            return lose_answer(scope, struck.kind)
        headers = {"access-control-allow-origin": "*", **reply.headers}
        if self._dates or not has_server(scope):
            # A server stamps its answers itself; in-process somebody has to.
            headers["date"] = http_date(self._service.site.clock())
        await send_answer(send, reply.status, headers, reply.raw)
        return None

    async def _exchange(self, request: Request, struck: Struck) -> Reply:
        """Return the answer, which may be lost afterwards."""
        if struck.seconds:
            await self._sleep(struck.seconds)
        rule = struck.rule
        if rule is None:
            return await self._service.answer(request)
        if rule.kind == "status":
            return self._fault_reply(request, rule)
        if rule.kind in {"timeout", "drop_before"}:
            return Reply(0, route=route_of(request))
        reply = await self._service.answer(request)
        if rule.kind == "cut_json":
            reply.raw = reply.raw[: len(reply.raw) // 2]
        return reply

    def _fault_reply(self, request: Request, rule: FaultRule) -> Reply:
        reply = Reply(rule.status, route=route_of(request))
        if rule.status == HTTPStatus.TOO_MANY_REQUESTS and rule.retry_after:
            reply.headers["retry-after"] = self._service.retry_after()
        if rule.body and rule.status == HTTPStatus.BAD_GATEWAY:
            reply.raw, reply.headers["content-type"] = BAD_GATEWAY_PAGE, "text/html"
        elif rule.body:
            reply.raw = b'{"title":"sandbox-fault","status":%d,"detail":"Injected.","errors":null}' % rule.status
            reply.headers["content-type"] = "application/problem+json"
        return reply
