"""What was asked of the site; the token call is counted apart."""

from connector.sandbox import journal
from connector.sandbox.journal import Served


class Journal(journal.Journal):
    """The last `keep` calls and the counts of all of them."""

    def __init__(self, keep: int = 10_000) -> None:
        super().__init__(keep)
        self.token_calls = 0
        self.writes = 0

    def record(self, served: Served, *, counted: bool = True) -> None:
        """Log one call; one that is not counted is a token call."""
        super().record(served, counted=counted)
        self.token_calls += not counted

    def count(self, served: Served) -> None:
        """As every journal does, and the calls that change the merchant's data."""
        super().count(served)
        self.writes += served.writes

    def stats(self) -> dict[str, object]:
        """Counts since the start; `writes` are calls that change the merchant's data, refused ones included."""
        return {**super().stats(), "token_calls": self.token_calls, "writes": self.writes}
