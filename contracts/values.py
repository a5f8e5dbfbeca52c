"""Values that entities share: exact money, UTC times, text without control characters."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:")
_DecimalText = Annotated[
    str, Field(pattern=f"^{_DECIMAL.pattern}$", description="An exact decimal as text, never a JSON number")
]


def _exact(value: object) -> Decimal:
    """Only text or a Decimal: a JSON number has been through a float somewhere."""
    if isinstance(value, str):
        if _DECIMAL.fullmatch(value) is None:
            raise ValueError('write a decimal as text such as "12.50"')
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError('write a decimal as text such as "12.50", never as a JSON number')
    return value


def plain(value: Decimal) -> str:
    """The shortest text of the same number, so that 12.5 and 12.500 hash alike: `12.5`, `100`, `0`."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


Amount = Annotated[
    Decimal,
    BeforeValidator(_exact, json_schema_input_type=_DecimalText),
    PlainSerializer(plain, return_type=str),
]
"""An exact number; on the wire a JSON string."""


def _date_time(value: object) -> object:
    """Only RFC 3339 text or a datetime: whether a number means seconds or milliseconds would be a guess."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_TIME.match(value)):
        return value
    raise ValueError('write a moment as text such as "2026-11-22T10:00:00Z"')


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment outside the years 1 to 9999 in UTC") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_date_time), AfterValidator(_in_utc)]
"""A moment with its zone; kept in UTC."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(description="ISO 4217, upper case")]
"""ISO 4217, upper case."""


CountryCode = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="ISO 3166-1 alpha-2, upper case")
]
"""ISO 3166-1 alpha-2, upper case."""


class Contract(BaseModel):
    """What every model on the bus is: immutable, and deaf to fields that a newer minor version added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Contract):
    """An amount with its currency."""

    amount: Amount
    currency: Currency


def utc_text(moment: datetime) -> str:
    """`2026-11-22T10:00:00.123456Z`: always UTC, always microseconds, so that text sorts as time does."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
