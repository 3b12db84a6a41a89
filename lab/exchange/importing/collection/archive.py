"""What was collected, from disk: archives as the scripts write them, gzip or not, or their folders unpacked.

An archive comes from somebody else's machine. Nothing of it is unpacked to disk, only files of the fixed names are
kept, and it is read piece by piece up to limits: a bomb or two gigabytes of anything end there.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import UsageError
from lab.exchange.collect.contents import ABOUT, CLUSTER, CLUSTER_FILES, NODE, NODE_FILES, NOTES
from lab.exchange.importing.collection.tarball import BLOCK, HINT, members, opened
from lab.topology.yaml.document import shown

MOST_FILE = 256 << 20
MOST_ALL = 1 << 30
MOST_SOURCES = 2000
_FOLDER = re.compile(rf"{CLUSTER}|{NODE}-[A-Za-z0-9][-A-Za-z0-9._]{{0,252}}")
_SUFFIXES = (".tar", ".tar.gz", ".tgz")
KNOWN = frozenset((ABOUT, NOTES, *(one.file for one in CLUSTER_FILES), *(one.file for one in NODE_FILES)))


THICK = 1 << 20
_ENDPOINTS = re.compile(rb"^(?:\[[0-9:]+\] )?(?::|-A )KUBE-(?:SVC|SEP|SVL|EXT|FW)-[^\n]*", re.MULTILINE)


def _thinned(file: str, data: bytes) -> bytes:
    """A large iptables-save without the lines of single Services, which kube-proxy makes anew in the lab: on a node of
    a large cluster they are nearly all. The first ones stay, for they tell the mode and the pods' prefix; so do line
    ends, for messages name lines.
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


def _archive(path: Path) -> Collected:
    made = Collected(str(path), "")
    with opened(path) as stream:
        for name, size in members(stream, str(path)):
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
            stream.skip(-size % BLOCK)
            if file in KNOWN:
                made.files[file] = _thinned(file, content)
            else:
                made.left += (file,)
    if not made.folder:
        raise UsageError(f"{path} is empty", HINT)
    return made
