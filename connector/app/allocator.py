"""Keeping a long-lived process small where glibc would let it grow."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
_LARGE = 128 * 1024


def keep_small() -> None:
    """Few arenas, and memory given back.

    A page of a thousand products is megabytes for a second. glibc gives each thread (every SQLite connection is one)
    an arena of its own and raises its thresholds after the first large block, so that such pages are never returned:
    a sync of a large catalogue would leave the process larger than that of a small one. Elsewhere this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        for option, value in ((_M_ARENA_MAX, 2), (_M_TRIM_THRESHOLD, _LARGE), (_M_MMAP_THRESHOLD, _LARGE)):
            mallopt(option, value)
