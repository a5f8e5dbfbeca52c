"""One table: what an answer that is no success means (vendor docs: common usage; 500 as seen in their examples)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

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
)
from connector.redaction import without_secrets
from connector.sparkpay.answers import UnreadableAnswer, parse

SIDE = "sparkpay"
_LONGEST_DETAILS = 1000
_PERMANENT = (  # words of a 500 that will come again for the same data
    "cannot insert the value null",
    "does not allow nulls",
    "record has been removed",
    "constraint",
    "conversion failed",
    "truncated",
)


class Meaning(Enum):
    """What has to happen after an answer."""

    THROTTLED = "throttled"
    TRANSIENT = "transient"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer without success, as text for people: status and the `details` of the error body."""

    status: int
    details: str


def failure_of(status: int, body: bytes, secrets: Sequence[str] = ()) -> Failure:
    """Status and `details` of an error body, without these secrets; for anything but documented JSON a description."""
    try:
        answer = parse(body)
    except UnreadableAnswer:
        return Failure(status, f"{_phrase(status)}, {'empty body' if not body.strip() else 'not JSON'}")
    if isinstance(answer, Mapping):
        text = answer.get("details") or answer.get("message")
        if isinstance(text, str) and text.strip():
            return Failure(status, without_secrets(" ".join(text.split()), secrets)[:_LONGEST_DETAILS])
    return Failure(status, _phrase(status))


def meaning(failure: Failure) -> Meaning:
    """Whether the same request may do better later."""
    match failure.status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Meaning.THROTTLED
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            found = any(words in failure.details.lower() for words in _PERMANENT)
            return Meaning.FINAL if found else Meaning.TRANSIENT
        case HTTPStatus.REQUEST_TIMEOUT:
            return Meaning.TRANSIENT
        case status if status > HTTPStatus.INTERNAL_SERVER_ERROR:
            return Meaning.TRANSIENT
    return Meaning.FINAL


def error_of(failure: Failure, endpoint: str, *, wrote: bool, retry_after: float | None = None) -> PlatformError:
    """The error to raise. A write that met a transient failure may have been applied all the same."""
    status = failure.status
    match meaning(failure):
        case Meaning.THROTTLED:
            return Throttled(failure.details, side=SIDE, endpoint=endpoint, status=status, retry_after=retry_after)
        case Meaning.TRANSIENT:
            kind = OutcomeUnknown if wrote else TargetIll
            return kind(failure.details, side=SIDE, endpoint=endpoint, status=status)
        case Meaning.FINAL:
            return _final(failure, endpoint)


def _final(failure: Failure, endpoint: str) -> PlatformError:
    status = failure.status
    match status:
        case HTTPStatus.UNAUTHORIZED:
            text = f"the token is missing, wrong or revoked ({failure.details}); make a new one in the admin console"
            return CredentialsRefused(text, side=SIDE, endpoint=endpoint, status=status, code="credentials")
        case HTTPStatus.FORBIDDEN:
            text = f"the token lacks a scope for this ({failure.details}); make a new token that has it"
            return CredentialsRefused(text, side=SIDE, endpoint=endpoint, status=status, code="scope")
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return NotFound(failure.details, side=SIDE, endpoint=endpoint, status=status)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge(failure.details, side=SIDE, endpoint=endpoint, status=status)
        case _ if status < HTTPStatus.BAD_REQUEST:
            text = "redirects, which is not followed so that the token goes nowhere else; correct the store's address"
            return ContractFault(text, side=SIDE, endpoint=endpoint, status=status)
    return Refused(failure.details, side=SIDE, endpoint=endpoint, status=status)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an unknown status"
