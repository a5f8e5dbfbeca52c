"""What the simulated platform answers when it refuses."""

from __future__ import annotations

from http import HTTPStatus


class Refused(Exception):
    """An answer other than success: status, and `details` as the platform puts them into its error body.

    `violation` marks a request that breaks the vendor's description of the API: the sandbox records it, and tests
    assert that there is none.
    """

    def __init__(self, status: int, details: str, *, violation: bool = False) -> None:
        super().__init__(details)
        self.status = status
        self.details = details
        self.violation = violation

    @property
    def body(self) -> dict[str, object]:
        """The vendor's error body: three members, `details` for people."""
        return {"status_code": self.status, "message": HTTPStatus(self.status).phrase, "details": self.details}


def missing_column(table: str, column: str) -> Refused:
    """500 as for a required field that was left out (vendor docs: a data fault that looks like a server fault)."""
    return Refused(
        500,
        f"Base POST failed - CommandText: {table}_Insert - Cannot insert the value NULL into column '{column}', "
        f"table '{table}'; column does not allow nulls. INSERT fails.",
    )


def removed_row(table: str, row_id: int) -> Refused:
    """500 as for a write to a row that was deleted."""
    return Refused(500, f"{table}_Update - id {row_id} - Status: Err - Record has been removed from the database")
