"""Modules of the kernel that runs: which are there, and which would have to be loaded.

Whoever asks for a device of some kind has the kernel load its module, ordinary users too. Some of them change the
machine itself, and nothing of ours loads those unasked.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

CHANGES = {
    "ipip": "tunl0 appears in this machine's own network, and in every network namespace",
    "ip_gre": "gre0, gretap0 and erspan0 appear in this machine's own network, and in every network namespace",
    "sit": "sit0 appears in this machine's own network, and in every network namespace",
    "dummy": "dummy0 appears in this machine's own network",
    "br_netfilter": "packets on this machine's own bridges pass its iptables rules from now on",
    "ip_vs": "IPVS is there in this machine's own network too; it has no virtual server yet",
}
"""What loading one changes on the machine itself."""
_FOLDER = Path("/lib/modules")
_LOADED = Path("/sys/module")


def loadable(folder: Path, *, built_in: bool = True) -> frozenset[str]:
    """The modules of the kernel whose folder in /lib/modules this is, loadable or built in, in small letters."""
    found: set[str] = set()
    for name in ("modules.dep", "modules.builtin") if built_in else ("modules.dep",):
        try:
            lines = (folder / name).read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        paths = (line.partition(":")[0].rpartition("/")[2] for line in lines)
        found.update(path.partition(".ko")[0].replace("-", "_").lower() for path in paths)
    return frozenset(found)


def is_loaded(name: str) -> bool:
    """Whether the kernel that runs has loaded the module, as far as it tells."""
    return (_LOADED / name).is_dir()


def unloaded(names: Iterable[str]) -> tuple[str, ...]:
    """Those of them that would be loaded, and change the machine, if a device of their kind were asked for now."""
    changing = [name for name in names if name in CHANGES and not is_loaded(name)]
    if not changing:
        return ()
    folder = _FOLDER / platform.release()
    loadable_ones = loadable(folder, built_in=False)
    return tuple(name for name in changing if name in loadable_ones)


def is_there(name: str) -> bool:
    """Whether the kernel that runs has the module, loaded or not, as far as its folder tells."""
    return is_loaded(name) or name in loadable(_FOLDER / platform.release())


def how_to_load(names: Iterable[str]) -> str:
    """The line, and what it changes."""
    listed = list(names)
    changed = "; ".join(CHANGES[name] for name in listed)
    return f"./inv setup --modules {','.join(listed)} ({changed})"
