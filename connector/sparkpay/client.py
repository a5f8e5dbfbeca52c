"""The API of one Spark Pay store: lists by query, rows by id, writes; callers see rows or typed errors."""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from connector.clock import Clock, SystemClock
from connector.errors import PlatformError, Refused, TargetIll, UserFault
from connector.permit import CallPermit
from connector.ports import CallBudget, Priority
from connector.sparkpay import answers
from connector.sparkpay.answers import Page, Row
from connector.sparkpay.calls import Caller, Method, OnCall, Request, RetryPolicy, reading
from connector.sparkpay.packed_rows import packed
from connector.sparkpay.query import Query, encode, encode_parameters, shape
from connector.sparkpay.row_shapes import check_rows
from connector.sparkpay.server_clock import ServerClock

FALLBACK_COUNT = 100
"""The platform's own default page size: what is left when it refuses a larger one."""

_LONGEST_URL = 1900
_OF_LARGE_PAGES = (200, 400, 500, 504)


class SparkPayClient:
    """The API of one store. Use as an async context manager.

    Every attempt takes a ticket of the budget. Raises the errors of `connector.errors`; a write whose outcome cannot be
    known raises `OutcomeUnknown` and is never repeated here.
    """

    def __init__(
        self,
        base_url: str,
        token: SecretStr,
        *,
        budget: CallBudget,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        on_call: OnCall | None = None,
        page_size: int = 1000,
        expand_page_size: int = 100,
        ids_per_call: int = 200,
        policy: RetryPolicy | None = None,
        jitter: Callable[[], float] = random.random,
        permit: CallPermit | None = None,
    ) -> None:
        self._base = _api_root(base_url)
        self._page_size = page_size
        self._ids_per_call = ids_per_call
        self._refused_counts: set[bool] = set()
        self._caller = Caller(
            self._base,
            token,
            budget=budget,
            transport=transport,
            clock=clock or SystemClock(),
            on_call=on_call,
            policy=policy or RetryPolicy(),
            jitter=jitter,
            permit=permit or CallPermit(),
        )
        self.expand_page_size = expand_page_size

    def __repr__(self) -> str:
        return f"SparkPayClient({self._base!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._caller.close()

    @property
    def origin(self) -> str:
        """Scheme and host of the store."""
        url = httpx.URL(self._base)
        return f"{url.scheme}://{url.netloc.decode()}"

    @property
    def server_clock(self) -> ServerClock:
        """The time of the store's server."""
        return self._caller.server_clock

    @property
    def order(self) -> int:
        """The running number of the request that was started last."""
        return self._caller.order

    async def page(
        self, resource: str, query: Query, *, priority: Priority = Priority.LIVE, fresh: bool = True
    ) -> Page:
        """The first page of a list; what follows is asked for by key, never by page number.

        `fresh` passes the server's cache. Where the platform refuses a large page, a small one is tried once and, if
        that works, kept for the life of this client (largest `count` is undocumented).
        """
        wide = query.count or self._page_size
        expanding = bool(query.expand)
        count = min(wide, FALLBACK_COUNT) if expanding in self._refused_counts else wide
        try:
            return await self._page(resource, query, count, priority, fresh=fresh)
        except (Refused, TargetIll) as error:
            if count <= FALLBACK_COUNT or not _may_be_page_size(error):
                raise
            page = await self._page(resource, query, FALLBACK_COUNT, priority, fresh=fresh)
            self._refused_counts.add(expanding)
            return page

    async def _page(self, resource: str, query: Query, count: int, priority: Priority, *, fresh: bool) -> Page:
        request = Request("GET", resource, resource, encode(resource, query, count), fresh=fresh)
        body, sent = await self._caller.send(request, priority)
        with reading(request):
            rows, total, more = answers.rows_of(body)
            check_rows(rows, resource)
        return Page(packed(rows), total, more, self._caller.server_clock.at(sent.at), sent.order)

    async def get(
        self,
        resource: str,
        id: int,  # noqa: A002 - the platform's word
        *,
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
        priority: Priority = Priority.LIVE,
        fresh: bool = True,
    ) -> Row:
        """One row. Raises `NotFound`."""
        query = encode_parameters(shape(fields, expand))
        request = Request("GET", f"{resource}/{{id}}", f"{resource}/{id}", query, fresh=fresh)
        body, _ = await self._caller.send(request, priority)
        with reading(request):
            return answers.row_of(body)

    async def select_many(
        self,
        resource: str,
        ids: Iterable[int],
        *,
        fields: Sequence[str] = (),
        expand: Sequence[str] = (),
        priority: Priority = Priority.LIVE,
        fresh: bool = True,
    ) -> AsyncIterator[Page]:
        """The rows of these ids, one page per call; what does not exist is missing among them."""
        rest = list(dict.fromkeys(ids))
        path = f"{resource}/select_many"
        while rest:
            chunk, rest = self._chunk(rest, len(f"{self._base}{path}"), fields, expand)
            parameters = [("ids", ",".join(map(str, chunk))), *shape(fields, expand)]
            request = Request("GET", path, path, encode_parameters(parameters), fresh=fresh)
            body, sent = await self._caller.send(request, priority)
            with reading(request):
                rows, total, more = answers.rows_of(body)
                check_rows(rows, resource)
            yield Page(packed(rows), total, more, self._caller.server_clock.at(sent.at), sent.order)

    def _chunk(
        self, ids: list[int], path_length: int, fields: Sequence[str], expand: Sequence[str]
    ) -> tuple[list[int], list[int]]:
        """As many ids as one call takes: the server's limit on a URL is undocumented, IIS cuts at 2,048."""
        room = _LONGEST_URL - path_length - len(encode_parameters([("ids", ""), *shape(fields, expand)])) - 2
        taken = 0
        for id_ in ids[: self._ids_per_call]:
            room -= len(str(id_)) + 1
            if room < 0 and taken:
                break
            taken += 1
        return ids[:taken], ids[taken:]

    async def create(self, resource: str, body: Mapping[str, Any], *, priority: Priority = Priority.LIVE) -> Row:
        """POST. Never give an id of a row that may be gone: the platform's answer to that is undefined."""
        return await self._write(Request("POST", resource, resource, body=body), priority)

    async def update(
        self,
        resource: str,
        id: int,  # noqa: A002 - the platform's word
        body: Mapping[str, Any],
        *,
        priority: Priority = Priority.LIVE,
    ) -> Row:
        """PUT of the fields that change. Raises `NotFound`."""
        return await self._write(Request("PUT", f"{resource}/{{id}}", f"{resource}/{id}", body=body), priority)

    async def delete(self, resource: str, id: int, *, priority: Priority = Priority.LIVE) -> None:  # noqa: A002
        """DELETE. Raises `NotFound`, which a caller may take as done."""
        await self._caller.send(Request("DELETE", f"{resource}/{{id}}", f"{resource}/{id}"), priority)

    async def request(
        self,
        method: Method,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: object = None,
        priority: Priority = Priority.LIVE,
        fresh: bool = True,
    ) -> Any:  # noqa: ANN401 - special endpoints answer in shapes of their own
        """A special endpoint such as `inventory/settings`; none for an empty answer."""
        query = encode_parameters((parameters or {}).items())
        answer, _ = await self._caller.send(Request(method, path, path, query, body, fresh), priority)
        return answer

    async def single(self, path: str, *, priority: Priority = Priority.LIVE, fresh: bool = True) -> Row:
        """The one object at a path without an id, such as `inventory/settings`."""
        request = Request("GET", path, path, fresh=fresh)
        body, _ = await self._caller.send(request, priority)
        with reading(request):
            return answers.row_of(body)

    async def _write(self, request: Request, priority: Priority) -> Row:
        body, _ = await self._caller.send(request, priority)
        with reading(request):
            return answers.row_of({} if body is None else body)


def _may_be_page_size(error: PlatformError) -> bool:
    """Whether it may come from asking for too many rows at once: a refusal, or an answer that never was whole."""
    return error.status in (None, *_OF_LARGE_PAGES)


def _api_root(base_url: str) -> str:
    """`https://store/api/v1/`, whether or not the setting names the path."""
    try:
        url = httpx.URL(base_url)
        known = url.host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UserFault(f"{base_url!r} is no address of a store: {error}") from error
    if url.scheme not in {"https", "http"} or not known or url.query or url.userinfo:
        raise UserFault(f"{base_url!r} is no address of a store; write one such as https://store.example")
    base = base_url.rstrip("/")
    return f"{base}/" if base.endswith("/api/v1") else f"{base}/api/v1/"
