"""JSON with exact numbers."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sparklayer.wire import decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers() | TEXT | st.decimals(allow_nan=False, allow_infinity=False, places=4)
BODIES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


def digits(value: Any) -> Any:
    """Numbers as they are written, so that 1.5 and 1.50 differ."""
    if isinstance(value, dict):
        return {name: digits(item) for name, item in value.items()}
    if isinstance(value, list):
        return [digits(item) for item in value]
    return format(value, "f") if isinstance(value, Decimal) else value


@given(BODIES)
def test_what_goes_out_comes_back_digit_for_digit(body: Any) -> None:
    assert digits(decode(encode(body))) == digits(body)
    json.loads(encode(body))


@pytest.mark.parametrize("raw", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"1 2", b"[" * 100_000])
def test_what_is_not_json(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(raw)


@pytest.mark.parametrize("value", [0.1, b"x", {1}, object()])
def test_what_has_no_exact_form(value: Any) -> None:
    with pytest.raises(TypeError, match="Decimal"):
        encode([value])


def test_numbers_that_json_cannot_hold() -> None:
    for value in ("NaN", "Infinity"):
        with pytest.raises(ValueError, match=value):
            encode(Decimal(value))
    assert encode(Decimal("1E+3")) == b"1000"
