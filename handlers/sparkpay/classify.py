"""What a failed Spark Pay call means for the entity (vendor docs: common usage; a 409 is about the data)."""

from dataclasses import replace

from connector.errors import (
    ContractFault,
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    PlatformError,
    Refused,
    TooLarge,
)
from handlers.outcome import Failed, Outcome, Rejected

SETTLE_SECONDS = 5.0  # a request whose answer was lost may still be at work


def classify(error: PlatformError) -> Outcome:
    """The outcome of an entity whose call failed like this."""
    match error:
        case CredentialsRefused():
            return Failed(error.message, status=error.status, code=error.code, pause=True)
        case Refused() | NotFound() | TooLarge():
            return Rejected(
                code=error.code or f"http_{error.status}",
                message=error.message,
                status=error.status,
                details=error.details,
                error_class=type(error).__name__,
            )
        case OutcomeUnknown() | ContractFault():
            return Failed(error.message, status=error.status, code=error.code, uncertain=True)
        case _:
            return Failed(error.message, retry_after=error.retry_after, status=error.status, code=error.code)


def unread(error: PlatformError, tasks: int) -> Outcome:
    """The outcome of every task of a batch when reading for all of them failed: a refusal is not each one's fault.

    They are tried again one by one, and only the one that the store cannot be asked about is refused.
    """
    outcome = classify(error)
    if isinstance(outcome, Rejected) and tasks > 1:
        return Failed(outcome.message, status=outcome.status, code=outcome.code)
    return outcome


def half_done(outcome: Outcome) -> Outcome:
    """The same of an entity of which something was written already: what is on record of it proves nothing now."""
    return replace(outcome, uncertain=True) if isinstance(outcome, Failed) else outcome


def unsettled(outcome: Outcome) -> Outcome:
    """The same of a call that must not meet its own shadow: the answer was lost, the request may still be at work."""
    if isinstance(outcome, Failed) and outcome.uncertain and outcome.retry_after is None:
        return replace(outcome, retry_after=SETTLE_SECONDS)
    return outcome


def stops_the_side(outcome: Outcome) -> bool:
    """Whether further calls now would meet the same trouble."""
    return isinstance(outcome, Failed) and outcome.target
