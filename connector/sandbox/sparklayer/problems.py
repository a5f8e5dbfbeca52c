"""Refusals as the platform words them: one problem object (RFC 7807), or a bare array of lines for bulk pricing."""

from collections.abc import Sequence
from dataclasses import dataclass

INVALID_CONTENTS = "invalid-api-request-contents"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One entry of `errors`; `property` is the path inside the body, such as `variants[0].sku`."""

    code: str
    property: str
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """One refused row of a bulk pricing call; `index` counts from 0, the policy decides what is shown."""

    index: int
    field: str
    message: str


class Refusal(Exception):
    """The platform says no: status, machine-readable title, and what is wrong with which field."""

    def __init__(self, status: int, title: str, detail: str = "", errors: Sequence[FieldError] = ()) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)

    def body(self) -> dict[str, object]:
        """The problem object; `errors` is null where no field is named."""
        return {
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "type": "about:blank",
            "errors": [
                {"code": error.code, "property": error.property, "message": error.message} for error in self.errors
            ]
            or None,
        }


class LinesRefused(Exception):
    """A bulk pricing call with bad rows: nothing of the call is applied."""

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__(f"{len(lines)} lines refused")
        self.lines = tuple(lines)

    def body(self, line_base: int) -> list[dict[str, object]]:
        """The bare array that the platform answers."""
        return [
            {"line": line.index + line_base, "field": line.field, "message": line.message}
            for line in sorted(self.lines, key=lambda line: line.index)
        ]


def invalid(errors: Sequence[FieldError], detail: str = "The request is not accepted.") -> Refusal:
    """A 400 that names fields."""
    return Refusal(400, INVALID_CONTENTS, detail, errors)


def not_found(what: str, key: str) -> Refusal:
    """A 404 for the object of the path."""
    return Refusal(404, "resource-not-found", f"{what} {key!r} does not exist.")
