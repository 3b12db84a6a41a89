"""A bundle's file: a tar, compressed by gzip. What is read may be anybody's: nothing is unpacked onto a disk, links,
devices and odd names are refused, and so is what is too large, before it has been taken in.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from typing import Protocol

from lab.errors import UsageError

MIB = 1 << 20
MOST_MEMBERS = 2_000
MOST_OF_ONE = 32 * MIB
MOST_OF_ALL = 128 * MIB
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99})?")
HOW = "`./inv bundle FILE.tar.gz` writes one"
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int = -1, /) -> bytes: ...


class _TooMuchError(Exception):
    """More has come out than may."""


class _Capped:
    """As many bytes of a stream as may come, and no more."""

    def __init__(self, stream: Readable, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1, /) -> bytes:
        wanted = min(size if size >= 0 else self._left + 1, self._left + 1)
        data = self._stream.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise _TooMuchError
        return data


def written(members: Mapping[str, bytes]) -> bytes:
    """The file: of the same members always the same."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def read(stream: Readable, file: str, wanted: frozenset[str]) -> dict[str, bytes]:
    """Those members that are wanted; the others are looked at and let go. UsageError saying what is wrong with it."""
    found: dict[str, bytes] = {}
    seen: set[str] = set()
    capped = _Capped(gzip.GzipFile(fileobj=_AsFile(stream)), MOST_OF_ALL)
    try:
        with tarfile.open(fileobj=_AsFile(capped), mode="r|", format=tarfile.PAX_FORMAT) as archive:
            for member in archive:
                _judge(member, seen, file)
                seen.add(member.name)
                if member.name in wanted:
                    content = archive.extractfile(member)
                    found[member.name] = content.read() if content else b""
    except _TooMuchError:
        raise UsageError(f"{file}: more than {MOST_OF_ALL // MIB} MiB are in it", "a bundle has a few MiB") from None
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, OverflowError) as error:
        raise UsageError(f"{file}: no bundle, or one that is cut off: {str(error)[:100]}", HOW) from error
    return found


def _judge(member: tarfile.TarInfo, seen: set[str], file: str) -> None:
    shown = ascii(member.name)[:80]
    if len(seen) >= MOST_MEMBERS:
        raise UsageError(f"{file}: more than {MOST_MEMBERS} files are in it", HOW)
    if member.type not in _PLAIN:
        raise UsageError(f"{file}: {shown} is no file: a bundle has no links, folders or devices", HOW)
    if not NAME.fullmatch(member.name):
        raise UsageError(f"{file}: {shown} is no name of a bundle's file", HOW)
    if member.name in seen:
        raise UsageError(f"{file}: {shown} is in it twice", HOW)
    if not 0 <= member.size <= MOST_OF_ONE:
        raise UsageError(f"{file}: {shown} has more than {MOST_OF_ONE // MIB} MiB", HOW)


class _AsFile(io.RawIOBase):
    """What gzip and tarfile take for a file: it is read from beginning to end."""

    def __init__(self, stream: Readable) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._stream.read(size)
