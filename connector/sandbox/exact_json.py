"""JSON read with exact digits: no number with a fraction ever is a float."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def read_json(raw: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    """Parse a body, numbers to int or Decimal. Raises ValueError for what is not JSON, NaN and Infinity included."""
    try:
        return json.loads(raw.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
