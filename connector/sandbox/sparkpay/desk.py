"""Where calls come in: faults of the line, the journal, and answers that never leave."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import unquote

from starlette.types import Receive, Scope, Send

from connector.sandbox.sparkpay.errors import AnswerTimedOut, ConnectionDropped, Refused
from connector.sandbox.sparkpay.faults import FaultBook, FaultRule
from connector.sandbox.sparkpay.journal import Journal
from connector.sandbox.sparkpay.moments import http_date
from connector.sandbox.sparkpay.service import Reply, Request, Service
from connector.sandbox.sparkpay.wire import encode

_LOSING = frozenset({"timeout", "drop_before", "drop_after"})
Sleep = Callable[[float], Awaitable[None]]
_PAGE = (
    b"<html><head><title>502</title></head><body><h1>502 - Web server received an invalid response</h1></body></html>"
)


class Desk:
    """Takes one ASGI request, lets it go wrong where a fault says so, and writes it down."""

    def __init__(self, service: Service, faults: FaultBook, journal: Journal, sleep: Sleep) -> None:
        self._service = service
        self._faults = faults
        self._journal = journal
        self._sleep = sleep

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool | None:
        """Answers, or drops the connection.

        A lost answer ends in one of two ways. A server such as uvicorn closes the connection when an application
        returns something, so True is returned. In-process (httpx.ASGITransport, told apart by the missing
        `spec_version`) there is no connection to close: ConnectionDropped or AnswerTimedOut is raised, which are the
        httpx errors that a client of a real server would see.
        """
        request = await _read(scope, receive)
        began, came = time.perf_counter(), self._service.store.clock()
        refusal = self._service.admit(request)
        # The counter as this call found it, not as others leave it while it is being served.
        call_limit = self._service.call_limit()
        reply, fault = (refusal, "") if refusal is not None else await self._exchange(request)
        lost = fault if fault in _LOSING else ""
        served = "spec_version" in scope["asgi"]
        reply.headers["X-AC-Call-Limit"] = call_limit
        if not served:
            # A server stamps its answers itself; in-process somebody has to.
            reply.headers["Date"] = http_date(self._service.store.clock())
        self._journal.record(
            time=came,
            method=request.method,
            path=request.path,
            query=unquote(request.query),
            route=reply.route,
            status=None if lost else reply.status,
            body=reply.body,
            ms=(time.perf_counter() - began) * 1000,
            fault=fault or None,
            cached=reply.cached,
            refused=reply.refused,
        )
        if not lost:
            await _send(reply, send)
            return None
        if served:
            return True
        if lost == "timeout":
            raise AnswerTimedOut("The sandbox does not answer.")
        raise ConnectionDropped("The sandbox closed the connection without an answer.")

    async def _exchange(self, request: Request) -> tuple[Reply, str]:
        """Return the answer to an admitted call and the kind of the fault that befell it, if any."""
        struck = self._faults.strike(request.method, request.path)
        delay_ms = self._service.policy.latency_ms + sum(rule.ms for rule in struck)
        if delay_ms:
            await self._sleep(delay_ms / 1000)
        rule = next((rule for rule in struck if rule.kind != "delay_ms"), None)
        if rule is None:
            return self._service.answer(request), "delay_ms" if struck else ""
        if rule.kind == "status":
            return self._fault_reply(request, rule), rule.kind
        if rule.kind in {"timeout", "drop_before"}:
            return Reply(route=request.route), rule.kind
        reply = self._service.answer(request, stale=rule.kind == "stale")
        if rule.kind == "cut_json":
            reply.raw = reply.raw[: len(reply.raw) // 2]
        return reply, rule.kind

    def _fault_reply(self, request: Request, rule: FaultRule) -> Reply:
        reply = Reply(route=request.route)
        if rule.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._service.too_many(reply)
        elif rule.status == HTTPStatus.BAD_GATEWAY:
            reply.status, reply.raw, reply.headers["Content-Type"] = 502, _PAGE, "text/html"
        else:
            reply.write(encode(Refused(rule.status, "Injected fault.").body, self._service.store.zone), rule.status)
        if not rule.body:
            reply.raw = b""
        return reply


async def _read(scope: Scope, receive: Receive) -> Request:
    raw = bytearray()
    more = True
    while more:
        message = await receive()
        raw += message.get("body", b"")
        more = message.get("more_body", False)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        raw=bytes(raw),
    )


async def _send(reply: Reply, send: Send) -> None:
    headers = dict(reply.headers)
    if reply.status != HTTPStatus.NO_CONTENT:
        headers["Content-Length"] = str(len(reply.raw))
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.raw})
