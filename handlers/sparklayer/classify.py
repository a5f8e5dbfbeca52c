"""What a failed SparkLayer call means for the entity: one table, and what the error's details say.

Every SparkLayer write here can be sent again as it is (an upsert, or a POST that is followed by a PATCH when the object
turns out to exist), so a lost answer is only a reason to try again.
"""

from collections.abc import Callable

from connector.errors import (
    Conflict,
    ContractFault,
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    Refused,
    TargetIll,
    Throttled,
    TooLarge,
    Withheld,
)
from handlers.outcome import Failed, Outcome, Rejected

DUPLICATE_CODES = frozenset({"resource-already-exists", "duplicate-sku", "duplicate-slug"})


def _rejected(error: PlatformError, code: str | None = None) -> Rejected:
    return Rejected(
        code=code or error.code or f"http_{error.status}",
        message=error.message,
        status=error.status,
        details=error.details,
        error_class=type(error).__name__,
    )


def _ill(error: PlatformError) -> Failed:
    answered = isinstance(error, TargetIll) and error.status is not None
    return Failed(
        error.message, retry_after=error.retry_after, status=error.status, code=error.code, uncertain=answered
    )


def _maybe_applied(error: PlatformError) -> Failed:
    return Failed(error.message, status=error.status, code=error.code, uncertain=True)


def _contended(error: PlatformError) -> Failed | Rejected:
    """A 409 is another writer, unless it names a value that is taken."""
    if taken_fields(error):
        return _rejected(error)
    return Failed(error.message, target=False, retry_after=error.retry_after, status=error.status, code=error.code)


def _absent(error: PlatformError) -> Failed | Rejected:
    """A price list that was made sure of just now is missing for a moment; anything else should exist and does not."""
    if error.endpoint.endswith("/batch-update-pricing"):
        return Failed(error.message, target=False, status=error.status, code=error.code)
    return _rejected(error, error.code or "not_found")


def _not_sent(error: PlatformError) -> Failed:
    """Nobody's fault; an entity's own write is one call, so nothing of it is half done."""
    return Failed(error.message, retry_after=0.0, code=error.code)


def _locked_out(error: PlatformError) -> Failed:
    return Failed(error.message, status=error.status, code=error.code, pause=True)


_TABLE: tuple[tuple[type[PlatformError], Callable[[PlatformError], Failed | Rejected]], ...] = (
    (Refused, _rejected),
    (NotFound, _absent),
    (TooLarge, lambda error: _rejected(error, "too_large")),
    (Conflict, _contended),
    (Throttled, _ill),
    (TargetIll, _ill),
    (Withheld, _not_sent),
    (ContractFault, _maybe_applied),
    (OutcomeUnknown, _maybe_applied),
    (CredentialsRefused, _locked_out),
)


def classify(error: PlatformError) -> Outcome:
    """The outcome of an entity whose call failed like this."""
    for kind, outcome in _TABLE:
        if isinstance(error, kind):
            return outcome(error)
    return _ill(error)


def taken_fields(error: PlatformError) -> dict[str, str]:
    """Paths of the body whose value another object has already, with the code: `{"variants[0].sku": ...}`."""
    return {
        str(detail.get("property") or ""): str(detail["code"])
        for detail in error.details
        if detail.get("code") in DUPLICATE_CODES
    }


def stops_the_side(outcome: Outcome) -> bool:
    """Whether further calls now would meet the same trouble."""
    return isinstance(outcome, Failed) and outcome.target
