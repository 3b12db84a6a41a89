"""Files and symbolic links of the lab's own, inside the sandbox's own folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from lab.network.objects import File, Symlink


def write(item: File | Symlink) -> None:
    """Write it, over what is there, making its folder when that is missing."""
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
    # In place, never by renaming another over it: the file may be bind mounted on somebody's /etc, and a new one would not be seen there.
    with open(item.path, "w", encoding="utf-8") as file:
        file.write(item.content)


def remove(item: File | Symlink) -> None:
    os.unlink(item.path)


def read(wanted: Iterable[File | Symlink]) -> Iterator[File | Symlink]:
    """What stands at these paths now; nothing for a path where nothing stands."""
    for item in wanted:
        try:
            if isinstance(item, Symlink):
                yield Symlink(item.place, item.path, os.readlink(item.path))
            else:
                with open(item.path, encoding="utf-8", newline="") as file:
                    yield File(item.place, item.path, file.read())
        except OSError:
            continue
