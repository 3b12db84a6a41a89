"""How the process keeps memory that it has had: as little as can be, for it lives long and is asked for much at times.

Source: mallopt(3), malloc_trim(3). Large pieces are mapped one by one and go back to the kernel when they are freed;
left to itself, glibc takes them from its heap once it has freed one, and the heap shrinks only from its end.
"""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
LARGE = 128 * 1024
ARENAS = 2


_libc = ctypes.CDLL(None)


def keep_little() -> None:
    """From now on, for the whole process. Where the C library knows nothing of it, nothing."""
    mallopt = getattr(_libc, "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGE)
        mallopt(_ARENA_MAX, ARENAS)


def give_back() -> None:
    """What is free in the middle of the heap too: after much has come and gone. A few milliseconds."""
    trim = getattr(_libc, "malloc_trim", None)
    if trim is not None:
        trim(0)
