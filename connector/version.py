"""Which PayLayer this is: for `--version`, the log, `/metrics` and the platforms' own logs."""

from importlib.metadata import version
from typing import Final

VERSION: Final = version("paylayer")
USER_AGENT: Final = f"PayLayer/{VERSION} (Spark Pay connector)"
