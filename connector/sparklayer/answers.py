"""From an answer that is not 2xx to an error: one table, read with the endpoint's own meaning of 409."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from connector.errors import (
    ContractFault,
    CredentialsRefused,
    LineError,
    NotFound,
    PlatformError,
    Refused,
    TargetIll,
    Throttled,
    TooLarge,
)
from connector.redaction import without_secrets
from connector.retry_after import retry_after_seconds
from connector.sparklayer.endpoint import SIDE, Endpoint
from connector.sparklayer.wire import decode

# A 409 that names one of these is about the payload, whatever else the endpoint's 409 can mean.
DUPLICATE_CODES = frozenset({"resource-already-exists", "duplicate-sku"})

# Status to error; 409 is the endpoint's. What is not here: other 4xx Refused, 5xx TargetIll, the rest ContractFault.
_BY_STATUS: dict[int, type[PlatformError]] = {
    400: Refused,
    401: CredentialsRefused,
    403: CredentialsRefused,
    404: NotFound,
    405: Refused,
    408: TargetIll,
    410: Refused,
    413: TooLarge,
    415: Refused,
    422: Refused,
    425: TargetIll,
    429: Throttled,
}
_REMEDY = {
    "credentials": "check site id, client id and client secret (SparkLayer Dashboard, Settings, API)",
    "scope": "give the key the write scopes for products, pricing, stock and setup",
}
_NAMED_IN_MESSAGE = 3
_LONGEST_TEXT = 1000
_LONGEST_PART = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """What a refusal says, whichever of its shapes it came in."""

    text: str
    code: str | None = None
    details: Sequence[Mapping[str, object]] = ()
    lines: Sequence[LineError] = ()


def error_for(
    endpoint: Endpoint, response: httpx.Response, *, where: str, now: datetime, secrets: Sequence[str] = ()
) -> PlatformError:
    """Build the error; `where` names site and key for the person who reads it, `secrets` are kept from them."""
    status = response.status_code
    problem = read_problem(response, secrets)
    kind = _kind(endpoint, status, problem)
    code, text = problem.code, problem.text
    if kind is CredentialsRefused:
        code = "credentials" if status == httpx.codes.UNAUTHORIZED else "scope"
        text = f"{text}; {_REMEDY[code]}"
    wait = None
    if kind is Throttled or status == httpx.codes.SERVICE_UNAVAILABLE:
        headers = response.headers
        wait = retry_after_seconds(headers.get("Retry-After"), headers.get("Date"), default=None, now=now)
    return kind(
        f"{where}: {text}",
        side=SIDE,
        endpoint=endpoint.name,
        status=status,
        code=code,
        details=problem.details,
        retry_after=wait,
        lines=problem.lines,
    )


def read_problem(response: httpx.Response, secrets: Sequence[str] = ()) -> Problem:
    """Read a problem object, a bare array of lines, an empty body, or whatever a proxy wrote."""
    raw = response.content
    if not raw.strip():
        return Problem("the answer has no body")
    try:
        body = decode(without_secrets(raw.decode(), secrets).encode())
    except ValueError:
        kind = response.headers.get("Content-Type", "an unnamed type").partition(";")[0][:100]
        return Problem(f"the answer is {len(raw)} bytes of {kind}, not JSON")
    if isinstance(body, list):
        return _lines(body)
    if isinstance(body, dict):
        return _problem(body)
    return Problem("the answer is JSON, but no problem object")


def _kind(endpoint: Endpoint, status: int, problem: Problem) -> type[PlatformError]:
    if status == httpx.codes.CONFLICT:
        codes = [problem.code, *(detail.get("code") for detail in problem.details)]
        return Refused if any(code in DUPLICATE_CODES for code in codes) else endpoint.conflict
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if httpx.codes.is_client_error(status):
        return Refused
    return TargetIll if httpx.codes.is_server_error(status) else ContractFault


def _problem(body: Mapping[str, object]) -> Problem:
    errors = body.get("errors")
    details = tuple(_detail(item) for item in errors if isinstance(item, dict)) if isinstance(errors, list) else ()
    title = body.get("title")
    codes = [code for detail in details if isinstance(code := detail.get("code"), str)]
    text = str(body.get("detail") or title or "no reason given")[:_LONGEST_TEXT]
    named = [f"{detail.get('property')}: {detail.get('message')}" for detail in details[:_NAMED_IN_MESSAGE]]
    more = len(details) - len(named)
    return Problem(
        text="; ".join([text, *named, *([f"{more} more"] if more else [])]),
        code=codes[0] if codes else title[:_LONGEST_PART] if isinstance(title, str) else None,
        details=details,
    )


def _detail(item: Mapping[str, object]) -> dict[str, object]:
    """Flat and short: what is nested, where a text belongs, is shown as text."""
    return {
        str(name)[:_LONGEST_PART]: value if value is None or isinstance(value, bool) else str(value)[:_LONGEST_PART]
        for name, value in item.items()
    }


def _lines(body: Sequence[object]) -> Problem:
    lines = [line for item in body if (line := _line(item)) is not None]
    if not lines:
        return Problem("the answer is an array, but not of refused lines")
    named = [f"line {line.line} {line.field}: {line.message}" for line in lines[:_NAMED_IN_MESSAGE]]
    more = len(lines) - len(named)
    text = "; ".join([*named, *([f"{more} more"] if more else [])])
    return Problem(text, code="lines-refused", lines=tuple(lines))


def _line(item: object) -> LineError | None:
    if not isinstance(item, dict):
        return None
    number = item.get("line")
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return LineError(number, str(item.get("field", ""))[:_LONGEST_PART], str(item.get("message", ""))[:_LONGEST_PART])
