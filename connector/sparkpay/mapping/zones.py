"""The store's own time zone."""

from functools import lru_cache
from zoneinfo import ZoneInfo

from connector.sparkpay.mapping.faults import MappingFault


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises `MappingFault` where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise MappingFault(
            "timezone_unknown", f"setting store.timezone: there is no time zone {name!r}", "store.timezone"
        ) from error
