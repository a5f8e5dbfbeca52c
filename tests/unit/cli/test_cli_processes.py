"""What only a real process shows: signals and pipes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import SECRET_KEY

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that is gone when the block ends, however it ends."""
    process = _start(folder, *arguments)
    try:
        with process:
            yield process
    except BaseException:
        process.kill()
        process.wait()
        raise


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAYLAYER_")}
    settings = {"PAYLAYER_SECRET_KEY": SECRET_KEY, "PAYLAYER_DATABASE_URL": f"sqlite:///{folder / 's.sqlite3'}"}
    return subprocess.Popen(
        [sys.executable, "-m", "connector.cli", *arguments],
        env={**kept, **settings, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("sandbox", ["sparkpay", "sparklayer"])
def test_ctrl_c_ends_a_sandbox_well(tmp_path: Path, sandbox: str) -> None:
    with started(tmp_path, "sandbox", sandbox, "--port", "0") as process:
        assert "http://127.0.0.1:" in _next_line(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_ctrl_c_in_the_middle_of_a_command_says_so(tmp_path: Path) -> None:
    with started(tmp_path, "demo", "--keep") as process:
        assert "broker: embedded" in _next_line(process)
        assert _next_line(process), "it is at work now"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=40)
    assert "Traceback" not in err
    assert (process.returncode, err.splitlines()[-1:]) == (130, ["paylayer: stopped"])


def test_a_pipe_that_is_closed_early_is_no_failure(tmp_path: Path) -> None:
    with started(tmp_path, "connections", "list", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")


def _next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()
