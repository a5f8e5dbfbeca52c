"""What a failed Spark Pay call means for the entity (vendor docs: common usage; a 409 is about the data)."""

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
