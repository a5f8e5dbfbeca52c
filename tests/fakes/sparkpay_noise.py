"""What a platform, or something between it and us, may answer instead of what was asked for."""

import json
from collections.abc import Callable, Sequence

import httpx
from hypothesis import strategies as st

from connector.sparkpay import order_fields, people_fields, product_fields

Spoil = Callable[[bytes], tuple[int, bytes]]
"""Status and body instead of a true body."""

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 12),
    st.just(10**40),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "0", "true", "12", "1e999", "2026-01-01T01:00:00.000Z", "9999-12-31T23:59:59-05:00", "<p>"]),
)
any_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
_names = sorted({*product_fields.PRODUCT, *product_fields.OPTION, *product_fields.COMBINATION, *product_fields.PRICE})
_fields = st.dictionaries(st.sampled_from([*_names, *product_fields.NESTED, "name"]), _scalars | any_json, max_size=6)
_keys = st.fixed_dictionaries(
    {"id": st.integers(1, 12) | _scalars},
    optional={
        "product_id": st.integers(0, 12) | _scalars,
        "updated_at": st.sampled_from(["2026-01-01T01:00:00.000Z", "2027-01-01T00:00:00Z", "9999-12-31T00:00:00Z", ""]),
        "item_number": st.text(min_size=1, max_size=4),
        "use_variant_inventory": st.booleans() | _scalars,
    },
)
_rows = st.builds(lambda fields, keys: {**fields, **keys}, _fields, _keys)
_full_rows = st.builds(
    lambda row, nested: {**row, **nested},
    _rows,
    st.dictionaries(st.sampled_from(product_fields.NESTED), st.lists(_rows, max_size=2), max_size=3),
)
any_list = st.builds(
    lambda total, rows, more: {"total_count": total, "rows": rows, "next_page": more},
    st.integers(0, 5) | _scalars,
    st.lists(_full_rows, max_size=3) | st.lists(any_json, max_size=2),
    st.none() | st.just("more"),
)
"""Lists that look right at the first glance."""


def _no_list(value: object) -> bool:
    return not isinstance(value, dict) or not any(isinstance(item, list) for item in value.values())


def _always(status: int, body: bytes) -> Spoil:
    return lambda _: (status, body)


def _cut(share: float) -> Spoil:
    return lambda body: (200, body[: int(len(body) * share)])


def _dumped(value: object) -> bytes:
    return json.dumps(value).encode()


spoiled: st.SearchStrategy[Spoil] = st.one_of(
    st.builds(_cut, st.floats(0, 0.99)),
    st.builds(_always, st.sampled_from([200, 201, 302, 400, 404, 409, 500, 502]), st.binary(max_size=30)),
    st.builds(_always, st.just(200), st.just(b"<!DOCTYPE html><html><body>Just a moment</body></html>")),
    st.builds(_always, st.just(200), any_json.filter(_no_list).map(_dumped)),
)
"""Answers that nobody can take for a list."""

misleading: st.SearchStrategy[Spoil] = spoiled | st.builds(_always, st.just(200), any_list.map(_dumped))

_about = sorted({*people_fields.CUSTOMER, *people_fields.ADDRESS, *order_fields.ORDER, *order_fields.SHIPMENT})
_collections = sorted({*people_fields.NESTED, *order_fields.NESTED})
_parts = st.builds(
    lambda fields, keys: {**fields, **keys},
    st.dictionaries(st.sampled_from([*_about, "name", "value", "items", "fields"]), _scalars | any_json, max_size=6),
    st.fixed_dictionaries(
        {"id": st.integers(1, 12) | _scalars},
        optional={
            "customer_id": st.integers(0, 12) | _scalars,
            "order_id": st.integers(0, 12) | _scalars,
            "resource_id": st.integers(0, 12) | _scalars,
            "custom_field_id": st.integers(0, 3) | _scalars,
            "updated_at": st.sampled_from(["2026-01-01T01:00:00.000Z", "9999-12-31T00:00:00Z", ""]),
        },
    ),
)
_whole = st.builds(
    lambda row, nested: {**row, **nested},
    _parts,
    st.dictionaries(st.sampled_from(_collections), st.lists(_parts, max_size=2) | any_json, max_size=3),
)
misleading_about: st.SearchStrategy[Spoil] = spoiled | st.builds(
    _always,
    st.just(200),
    st.builds(
        lambda total, rows: {"total_count": total, "rows": rows},
        st.integers(0, 5) | _scalars,
        st.lists(_whole, max_size=3) | st.lists(any_json, max_size=2),
    ).map(_dumped),
)
"""The same about customers and orders."""


class Noise(httpx.AsyncBaseTransport):
    """Spoils some answers: one entry per request, none lets it pass. Past the last one all pass.

    The same request once more meets the same fate, so that trying again does not always help.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, spoils: Sequence[Spoil | None]) -> None:
        self._inner = inner
        self._spoils = list(spoils)
        self._now: tuple[httpx.URL, Spoil | None] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reply = await self._inner.handle_async_request(request)
        if self._now is None or self._now[0] != request.url:
            self._now = (request.url, self._spoils.pop(0) if self._spoils else None)
        spoil = self._now[1]
        if spoil is None:
            return reply
        status, body = spoil(await reply.aread())
        return httpx.Response(status, content=body, headers={"Date": reply.headers.get("Date", "")})
