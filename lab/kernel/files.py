"""Files and symbolic links of the lab's own, inside the sandbox's own folders."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator

from lab.kernel.sandbox import own_files
from lab.network.objects import File, Symlink
from lab.network.place_names import OWN_FILES


def write(item: File | Symlink) -> None:
    """Write it, over what is there, making its folder when that is missing, and room where places left none."""
    try:
        _write_in_folder(item)
    except OSError as error:
        if error.errno != errno.ENOSPC or not item.path.startswith(f"{OWN_FILES}/"):
            raise
        own_files.make_room()
        _write_in_folder(item)


def _write_in_folder(item: File | Symlink) -> None:
    try:
        _write(item)
    except FileNotFoundError:
        os.makedirs(item.path.rpartition("/")[0], exist_ok=True)
        _write(item)


def _write(item: File | Symlink) -> None:
    if isinstance(item, Symlink):
        aside = f"{item.path}.new"
        os.symlink(item.target, aside)
        os.replace(aside, item.path)
        return
    # In place, never by renaming another over it: the file may be bind mounted on somebody's /etc, and a new one
    # would not be seen there.
    file = os.open(item.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        content = item.content.encode()
        while content:
            content = content[os.write(file, content) :]
    finally:
        os.close(file)


def remove(item: File | Symlink) -> None:
    os.unlink(item.path)


def read(wanted: Iterable[File | Symlink]) -> Iterator[File | Symlink]:
    """What stands at these paths now; nothing for a path where nothing stands."""
    for item in wanted:
        try:
            if isinstance(item, Symlink):
                yield Symlink(item.place, item.path, os.readlink(item.path))
            else:
                most = own_files.LARGEST + 4 * len(item.content)  # bytes of a letter, at most
                yield File(item.place, item.path, own_files.part(item.path, most).decode(errors="replace"))
        except OSError:
            continue
