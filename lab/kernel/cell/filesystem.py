"""The root file system of a cell: the machine's programs, an /etc that may be written, and empty folders.

All that is written goes with the cell. Nothing of the machine but /usr, /opt and what is public of /etc is in it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from lab.kernel.sandbox.root import MACHINES_ETC
from lab.kernel.sandbox.tree import SEALED, Tree, take
from lab.kernel.syscalls import MS_BIND, MS_NODEV, MS_NOSUID, mount
from lab.network.place_names import OWN_FILES, UNDERLAY, netns_name

_STAGE = "/tmp"  # noqa: S108  a mount point for a moment, no file is made there
_SIZE = 256 << 20
_FILE, _LEAST_FILES = 4096, 16384
"""For so many bytes there may be one file: an empty one takes memory as well, which its size does not tell."""
_LAYER, _FURTHER_SYS = "/run/.layer", "/run/.sys"

# What container runtimes hide and what they show read-only, as it tells of the machine or changes it.
_MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger")
_SETTINGS = "/proc/sys"
_OF_THE_NETWORK = "/proc/sys/net"  # belongs to the network namespace, and is what lessons are about
_LARGEST_COPY = 64 * 1024
_EDITED = ("iproute2", "profile.d", "sysctl.d")  # folders of /etc whose files lessons change; others are read-only


def build(
    place: str, shared: tuple[str, ...], size: int, *, pids: int, files: tuple[tuple[str, str], ...] = ()
) -> None:
    """Make it and enter it. The calling process is the first of its PID namespace, in mount and network namespaces of
    its own. OSError when the kernel refuses.
    """
    further = [take(folder) for folder in shared]
    size = size or _SIZE
    tree = Tree(_STAGE, size, max(size // _FILE, _LEAST_FILES))
    tree.usual()
    tree.linked()
    programs = tuple(one for one in files if one[0].startswith("/usr/"))
    _programs(tree, programs)
    _etc(tree, place)
    tree.devices()
    tree.terminals()
    _kernel(tree, pids)
    for path, content in files:
        if (path, content) not in programs:
            _put(tree, path, content)
    for taken in further:
        tree.share(taken)
    if place == UNDERLAY:
        tree.bind("/run/netns", "/run/netns")
        tree.bind(OWN_FILES, OWN_FILES)
        # `ip netns exec` unmounts /sys and mounts another: the kernel lets it where one can be seen.
        tree.system(_FURTHER_SYS)
    tree.enter()


def _programs(tree: Tree, own: tuple[tuple[str, str], ...]) -> None:
    """/usr with a layer over it where its files are ours to change there; elsewhere as it is, read-only. `own` are
    programs of the place's, there beside the machine's, and instead of one of the same name.
    """
    if os.path.isdir("/opt"):
        tree.bind("/opt", "/opt")
    changed = os.stat("/usr").st_uid == 0
    if changed or own:
        tree.folder("/usr")
        layers = [*([_own_layer(tree, own)] if own else []), "/usr"]
        options = f"lowerdir={':'.join(layers)},userxattr"
        if changed:
            for part in ("upper", "work"):
                tree.folder(f"{_LAYER}/{part}")
            upper, work = (tree.at(f"{_LAYER}/{part}") for part in ("upper", "work"))
            options += f",upperdir={upper},workdir={work}"
        with suppress(OSError):  # not every file system can be layered over
            mount("overlay", tree.at("/usr"), "overlay", MS_NOSUID | MS_NODEV, options)
            tree.cover(_LAYER)  # who removes all files removes those of the machine, and not what holds them together
            return
    tree.bind("/usr", "/usr")


def _own_layer(tree: Tree, programs: tuple[tuple[str, str], ...]) -> str:
    """A folder with these programs, as a layer for /usr."""
    layer = f"{_LAYER}/own"
    for path, content in programs:
        folder, name = os.path.split(path)
        if os.path.realpath(folder) != folder:
            folder = "/usr/bin"  # a link: a folder of ours would hide all that is behind it
        there = f"{layer}{folder.removeprefix('/usr')}"
        tree.folder(there)
        tree.file(f"{there}/{name}", content)
        os.chmod(tree.at(f"{there}/{name}"), 0o755)  # noqa: S103  a program, which may be replaced by nobody outside
    return tree.at(layer)


def _etc(tree: Tree, place: str) -> None:
    """The sandbox's own /etc once more, its small files as copies, and upon them those that are the place's own."""
    tree.folder("/etc")
    tree.bind(MACHINES_ETC, MACHINES_ETC)
    for entry in os.scandir("/etc"):
        target = tree.at(f"/etc/{entry.name}")
        if entry.is_symlink():
            _copy_or_link(entry.path, target)
        elif entry.is_file():
            Path(target).write_bytes(Path(entry.path).read_bytes())
    tree.link("/etc/mtab", "/proc/self/mounts")
    own = Path(OWN_FILES, netns_name(place))
    if own.is_dir():
        for path in own.iterdir():
            there = tree.at(f"/etc/{path.name}")
            if os.path.islink(there):
                os.unlink(there)
            tree.bind(str(path), f"/etc/{path.name}")


def _copy_or_link(path: str, target: str) -> None:
    leads = os.readlink(path)
    if leads.startswith(MACHINES_ETC):
        try:
            if os.path.basename(path) in _EDITED and os.path.isdir(leads):
                _copy_files(leads, target)
                return
            status = os.stat(leads)
            if os.path.isfile(leads) and status.st_size <= _LARGEST_COPY:
                Path(target).write_bytes(Path(leads).read_bytes())
                return
        except OSError:
            pass  # nobody here may read it: then the link tells as much
    os.symlink(leads, target)


def _copy_files(folder: str, target: str) -> None:
    os.mkdir(target)
    for entry in os.scandir(folder):
        if entry.is_file() and entry.stat().st_size <= _LARGEST_COPY:
            Path(target, entry.name).write_bytes(Path(entry.path).read_bytes())


def _put(tree: Tree, path: str, content: str) -> None:
    path = path.removeprefix("/var") if path.startswith("/var/run/") else path  # which is a link, and to the root
    folder = os.path.dirname(path)
    if os.path.islink(tree.at(folder)):
        os.unlink(tree.at(folder))  # the machine's own of that name
    tree.folder(folder)
    tree.file(path, content)


def _kernel(tree: Tree, pids: int) -> None:
    """/proc of the PID namespace and /sys of the network namespace, without what is the machine's."""
    tree.folder("/proc")
    mount("proc", tree.at("/proc"), "proc", SEALED)
    tree.system("/sys")
    if pids:
        with suppress(OSError):  # kernels before 6.14 have one for the whole machine, which is not ours
            Path(tree.at("/proc/sys/kernel/pid_max")).write_text(str(pids), encoding="ascii")
    for path in _MASKED:
        tree.cover(path)
    for path in _READ_ONLY:
        tree.freeze(path)
    network = tree.at(_OF_THE_NETWORK)
    mount(network, network, "none", MS_BIND)
    tree.freeze(_SETTINGS)
