"""What the machine refuses, as one sentence and what to do: no file, memory, process or room on a disk is left.

Such an error may come from any line of ours, and from none by our fault. What is not in this table is a defect.
"""

from __future__ import annotations

import errno

from lab.errors import MachineError

PROCESSES = "this user, or this machine, may start no further process or thread"
MEMORY = "there is not enough memory"
_ULIMITS = "`ulimit -u` says how many there may be, `ulimit -v` how much memory they may have"
_FREE = "`free -h` says how much there is, `ulimit -v` how much a process may have"
_FULL = "`df -h` shows which file system is full"

# By the kernel's number: what is said, and what helps. A file's name is put before, where it matters.
_TOLD = {
    errno.EMFILE: ("this process may have no further file open", "`ulimit -n` says how many; 4096 are enough for most"),
    errno.ENFILE: ("no further file can be open on this machine", "`sysctl fs.file-max` says how many"),
    errno.ENOMEM: (MEMORY, _FREE),
    errno.ENOSPC: ("no space is left on the device", _FULL),
    errno.EDQUOT: ("the disk quota is used up", "`quota` shows it"),
    errno.EROFS: ("the file system is read-only", "`findmnt -T FILE` shows it"),
    errno.EFBIG: ("no file may be so large", "`ulimit -f` says how large"),
    errno.EAGAIN: (PROCESSES, _ULIMITS),
}
_WHERE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)  # of the others, it is of no matter which file it was
_OF_A_FILE = {errno.EACCES: "permission denied", errno.EPERM: "not permitted"}


def refusal(error: BaseException) -> MachineError | None:
    """What to tell of an error that is the machine's; None of one that is ours."""
    # A library that could not be mapped is an ImportError with the loader's words.
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and "failed to map segment" in str(error)):
        return MachineError(MEMORY, _FREE)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return MachineError(PROCESSES, _ULIMITS)
    if isinstance(error, OSError):
        return _of_the_kernel(error)
    return refusal(error.__cause__) if error.__cause__ else None


def _of_the_kernel(error: OSError) -> MachineError | None:
    file = error.filename if isinstance(error.filename, str) else ""
    if file and error.errno in _OF_A_FILE:
        return MachineError(f"{file}: {_OF_A_FILE[error.errno]}", f"ls -ld {file}")
    if error.errno not in _TOLD:
        return None
    told, hint = _TOLD[error.errno]
    named = file if error.errno in _WHERE else ""
    return MachineError(f"{named}: {told}" if named else told, hint.replace("FILE", named or "FILE"))
