"""What `ps` shows of a process that has become another program without an exec. Source: prctl(2), PR_SET_MM_MAP."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from lab.kernel.syscalls import PR_SET_NAME, map_memory, prctl

# struct prctl_mm_map: eleven addresses, no auxiliary vector, and no other file of the program.
_MAP = struct.Struct("=11QQIi")
_SAME_FILE = -1
# proc(5), /proc/PID/stat: the numbers of the fields that are told again as they are.
_CODE, _DATA, _HEAP, _STACK, _ENVIRONMENT = (26, 27), (45, 46), 47, 28, (50, 51)
_LONGEST_NAME = 15


def change(words: Sequence[str]) -> mmap.mmap:
    """Have the calling process called by these words from now on. They are read where they stand: in the memory that
    this gives, which has to be kept. OSError where that is not to be had (CONFIG_CHECKPOINT_RESTORE, a seccomp filter).
    """
    text = b"".join(os.fsencode(word) + b"\0" for word in words)
    kept = mmap.mmap(-1, len(text), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    kept.write(text)
    first = ctypes.addressof(ctypes.c_char.from_buffer(kept))
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    code, data, (heap, stack), environment = (
        [int(fields[number - 3]) for number in numbers] for numbers in (_CODE, _DATA, (_HEAP, _STACK), _ENVIRONMENT)
    )
    sbrk = ctypes.CDLL(None).sbrk
    sbrk.restype = ctypes.c_void_p
    words_at = (first, first + len(text))
    map_memory(_MAP.pack(*code, *data, heap, sbrk(0), stack, *words_at, *environment, 0, 0, _SAME_FILE))
    prctl(PR_SET_NAME, os.fsencode(os.path.basename(words[0]))[:_LONGEST_NAME])
    return kept
