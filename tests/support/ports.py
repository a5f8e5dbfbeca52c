"""Ports for servers that tests start: named before the server is there, so nobody else may get them meanwhile."""

import fcntl
import socket
import tempfile
from pathlib import Path

# Below the range from which Linux (32768) and others (49152) take the near ends of outgoing connections: a port out of
# that range may be somebody's by the time that its server listens.
_FIRST, _LAST = 20_000, 32_700
_TURN = Path(tempfile.gettempdir()) / "paylayer-tests-next-port"


def free_port() -> int:
    """A port that nothing listens on; no other caller on this machine is given it for a long while."""
    with _TURN.open("a+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        turn.seek(0)
        port = int(turn.read() or _FIRST)
        for _ in range(_FIRST, _LAST):
            chosen, port = port, port + 1 if port + 1 < _LAST else _FIRST
            if _is_free(chosen):
                turn.truncate(0)
                turn.write(str(port))
                return chosen
    raise OSError(f"no free port between {_FIRST} and {_LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # what servers set: an ended connection is no hindrance
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
