import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from commands import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Shell(tmp_path, monkeypatch)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
