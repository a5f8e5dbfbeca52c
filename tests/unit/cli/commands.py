"""Running `paylayer` inside the test's process: what it prints and the code it ends with."""

import io
import os
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main

SECRET_KEY = "cli-tests-only-0123456789-0123456789"
TOKEN = "store-token-1c2d"
SECRET = "site-secret-3e4f"
ADD = (
    "connections", "add", "acme", "--sparkpay-url", "http://127.0.0.1:9", "--sparkpay-token", TOKEN,
    "--sparklayer-url", "http://127.0.0.1:9", "--site-id", "tools", "--client-id", "client",
    "--client-secret", SECRET, "--currency", "usd",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """What one command did."""

    code: Any
    out: str
    err: str


class Shell:
    """A user's shell: a folder, an environment, 80 columns and no terminal."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        for name in [*os.environ]:
            if name.startswith(("PAYLAYER_", "SPARKPAY_", "SPARKLAYER_")):
                patch.delenv(name)
        patch.chdir(folder)
        self._patch = patch
        self.set(
            COLUMNS="80",
            PAYLAYER_SECRET_KEY=SECRET_KEY,
            PAYLAYER_DATABASE_URL=f"sqlite:///{folder / 'state.sqlite3'}",
            PAYLAYER_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9",
        )

    def set(self, **values: str) -> None:
        for name, value in values.items():
            self._patch.setenv(name, value)

    def unset(self, name: str) -> None:
        self._patch.delenv(name)

    def run(self, *arguments: str, **environment: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with self._patch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main(arguments)
        text = out.getvalue() + err.getvalue()
        assert "Traceback" not in text
        for secret in (SECRET_KEY, TOKEN, SECRET):
            assert secret not in text
        return Ended(ended.value.code, out.getvalue(), err.getvalue())

    def fails(self, code: int, *arguments: str, **environment: str) -> str:
        """The one sentence of a command that fails with this code."""
        ended = self.run(*arguments, **environment)
        assert (ended.code, ended.out) == (code, ""), ended
        assert ended.err.startswith("paylayer: ")
        assert ended.err.count("\n") == 1
        return ended.err.removeprefix("paylayer: ").strip()


def only(values: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: values[name] for name in names}
