"""Reading the line numbers of a refused pricing call, whose base the vendor does not document."""

from collections.abc import Awaitable, Callable, Sequence

from connector.errors import LineError, PlatformError, Refused
from handlers.outcome import Outcome, Rejected
from handlers.sparklayer.bulk import BulkRow
from handlers.sparklayer.known_skus import absent

Send = Callable[[Sequence[BulkRow]], Awaitable[None]]


class LineNumbers:
    """Learns once whether lines count from 0 or from 1."""

    def __init__(self) -> None:
        self._base: int | None = None

    async def complaints(self, error: Refused, rows: Sequence[BulkRow], send: Send) -> dict[int, Outcome]:
        """The refused rows by their index; empty where the answer names none that can be right.

        An unknown base that the numbers do not give away is found out by sending one suspect row alone.
        Raises the `PlatformError` of that call if it fails for another reason than a refusal.
        """
        numbers = [line.line for line in error.lines]
        if not numbers or not all(0 <= number <= len(rows) for number in numbers):
            return {}
        if self._base is None:
            self._base = _base_shown(numbers, len(rows))
        if self._base is None:
            self._base = await self._probe(numbers[0], rows, send)
        indexed = [(line.line - self._base, line) for line in error.lines]
        if any(not 0 <= index < len(rows) for index, _ in indexed):
            self._base = None  # it counts otherwise than it did: halve, and learn again
            return {}
        found: dict[int, list[LineError]] = {}
        for index, line in indexed:
            found.setdefault(index, []).append(line)
        return {index: _outcome(error, rows[index], lines) for index, lines in found.items()}

    async def _probe(self, number: int, rows: Sequence[BulkRow], send: Send) -> int:
        """Send the row that the number means if lines count from 1; a refusal's own number tells the base."""
        try:
            await send([rows[number - 1]])
        except Refused as error:
            shown = _base_shown([line.line for line in error.lines], 1)
            return 1 if shown is None else shown
        return 0


def _base_shown(numbers: Sequence[int], rows: int) -> int | None:
    if 0 in numbers:
        return 0
    return 1 if rows in numbers else None


def _outcome(error: PlatformError, row: BulkRow, lines: Sequence[LineError]) -> Outcome:
    if all(line.field == "sku" for line in lines):
        return absent(row.sku, live=row.live, status=error.status)
    return Rejected(
        code=error.code or "lines-refused",
        message="; ".join(f"{line.field}: {line.message}" for line in lines),
        status=error.status,
        details=[{"property": line.field, "message": line.message} for line in lines],
        error_class=type(error).__name__,
    )
