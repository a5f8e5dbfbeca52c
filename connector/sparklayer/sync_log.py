"""The sync log that the merchant sees in SparkLayer's Dashboard (vendor docs: sync log)."""

from collections.abc import Mapping

from connector.sparklayer import endpoint
from connector.sparklayer.session import Session

INTEGRATION = "sparkpay"


class SyncLog:
    """Reports of this integration, one per data type."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record(self, data_type: str, report: Mapping[str, object]) -> None:
        """Replace the report with its errors; a time that is left out is cleared."""
        keys = {"integration": INTEGRATION, "data_type": data_type}
        await self._session.call(endpoint.SYNC_LOG_RECORD, keys, body=dict(report))

    async def record_part(self, data_type: str, report: Mapping[str, object]) -> None:
        """Say when something was last brought over; SparkLayer answers 404 until a full report was recorded."""
        keys = {"integration": INTEGRATION, "data_type": data_type}
        await self._session.call(endpoint.SYNC_LOG_RECORD_PART, keys, body=dict(report))

    async def delete_all(self) -> None:
        """Delete the reports of every integration of the site, those of others included."""
        await self._session.call(endpoint.SYNC_LOG_DELETE)
