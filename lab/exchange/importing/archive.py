"""What was collected, from disk: archives as the scripts write them, gzip or not, or their folders unpacked.

An archive comes from somebody else's machine. Nothing of it is unpacked to disk, only files of the fixed names are
kept, and it is read piece by piece up to limits: a bomb or two gigabytes of anything end there.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lab.errors import UsageError
from lab.exchange.collect.contents import ABOUT, CLUSTER, CLUSTER_FILES, NODE, NODE_FILES, NOTES
from lab.topology.yaml.document import shown

MOST_FILE = 256 << 20
MOST_ARCHIVE = 512 << 20
MOST_ALL = 1 << 30
MOST_MEMBERS = 1000
MOST_SOURCES = 2000
_MOST_HEADER = 64 << 10
_BLOCK = 512
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_FOLDER = re.compile(rf"{CLUSTER}|{NODE}-[A-Za-z0-9][-A-Za-z0-9._]{{0,252}}")
_SUFFIXES = (".tar", ".tar.gz", ".tgz")
KNOWN = frozenset((ABOUT, NOTES, *(one.file for one in CLUSTER_FILES), *(one.file for one in NODE_FILES)))
HINT = "give what the scripts of `collect` wrote, or a folder of such archives"


THICK = 1 << 20
_ENDPOINTS = re.compile(rb"^(?:\[[0-9:]+\] )?(?::|-A )KUBE-(?:SVC|SEP|SVL|EXT|FW)-[^\n]*", re.MULTILINE)


def _thinned(file: str, data: bytes) -> bytes:
    """A large iptables-save without the lines of single Services, which kube-proxy makes anew in the lab: on a node of a
    large cluster they are nearly all. The first ones stay, for they tell the mode and the pods' prefix; so do line ends,
    for messages name lines.
    """
    if file != "iptables.txt" or len(data) < THICK:
        return data
    return data[: THICK >> 3] + _ENDPOINTS.sub(b"", data[THICK >> 3 :])


@dataclass(slots=True)
class Collected:
    """One archive's files, by their fixed names; `origin` is what a person calls it."""

    origin: str
    folder: str
    files: dict[str, bytes] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    """names of files that are none of ours"""

    @property
    def is_cluster(self) -> bool:
        return self.folder == CLUSTER

    def called(self, file: str) -> str:
        """As messages name it: `node-1.tar.gz:routes.json`."""
        return f"{self.origin}/{file}"


def collected(sources: Iterable[str]) -> list[Collected]:
    """All archives and folders. UsageError for what is none, is not to be trusted, or is too much."""
    found: list[Collected] = []
    size = 0
    for source in sources:
        for path in _each(Path(source)):
            one = _folder(path) if path.is_dir() else _archive(path)
            size += sum(map(len, one.files.values()))
            if size > MOST_ALL:
                raise UsageError(f"all together has more than {MOST_ALL >> 30} GiB", "import fewer nodes")
            found.append(one)
            if len(found) > MOST_SOURCES:
                raise UsageError(f"there are more than {MOST_SOURCES:,} archives", "import fewer nodes")
    if not found:
        raise UsageError("nothing was collected there", HINT)
    return found


def _each(path: Path) -> Iterator[Path]:
    """The path itself, or what lies in it."""
    try:
        if not path.is_dir() or (path / ABOUT).is_file():
            path.stat()
            yield path
            return
        inside = sorted(path.iterdir())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {os.strerror(error.errno or 0)}", HINT) from error
    for one in inside:
        if one.is_symlink():
            continue
        if one.name.endswith(_SUFFIXES) or (one.is_dir() and (one / ABOUT).is_file()):
            yield one


def _folder(path: Path) -> Collected:
    name = path.resolve().name
    if not _FOLDER.fullmatch(name):
        name = CLUSTER if (path / "nodes.json").is_file() else f"{NODE}-{_plain(name)}"
    made = Collected(str(path), name)
    for one in sorted(path.iterdir()):
        status = one.lstat()
        if one.name not in KNOWN:
            made.left += (one.name,)
            continue
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{one} is no ordinary file", "a link of a dump is not followed")
        if status.st_size > MOST_FILE:
            raise _too_long(str(one))
        made.files[one.name] = _thinned(one.name, one.read_bytes())
    return made


def _plain(name: str) -> str:
    return re.sub(r"[^-A-Za-z0-9._]", "-", name)[:200].strip("-.") or "x"


def _too_long(name: str) -> UsageError:
    return UsageError(f"{name} has more than {MOST_FILE >> 20} MiB", "no real dump has: collect it anew")


class _Stream:
    """An archive's bytes, unpacked, up to the limit."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name, self._read = stream, name, 0

    def take(self, size: int) -> bytes:
        """So many bytes. UsageError where it ends before."""
        parts, left = [], size
        while left:
            piece = self._piece(min(left, _PIECE))
            if not piece:
                raise UsageError(f"{self._name} is cut off after {self._read:,} bytes", "collect it anew, or copy it whole")
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self.take(min(size, _PIECE)))

    def block(self) -> bytes:
        """The next block; empty at the end of an archive that nobody ended."""
        first = self._piece(_BLOCK)
        return first + self.take(_BLOCK - len(first)) if first else b""

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
def _opened(path: Path) -> Iterator[_Stream]:
    try:
        with path.open("rb") as raw:
            if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
                raise UsageError(f"{path} is no ordinary file", HINT)
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield _Stream(unpacked, str(path))  # type: ignore[arg-type]  it reads as a file does
            else:
                yield _Stream(raw, str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {os.strerror(error.errno or 0)}", HINT) from error


def _archive(path: Path) -> Collected:
    made = Collected(str(path), "")
    with _opened(path) as stream:
        for name, size in _members(stream, str(path)):
            folder, slash, file = name.partition("/")
            if not _FOLDER.fullmatch(folder) or "/" in file:
                raise UsageError(f"{path} has a file {shown(name)}, which no script of ours writes", HINT)
            if made.folder not in ("", folder):
                raise UsageError(f"{path} has two folders, {made.folder} and {folder}", "one archive is of one machine")
            made.folder = folder
            if not slash or not file:
                continue
            if file in made.files:
                raise UsageError(f"{path} has {shown(name)} twice", HINT)
            if size > MOST_FILE:
                raise _too_long(f"{path}/{file}")
            content = stream.take(size)
            stream.skip(-size % _BLOCK)
            if file in KNOWN:
                made.files[file] = _thinned(file, content)
            else:
                made.left += (file,)
    if not made.folder:
        raise UsageError(f"{path} is empty", HINT)
    return made


def _members(stream: _Stream, path: str) -> Iterator[tuple[str, int]]:
    """Names and sizes of ordinary files and folders (of size 0); whoever asks has to take a file's bytes. UsageError for
    a link, a device, a way out of the folder.
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
            stream.skip(-member.size % _BLOCK)
            long = _long(member.type, told) or long
            continue
        name, long = long or member.name, ""
        name = name.removeprefix("./").rstrip("/")
        if name.startswith("/") or ".." in name.split("/"):
            raise UsageError(f"{path} has a file {shown(name)}, which leads out of its folder", "it is not to be trusted")
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
