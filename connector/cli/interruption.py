"""SIGTERM and Ctrl-C: the first asks a command to end and gives it ten seconds, the second ends it at once."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

import structlog

Result = TypeVar("Result")
GRACE_SECONDS = 9.0  # an orchestrator sends SIGKILL after ten
INTERRUPTED = 130
_BY_SIGNAL = 128
log = structlog.get_logger("paylayer.end")


def interruptible(work: Coroutine[Any, Any, Result], *, code: int = INTERRUPTED) -> Result:
    """Run a command's work. Raises `KeyboardInterrupt` when it was asked to end and has cleaned up.

    Where that takes too long, or the interpreter itself does not end (a thread that waits for a lock of the database),
    the process ends with `code`: everything here is made to be killed, so that loses nothing.
    """
    ending = _Ending(code)
    before = {sign: signal.signal(sign, ending.asked) for sign in (signal.SIGTERM, signal.SIGINT)}
    try:
        return asyncio.run(ending.watch(work))
    except (asyncio.CancelledError, Exception) as error:
        if not ending.began:
            raise
        if not isinstance(error, asyncio.CancelledError):
            log.warning("not_ended_well", error=f"{type(error).__name__}: {error}")
        raise KeyboardInterrupt from None
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


class _Ending:
    """What the signals of one command have come to."""

    def __init__(self, code: int) -> None:
        self.began = False
        self._code = code
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    async def watch(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The work, in a task that a signal cancels."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await work

    def asked(self, sign: int, _frame: FrameType | None) -> None:
        """A signal has come."""
        if self.began:
            _leave("ended at once", _BY_SIGNAL + sign)
        self.began = True
        reminder = threading.Timer(GRACE_SECONDS, _leave, ("ended before everything was closed", self._code))
        reminder.daemon = True
        reminder.start()
        if self._loop is None or self._task is None:
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._task.cancel)


def _leave(message: str, code: int) -> None:
    """End the process without waiting for anything."""
    try:
        sys.stderr.write(f"paylayer: {message}; nothing is lost\n")
        sys.stderr.flush()
    finally:
        os._exit(code)
