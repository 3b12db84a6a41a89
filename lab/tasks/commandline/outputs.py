"""Where a command's outputs go: `-` is standard output, anything else a file.

All of them are opened before anything is done, so that nothing is asked for in vain. Until something is written, a file
keeps what it holds; one that was not there is gone again when the command is refused.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab import terminal
from lab.errors import MachineError, UsageError
from lab.refusal import refusal

STANDARD = "-"
_STANDARD_OUTPUT = 1
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": _STANDARD_OUTPUT, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,6})")
_MACHINES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT)  # whatever file is named


class Output:
    """One of them, open. MachineError when it turns out that it cannot be written after all (a full disk)."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.is_standard = file == STANDARD or _stream(file) == _STANDARD_OUTPUT
        self._descriptor, self._made = (_STANDARD_OUTPUT, False) if self.is_standard else _opened(file)
        self._written = self.is_standard

    @property
    def identity(self) -> tuple[int, int] | None:
        """The same for two names of one regular file or of standard output; None of what may be opened twice."""
        status = os.fstat(self._descriptor)
        return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) or self.is_standard else None

    def write(self, data: bytes, /) -> None:
        """All of it. The first time, it takes the place of what the file held."""
        if self.is_standard:
            terminal.binary(data)
            return
        try:
            self._begin()
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise MachineError(_cannot(self.file, error), "what was asked for is done; only this is missing") from error

    def write_text(self, text: str) -> None:
        """The same, in UTF-8."""
        if self.is_standard:
            terminal.data(text)
        else:
            self.write(text.encode(errors="backslashreplace"))

    def _begin(self) -> None:
        if not self._written and stat.S_ISREG(os.fstat(self._descriptor).st_mode) and _stream(self.file) is None:
            os.ftruncate(self._descriptor, 0)
        self._written = True

    def close(self) -> None:
        """A file that we made and never wrote goes."""
        if self.is_standard:
            return
        if self._made and not self._written and _is_still(self.file, self._descriptor):
            Path(self.file).unlink()
        os.close(self._descriptor)


@dataclass(slots=True)
class Outputs:
    """Those of one command, by the options that named them."""

    _by_option: dict[str, Output] = field(default_factory=dict)

    def of(self, option: str) -> Output | None:
        """None for an option that was not given."""
        return self._by_option.get(option)

    def write_text(self, option: str, text: str) -> None:
        """To that option's output; nothing is done where it was not given."""
        output = self.of(option)
        if output is not None:
            output.write_text(text)

    @property
    def on_standard(self) -> bool:
        """Whether one of them goes to standard output, where nothing else may be said then."""
        return any(one.is_standard for one in self._by_option.values())

    def add(self, option: str, output: Output) -> None:
        """UsageError if another option's output would be written over."""
        for other, known in self._by_option.items():
            if output.identity is not None and output.identity == known.identity:
                where = "standard output" if output.is_standard else output.file
                raise UsageError(f"--{other} and --{option} cannot both go to {where}", "give one of them another file")
        self._by_option[option] = output


@contextmanager
def opened(**files: str) -> Iterator[Outputs]:
    """The outputs that these options name, "" for one that was not given. UsageError if one of them cannot be written,
    or two would be the same.
    """
    with ExitStack() as stack:
        found = Outputs()
        for option, file in files.items():
            if file:
                output = Output(file)
                stack.callback(output.close)
                found.add(option, output)
        yield found


def _stream(file: str) -> int | None:
    """The number of a stream that is open already, by which it is written where it stands, as a shell does."""
    if file in _STREAMS:
        return _STREAMS[file]
    named = _DESCRIPTOR.fullmatch(file)
    return int(named[1]) if named else None


def _opened(file: str) -> tuple[int, bool]:
    """Its descriptor, and whether it was not there before."""
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY
    try:
        stream = _stream(file)
        if stream is not None:
            return os.dup(stream), False
        try:
            # Without O_CREAT: in a folder for all, others' files may not be opened with it (fs.protected_regular).
            return os.open(file, flags), False
        except FileNotFoundError:
            made = not Path(file).is_symlink()  # what a link leads to may be made, and stays
            return os.open(file, flags | os.O_CREAT, 0o666), made
    except OSError as error:
        refused = refusal(error) if error.errno in _MACHINES else None
        raise refused or UsageError(_cannot(file, error), "choose another file") from error


def _cannot(file: str, error: OSError) -> str:
    return f"{file} cannot be written: {os.strerror(error.errno or 0)}"


def _is_still(file: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(file), os.fstat(descriptor))
    except OSError:
        return False
