"""An archive of tar as a stream, gzip or not: read piece by piece up to limits, and only ordinary files of it."""

from __future__ import annotations

import gzip
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lab.errors import UsageError
from lab.topology.yaml.document import shown

MOST_ARCHIVE = 512 << 20
MOST_MEMBERS = 1000
HINT = "give what the scripts of `collect` wrote, or a folder of such archives"
BLOCK = 512
_MOST_HEADER = 64 << 10
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"


class Stream:
    """An archive's bytes, unpacked, up to the limit."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, name: str) -> None:
        self._stream, self._name, self._read = stream, name, 0

    def take(self, size: int) -> bytes:
        """So many bytes. UsageError where it ends before."""
        parts, left = [], size
        while left:
            piece = self._piece(min(left, _PIECE))
            if not piece:
                raise UsageError(
                    f"{self._name} is cut off after {self._read:,} bytes", "collect it anew, or copy it whole"
                )
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self.take(min(size, _PIECE)))

    def block(self) -> bytes:
        """The next block; empty at the end of an archive that nobody ended."""
        first = self._piece(BLOCK)
        return first + self.take(BLOCK - len(first)) if first else b""

    def _piece(self, size: int) -> bytes:
        try:
            piece = self._stream.read(size)
        except EOFError as error:
            told = f"{self._name} is cut off after {self._read:,} bytes"
            raise UsageError(told, "collect it anew, or copy it whole") from error
        except (OSError, zlib.error) as error:
            raise UsageError(f"{self._name} cannot be unpacked: {error}", HINT) from error
        self._read += len(piece)
        if self._read > MOST_ARCHIVE:
            raise UsageError(f"{self._name} has more than {MOST_ARCHIVE >> 20} MiB unpacked", "no real dump has")
        return piece


@contextmanager
def opened(path: Path) -> Iterator[Stream]:
    try:
        with path.open("rb") as raw:
            if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
                raise UsageError(f"{path} is no ordinary file", HINT)
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield Stream(unpacked, str(path))
            else:
                yield Stream(raw, str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {os.strerror(error.errno or 0)}", HINT) from error


def members(stream: Stream, path: str) -> Iterator[tuple[str, int]]:
    """Names and sizes of ordinary files and folders (of size 0); whoever asks has to take a file's bytes. UsageError
    for a link, a device, a way out of the folder.
    """
    long, count = "", 0
    while any(header := stream.block()):
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise UsageError(f"{path} is no archive of tar: {error}", HINT) from error
        count += 1
        if count > MOST_MEMBERS:
            raise UsageError(f"{path} has more than {MOST_MEMBERS:,} files", HINT)
        if member.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
            if member.size > _MOST_HEADER:
                raise UsageError(f"{path} has a header of {member.size:,} bytes", HINT)
            told = stream.take(member.size)
            stream.skip(-member.size % BLOCK)
            long = _long(member.type, told) or long
            continue
        name, long = long or member.name, ""
        name = name.removeprefix("./").rstrip("/")
        if name.startswith("/") or ".." in name.split("/"):
            raise UsageError(
                f"{path} has a file {shown(name)}, which leads out of its folder", "it is not to be trusted"
            )
        if member.type == tarfile.DIRTYPE:
            if name:
                yield name, 0
        elif member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
            yield name, member.size
        else:
            raise UsageError(f"{path}: {shown(name)} is a link or a device", "it is not to be trusted")


def _long(kind: bytes, told: bytes) -> str:
    """The name that a header of its own gives to the next file."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return told.rstrip(b"\0").decode(errors="replace")
    found = re.search(rb"(?:^|\n)\d+ path=([^\n]*)\n", told)
    return found[1].decode(errors="replace") if found and kind == tarfile.XHDTYPE else ""
