from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest
from pydantic import SecretStr

from connector.clock import SteppedClock
from connector.errors import (
    ContractFault,
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    Refused,
    TargetIll,
    Throttled,
    TooLarge,
    UserFault,
)
from connector.ports import Priority
from connector.sparkpay.client import SparkPayClient
from connector.sparkpay.query import Query
from tests.fakes.sparkpay_ports import FakeBudget

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
ONE = {"total_count": 1, "products": [{"id": 1}]}


class Script(httpx.AsyncBaseTransport):
    """Answers one after the other, the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        found = answer(request) if callable(answer) else answer
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)


def client_on(script: Script, **options: object) -> tuple[SparkPayClient, FakeBudget, SteppedClock]:
    budget, clock = FakeBudget(), SteppedClock()
    settings = {"jitter": lambda: 0.0, **options}
    client = SparkPayClient(
        "https://shop.example",
        SecretStr("s3cret-token"),
        budget=budget,
        transport=script,
        clock=clock,
        **settings,  # type: ignore[arg-type]
    )
    return client, budget, clock


def error(status: int, details: str = "it went wrong") -> httpx.Response:
    return httpx.Response(status, json={"status_code": status, "message": "no", "details": details})


async def test_a_list_call_as_it_goes_out() -> None:
    script = Script(httpx.Response(200, json=ONE, headers={"X-AC-Call-Limit": "12/50", "Date": DATE}))
    told: list[tuple[str, str, int | None]] = []
    client, budget, _ = client_on(script, on_call=lambda method, route, status, _: told.append((method, route, status)))
    async with client:
        page = await client.page("products", Query(), priority=Priority.SYNC)
    request = script.requests[0]
    assert str(request.url) == "https://shop.example/api/v1/products?count=1000"
    assert request.headers["X-AC-Auth-Token"] == "s3cret-token"
    assert request.headers["Cache-Control"] == "no-cache"
    assert list(page.rows) == [{"id": 1}]
    assert budget.tickets[0].priority is Priority.SYNC
    assert budget.tickets[0].counters == [(12, 50)]
    assert told == [("GET", "products", 200)]
    assert "s3cret" not in repr(client)


async def test_reference_data_may_come_from_the_servers_cache() -> None:
    script = Script(httpx.Response(200, json=ONE))
    client, _, _ = client_on(script)
    await client.page("product_statuses", Query(), fresh=False)
    assert "Cache-Control" not in script.requests[0].headers


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (error(400), Refused, None),
        (error(409, "not valid"), Refused, None),
        (error(401), CredentialsRefused, "credentials"),
        (error(403), CredentialsRefused, "scope"),
        (error(404), NotFound, None),
        (error(413), TooLarge, None),
        (error(500, "Cannot insert the value NULL into column 'visits'"), Refused, None),
        (error(500, "Status: Err - Record has been removed from the database"), Refused, None),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example"}), ContractFault, None),
        (httpx.Response(200, json={"total_count": 3}), ContractFault, None),
    ],
)
async def test_what_will_not_get_better_is_not_tried_again(
    answer: httpx.Response, kind: type[PlatformError], code: str | None
) -> None:
    script = Script(answer)
    client, _, clock = client_on(script, page_size=50)
    with pytest.raises(kind) as caught:
        await client.page("products", Query())
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.endpoint == "GET /products"
    assert len(script.requests) == 1
    assert clock.monotonic() == 0
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "trouble",
    [
        error(500, "Timeout expired"),
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(503),
        httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}),
        httpx.Response(200, text='{"total_count": 1, "prod'),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("closed"),
    ],
)
async def test_a_read_is_tried_again_with_growing_pauses(trouble: httpx.Response | Exception) -> None:
    script = Script(trouble, trouble, httpx.Response(200, json=ONE))
    client, budget, clock = client_on(script)
    assert list((await client.page("products", Query())).rows) == [{"id": 1}]
    assert len(budget.tickets) == 3
    replies = 1 if isinstance(trouble, Exception) else 3  # what was not answered tells the budget nothing
    assert sum(len(ticket.counters) for ticket in budget.tickets) == replies
    assert clock.monotonic() == pytest.approx(0.5 + 1.0)


async def test_a_read_gives_up_in_the_end() -> None:
    script = Script(httpx.Response(503))
    client, _, _ = client_on(script, page_size=100)
    with pytest.raises(TargetIll) as caught:
        await client.page("products", Query())
    assert caught.value.status == 503
    assert len(script.requests) == 4


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("7", 7.0),
        ("0", 0.5),
        ("86400", 60.0),
        ("Thu, 01 Jan 2026 00:00:04 GMT", 4.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.5),
        ("soon", 10.0),
        (None, 10.0),
    ],
)
async def test_throttling_is_told_to_the_budget_and_the_call_made_again(
    retry_after: str | None, expected: float
) -> None:
    headers = {"Date": DATE, "X-AC-Call-Limit": "50/50"} | ({"Retry-After": retry_after} if retry_after else {})
    script = Script(httpx.Response(429, headers=headers), httpx.Response(200, json=ONE))
    client, budget, _ = client_on(script)
    await client.page("products", Query())
    assert budget.tickets[0].waits == [expected]
    assert budget.tickets[0].counters == [(50, 50)]
    assert len(budget.tickets) == 2


async def test_throttling_for_ever_is_told_to_the_caller() -> None:
    script = Script(httpx.Response(429, headers={"Retry-After": "3", "Date": DATE}))
    client, _, _ = client_on(script)
    with pytest.raises(Throttled) as caught:
        await client.page("products", Query())
    assert caught.value.retry_after == 3.0
    assert len(script.requests) == 10


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.RemoteProtocolError("closed"), OutcomeUnknown),
        (httpx.Response(502, text="<html>"), OutcomeUnknown),
        (httpx.Response(201, text='{"id": '), OutcomeUnknown),
        (httpx.ConnectError("refused"), TargetIll),
    ],
)
async def test_a_write_is_never_repeated(trouble: httpx.Response | Exception, kind: type[PlatformError]) -> None:
    script = Script(trouble)
    client, _, _ = client_on(script)
    with pytest.raises(kind):
        await client.create("products", {"item_name": "Bolt"})
    assert len(script.requests) == 1


async def test_writes_carry_exact_numbers_and_take_any_success() -> None:
    script = Script(httpx.Response(429), httpx.Response(200, json={"id": 3}), httpx.Response(204))
    client, _, _ = client_on(script)
    assert await client.update("products", 3, {"price": Decimal("29.1666")}) == {"id": 3}
    assert script.requests[1].content == b'{"price":29.1666}'
    assert script.requests[1].method == "PUT"
    await client.delete("products", 3)
    assert script.requests[2].url.path == "/api/v1/products/3"


async def test_a_platform_that_refuses_wide_pages_is_asked_for_narrow_ones_from_then_on() -> None:
    def narrow(request: httpx.Request) -> httpx.Response:
        wide = int(request.url.params["count"]) > 100
        return error(400, "count too large") if wide else httpx.Response(200, json=ONE)

    script = Script(narrow)
    client, _, _ = client_on(script)
    for _ in range(2):
        assert list((await client.page("products", Query())).rows) == [{"id": 1}]
    assert [request.url.params["count"] for request in script.requests] == ["1000", "100", "100"]


async def test_a_refusal_that_has_nothing_to_do_with_the_page_is_not_learned() -> None:
    script = Script(error(400), error(400), httpx.Response(200, json=ONE))
    client, _, _ = client_on(script)
    with pytest.raises(Refused):
        await client.page("products", Query())
    await client.page("products", Query())
    assert [request.url.params["count"] for request in script.requests] == ["1000", "100", "1000"]


@pytest.mark.parametrize(("ids", "calls"), [(range(1, 201), 1), (range(1, 202), 2), (range(10**9, 10**9 + 200), 2)])
async def test_select_many_keeps_urls_short(ids: range, calls: int) -> None:
    script = Script(httpx.Response(200, json={"total_count": 0, "products": []}))
    client, _, _ = client_on(script)
    async for _ in client.select_many("products", ids, expand=("variants", "pricing")):
        pass
    sent = [part for request in script.requests for part in request.url.params["ids"].split(",")]
    assert sent == [str(id_) for id_ in ids]
    assert len(script.requests) == calls
    assert all(len(str(request.url)) <= 1900 for request in script.requests)
    assert "," in script.requests[0].url.query.decode()


async def test_no_ids_are_no_call() -> None:
    script = Script(httpx.Response(400))
    client, _, _ = client_on(script)
    assert [page async for page in client.select_many("products", [])] == []
    assert script.requests == []


async def test_the_setting_may_name_the_api_or_not() -> None:
    script = Script(httpx.Response(200, json={"id": 4}))
    for address in ("https://shop.example/", "https://shop.example/api/v1/"):
        client = SparkPayClient(address, SecretStr("t"), budget=FakeBudget(), transport=script)
        await client.get("products", 4, fields=("id",))
        assert client.origin == "https://shop.example"
    assert {str(request.url) for request in script.requests} == {"https://shop.example/api/v1/products/4?fields=id"}


@pytest.mark.parametrize(
    "address", ["shop.example", "ftp://shop.example", "https://", "https://u:p@shop.example", "https://x?y=1"]
)
async def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(UserFault, match="no address of a store"):
        SparkPayClient(address, SecretStr("t"), budget=FakeBudget())


async def test_an_answer_that_nobody_can_read_is_reported_and_not_asked_for_again() -> None:
    script = Script(httpx.Response(200, json={"total_count": 2, "a": [], "b": []}))
    client, _, _ = client_on(script)
    with pytest.raises(ContractFault, match="several arrays: \\['a', 'b'\\]"):
        await client.page("products", Query())
    assert len(script.requests) == 1


async def test_a_page_that_never_comes_whole_is_tried_as_a_small_one() -> None:
    def slow_when_wide(request: httpx.Request) -> httpx.Response:
        if int(request.url.params["count"]) > 100:
            raise httpx.ReadTimeout("slow")
        return httpx.Response(200, json=ONE)

    script = Script(slow_when_wide)
    client, _, _ = client_on(script)
    await client.page("variant_inventory", Query().expanded("variants"))
    await client.page("variant_inventory", Query().expanded("variants"))
    assert [request.url.params["count"] for request in script.requests] == ["1000"] * 4 + ["100"] * 2
    assert len(script.requests) == 6
