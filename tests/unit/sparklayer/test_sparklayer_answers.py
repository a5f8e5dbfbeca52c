"""Which error an answer becomes, and that a lost answer is never taken for a refusal."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connector.errors import (
    Conflict,
    ContractFault,
    CredentialsRefused,
    LineError,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    Refused,
    TargetIll,
    Throttled,
    TooLarge,
)
from connector.sandbox.sparklayer import FaultRule
from connector.sparklayer import SparkLayerClient, endpoint
from connector.sparklayer.answers import error_for

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DUPLICATE = (
    b'{"title":"conflict","status":409,"detail":"d","errors":[{"code":"duplicate-sku","property":"p","message":"m"}]}'
)
PLAIN = b'{"title":"conflict","status":409,"detail":"d","errors":null}'


def error(row: endpoint.Endpoint, status: int, body: bytes = b"", **headers: str) -> PlatformError:
    response = httpx.Response(status, content=body, headers=headers)
    return error_for(row, response, where="site acme, /x", now=NOW)


@pytest.mark.parametrize(
    ("row", "status", "body", "kind", "code"),
    [
        (endpoint.PRODUCT_CREATE, 400, b'{"title":"bad"}', Refused, "bad"),
        (endpoint.PRODUCT_CREATE, 409, DUPLICATE, Refused, "duplicate-sku"),
        (endpoint.PRODUCT_CHANGE, 409, DUPLICATE, Refused, "duplicate-sku"),
        (endpoint.PRODUCT_CHANGE, 409, PLAIN, Conflict, "conflict"),
        (endpoint.PRICES_UPDATE, 409, b"", Conflict, None),
        (endpoint.LIST_PRICES_UPDATE, 409, PLAIN, Conflict, "conflict"),
        (endpoint.SKU_PRICES_UPDATE, 409, PLAIN, Conflict, "conflict"),
        (endpoint.LOCATION_CREATE, 409, b"", Refused, None),
        (endpoint.PRICE_LIST_DELETE, 409, b"", Conflict, None),
        (endpoint.PRODUCT_READ, 401, b"", CredentialsRefused, "credentials"),
        (endpoint.PRODUCT_READ, 403, b"", CredentialsRefused, "scope"),
        (endpoint.PRODUCT_READ, 404, b"", NotFound, None),
        (endpoint.PRODUCT_READ, 405, b"", Refused, None),
        (endpoint.PRODUCT_READ, 408, b"", TargetIll, None),
        (endpoint.STOCK_UPDATE, 413, b"<html>", TooLarge, None),
        (endpoint.STOCK_UPDATE, 418, b"", Refused, None),
        (endpoint.STOCK_UPDATE, 429, b"", Throttled, None),
        (endpoint.STOCK_UPDATE, 500, b"[1]", TargetIll, None),
        (endpoint.STOCK_UPDATE, 599, b'"x"', TargetIll, None),
        (endpoint.STOCK_UPDATE, 302, b"", ContractFault, None),
    ],
)
def test_the_table(row: Any, status: int, body: bytes, kind: type[PlatformError], code: str | None) -> None:
    found = error(row, status, body)
    assert (type(found), found.code, found.status) == (kind, code, status)
    assert (found.side, found.endpoint) == ("sparklayer", row.name)
    assert found.message.startswith("site acme, /x: ")


def test_what_a_problem_says_reaches_the_reader() -> None:
    errors = ",".join(f'{{"code":"c{n}","property":"p{n}","message":"m{n}"}}' for n in range(5))
    found = error(endpoint.STOCK_UPDATE, 400, f'{{"title":"t","detail":"No.","errors":[{errors}]}}'.encode())
    assert found.message == "site acme, /x: No.; p0: m0; p1: m1; p2: m2; 2 more"
    assert found.details[4] == {"code": "c4", "property": "p4", "message": "m4"}
    html = error(endpoint.STOCK_UPDATE, 502, b"<html>", **{"Content-Type": "text/html; charset=utf-8"})
    assert html.message == "site acme, /x: the answer is 6 bytes of text/html, not JSON"
    assert error(endpoint.STOCK_UPDATE, 500).message == "site acme, /x: the answer has no body"


def test_lines_are_typed_and_rubbish_among_them_is_dropped() -> None:
    body = b'[{"line":7,"field":"price","message":"too high"},{"line":"x"},3,{"line":true},{"line":9}]'
    found = error(endpoint.PRICES_UPDATE, 400, body)
    assert found.lines == (LineError(7, "price", "too high"), LineError(9, "", ""))
    assert found.code == "lines-refused"
    assert error(endpoint.PRICES_UPDATE, 400, b"[]").lines == ()


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", None, 7),
        ("0.5", None, 0.5),
        ("-3", None, 0),
        ("Sun, 01 Mar 2026 00:00:30 GMT", None, 30),
        ("Sun, 01 Mar 2026 00:00:30 GMT", "Sun, 01 Mar 2026 00:00:20 GMT", 10),
        ("Sun, 01 Mar 2026 00:00:30 GMT", "Sun, 01 Mar 2026 01:00:00 GMT", 0),
        ("Sun, 01 Mar 2026 00:00:30 GMT", "rubbish", 30),
        ("soon", None, None),
        ("nan", None, None),
        ("", None, None),
    ],
)
def test_how_long_to_wait(value: str, date: str | None, seconds: float | None) -> None:
    headers = {"Retry-After": value} | ({"Date": date} if date else {})
    assert error(endpoint.STOCK_UPDATE, 429, **headers).retry_after == seconds


async def test_concurrent_pricing_conflicts_and_duplicates_are_refused(client: SparkLayerClient, rig: Any) -> None:
    await rig.seed(client, "A")
    rows = [{"sku": "A", "price_list_slug": "base", "pricing": [{"quantity": 1, "price": 1}]}]
    results = await asyncio.gather(client.prices.update(rows), client.prices.update(rows), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    await client.stock_locations.create("w", "W")
    with pytest.raises(Refused) as caught:
        await client.stock_locations.create("w", "W")
    assert caught.value.code == "resource-already-exists"
    with pytest.raises(Refused, match="'A' is taken"):
        await client.products.create({"title": "T", "slug": "t", "variants": [{"sku": "A"}]})


async def test_bulk_refusals_name_lines_or_fields(client: SparkLayerClient, rig: Any) -> None:
    await rig.seed(client, "A")
    dear = {"quantity": 1, "price": Decimal("10000000.00")}
    rows = [{"sku": sku, "price_list_slug": "base", "pricing": [dear]} for sku in ("A", "B")]
    with pytest.raises(Refused) as caught:
        await client.prices.update(rows)
    assert [(line.line, line.field) for line in caught.value.lines] == [(1, "price"), (2, "sku"), (2, "price")]
    with pytest.raises(NotFound):
        await client.prices.update([{**rows[0], "price_list_slug": "no"}])
    with pytest.raises(Refused) as caught:
        await client.stock.update([{"sku": "B", "stock_location_external_id": "default", "stock_level": 1}])
    assert caught.value.details[0]["property"] == "sku"


async def test_too_many_rows(rig_of: Any) -> None:
    client = rig_of(max_rows=2).client()
    with pytest.raises(TooLarge):
        await client.stock.fetch(["a", "b", "c"])


@pytest.mark.parametrize("kind", ["timeout", "drop_before", "drop_after", "cut_json"])
async def test_a_lost_answer_to_a_write_is_unknown_and_to_a_read_is_trouble(
    client: SparkLayerClient, rig: Any, kind: Any
) -> None:
    await client.check_token()
    rig.faults.add(FaultRule(kind, "POST"), FaultRule(kind, "GET"))
    with pytest.raises(OutcomeUnknown):
        await client.stock_locations.create("w", "W")
    with pytest.raises(ContractFault if kind == "cut_json" else TargetIll):
        await client.stock_locations.all()
    found = len(await client.stock_locations.all())
    assert found == (2 if kind in {"drop_after", "cut_json"} else 1)
    assert [status for _, _, status, _ in rig.calls].count(None) == (0 if kind == "cut_json" else 2)


async def test_nothing_left_so_nothing_is_unknown(rig: Any) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = rig.client(transport=httpx.MockTransport(refuse))
    with pytest.raises(TargetIll, match="refused"):
        await client.stock_locations.create("w", "W")


async def test_server_errors_with_any_body(client: SparkLayerClient, rig: Any) -> None:
    await client.check_token()
    for status, body in ((500, False), (502, True), (503, True)):
        rig.faults.add(FaultRule("status", status=status, body=body))
        with pytest.raises(TargetIll) as caught:
            await client.stock_locations.all()
        assert caught.value.status == status


def test_a_problem_of_any_shape_is_read_and_tells_no_secret() -> None:
    body = (
        b'{"detail":"the key top-secret is wrong","title":["x"],'
        b'"errors":[{"code":["duplicate-sku"],"property":{"a":1},"message":"' + b"x" * 5000 + b' top-secret"}]}'
    )
    response = httpx.Response(409, content=body)
    found = error_for(endpoint.PRODUCT_CREATE, response, where="site acme, /x", now=NOW, secrets=("top-secret",))
    assert isinstance(found, Conflict)
    assert "top-secret" not in f"{found} {found.details}"
    assert "the key *** is wrong" in str(found)
    assert len(str(found)) < 2000
    assert found.details[0]["code"] == "['duplicate-sku']"


def test_nobody_waits_longer_than_an_hour() -> None:
    for value in ("99999999999", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert error(endpoint.STOCK_UPDATE, 429, **{"Retry-After": value}).retry_after == 3600
