"""Everything PayLayer raises, named by what has to happen next.

PayLayerError
├── UserFault            the person who typed a command or wrote a setting mends it: one sentence, exit code 2
├── Unavailable          broker, database or service cannot be reached: one sentence, exit code 1
├── ConfirmationNeeded   what the platform shows would do great harm if it were wrong: the side pauses, a person decides
├── ContractFault        the platform answered something no one can read: reported loudly, retried like TargetIll
└── PlatformError        one call to a platform did not do what it should
    ├── Refused          the platform will never take this (400, 409, 422, ...): dead letter
    ├── NotFound         404: "create it", "wait for it" or "gone", as the caller knows
    ├── Conflict         somebody writes the same thing at this moment: retry with back-off
    ├── TooLarge         413: halve the batch
    ├── Throttled        429: wait, no attempt is counted
    ├── TargetIll        5xx, timeout, connection lost before the request left: retry with back-off
    ├── OutcomeUnknown   the request left and no whole answer came: it may have been applied
    └── CredentialsRefused   401 after a renewal, 403: the side pauses, a person must act
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class PayLayerError(Exception):
    """Anything PayLayer raises on purpose."""


class UserFault(PayLayerError):
    """A setting, an argument or a file is wrong; the message says which and what to write instead."""


class ConfirmationNeeded(PayLayerError):
    """What a platform shows looks wrong on a large scale; nothing was published, a person must confirm or correct it.

    Trying again changes nothing: the side pauses. The message says what was seen and both ways out.
    """


class Unstorable(PayLayerError):
    """The database does not take this very value, now or later."""


class Unavailable(PayLayerError):
    """Something PayLayer needs does not answer; the message says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class LineError:
    """One refused line of a bulk call, as the platform numbers it."""

    line: int
    field: str
    message: str


class PlatformError(PayLayerError):
    """One call that failed, with everything that is needed to act on it; never with a token or a body."""

    def __init__(
        self,
        message: str,
        *,
        side: str,
        endpoint: str,
        status: int | None = None,
        code: str | None = None,
        details: Sequence[Mapping[str, object]] = (),
        retry_after: float | None = None,
        lines: Sequence[LineError] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.side = side
        self.endpoint = endpoint
        self.status = status
        self.code = code
        self.details = tuple(details)
        self.retry_after = retry_after
        self.lines = tuple(lines)

    def __str__(self) -> str:
        answer = f" answered {self.status}" if self.status is not None else ""
        return f"{self.side} {self.endpoint}{answer}: {self.message}"


class Refused(PlatformError):
    """Permanent for this payload."""


class NotFound(PlatformError):
    """The object, or something that the request names, does not exist there."""


class Conflict(PlatformError):
    """Another writer holds the same thing right now."""


class TooLarge(PlatformError):
    """The request has more rows or bytes than the platform takes."""


class Throttled(PlatformError):
    """Too many calls; `retry_after` is in seconds."""


class TargetIll(PlatformError):
    """The platform is in trouble; nothing was applied as far as can be known."""


class OutcomeUnknown(PlatformError):
    """The request left and no whole answer came back: it may or may not have been applied."""


class Withheld(PlatformError):
    """The call did not leave: this process is ending or has lost the right to call. Nothing was applied by it."""


class ContractFault(PlatformError):
    """The platform's answer has a shape that nobody can read."""


class CredentialsRefused(PlatformError):
    """Keys, token or scope are refused; `code` is `credentials` or `scope`."""
