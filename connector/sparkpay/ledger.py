"""The events of a batch of observations of a Spark Pay store."""

from connector.ledger import DOUBT
from connector.ledger import Ledger as SharedLedger

SOURCE = "sparkpay"


class Ledger(SharedLedger):
    """See `connector.ledger`."""

    def __init__(self, connection: str, *, force: bool) -> None:
        super().__init__(connection, SOURCE, force=force)


__all__ = ["DOUBT", "SOURCE", "Ledger"]
