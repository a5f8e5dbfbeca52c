"""Settings of a process and of a connection."""

from connector.settings.connection import ConnectionSettings
from connector.settings.service import Settings, load

__all__ = ["ConnectionSettings", "Settings", "load"]
