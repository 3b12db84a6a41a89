"""The virtual machine's process: QEMU's command line, as virtme-ng makes it, and what is ours of it.

The machine sees this one's files read-only, through 9p. That is slow under emulation, where each file that Python
imports is looked up anew: ours come a second time through a share that may be remembered (`cache=loose`), since nobody
writes. The person's folders come through shares of their own, as they are at the moment: they change.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import MachineError
from lab.kernel.host import interpreter, packages
from lab.kernel.syscalls import PR_SET_PDEATHSIG, prctl
from lab.vm import virtio_port
from lab.vm.kernels import Kernel

KVM = Path("/dev/kvm")
CONSOLE, INITRAMFS, LINE = "console", "initramfs", "line"
_SHARE = "hoplab.root"
_FOLDER = "hoplab.folder{}"
"""The tag of the person's folder of that number."""
_SEEN = "/run/machine"
_MIB = 1 << 20
PACKAGES = ("qemu-system-x86", "busybox-static", "kmod")
"""Debian's, with the programs without which there are no virtual machines."""
INSTALL = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
HOW_TO_GET = f"in a checkout, `./inv setup --vm` does it; by hand: {INSTALL}; pip install 'hoplab[vm]'"


@dataclass(frozen=True, slots=True)
class Size:
    """What it has: memory in MiB, and processors."""

    memory: int = 2048
    processors: int = 2


def require() -> None:
    """MachineError when a program is missing without which there are no virtual machines here."""
    missing = [name for name in ("qemu-system-x86_64", "busybox", "virtme-run") if not _find(name)]
    if missing:
        raise MachineError(f"`--vm` needs {' and '.join(missing)}, which this machine lacks", HOW_TO_GET)


def may_use_kvm() -> bool:
    """Whether the device is there and ours to open; that machines run with it is seen only when one does."""
    return os.access(KVM, os.R_OK | os.W_OK)


def command(
    kernel: Kernel, size: Size, folder: Path, argv: Sequence[str], shared: Sequence[str] = (), *, kvm: bool
) -> list[str]:
    """The argument list of a QEMU that boots the kernel and runs `argv` in it as root, and ends when that has ended.

    The machine shows the `shared` folders at their own paths, to be read. `folder` gets the console's text and, before
    this is started, the initial file system; QEMU listens there on the socket `line`, whose other end is the port.
    MachineError with virtme-ng's words when it refuses.
    """
    options = [
        *("--kimg", str(kernel.image), "--mods", "auto"),
        *("--memory", f"{size.memory}M", "--cpus", str(size.processors), "--user", "root"),
        *("--disable-monitor", "--force-9p", "--dry-run", "--show-command"),
        *([] if kvm else ["--disable-kvm"]),
        *("--save-initramfs", str(folder / INITRAMFS)),
        *("--script-sh", _script(kernel, argv, shared)),
    ]
    virtme = _find("virtme-run")
    assert virtme is not None
    made = subprocess.run(
        [sys.executable, virtme, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": packages.search_path(), "TMPDIR": str(folder)},  # it leaves a file there
        cwd="/",
    )
    lines = [line for line in made.stdout.splitlines() if "-kernel" in line]
    if made.returncode or not lines:
        raise MachineError(f"virtme-ng makes no machine of {kernel.image}: {made.stderr.strip()[-400:]}", HOW_TO_GET)
    return [*_ours(shlex.split(lines[-1]), folder), *_devices(folder, shared)]


def start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """It ends with the thread that starts it, however that ends."""
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        preexec_fn=_end_with_us,  # noqa: PLW1509  the keeper has one thread
    )


def _end_with_us() -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _ours(argv: list[str], folder: Path) -> list[str]:
    """The console goes to a file, and the kernel says there what it does."""
    made = [one.replace("id=console,path=/dev/null", f"id=console,path={folder / CONSOLE}") for one in argv]
    at = made.index("-append") + 1
    words = [word for word in made[at].split(" ") if word != "quiet" and not word.startswith("loglevel=")]
    made[at] = " ".join([*words[:1], "loglevel=6", *words[1:]])
    return made


def _devices(folder: Path, shared: Sequence[str]) -> list[str]:
    return [
        *_file_system("hoplab", "/", _SHARE),
        *(word for at, path in enumerate(shared) for word in _file_system(f"folder{at}", path, _FOLDER.format(at))),
        *("-chardev", f"socket,id=line,path={folder / LINE},server=on,wait=off"),
        *("-device", "virtio-serial-pci", "-device", f"virtserialport,chardev=line,name={virtio_port.NAME}"),
    ]


def _file_system(name: str, path: str, tag: str) -> tuple[str, ...]:
    doubled = path.replace(",", ",,")  # as QEMU takes a comma within a word
    backed = f"local,id={name},path={doubled},security_model=none,readonly=on,multidevs=remap"
    return "-fsdev", backed, "-device", f"virtio-9p-pci,fsdev={name},mount_tag={tag}"


def _script(kernel: Kernel, argv: Sequence[str], shared: Sequence[str]) -> str:
    """What runs inside: our folders once more where they may be remembered, the person's, and then the program."""
    options = f"ro,version=9p2000.L,trans=virtio,msize={_MIB}"
    folders = [shlex.quote(one) for one in _folders()]
    # There need be no /lib/modules on this machine, and nobody can make it: whoever loads a module is shown the way.
    loading = f'#!/bin/sh\\nexec /sbin/modprobe -d {shlex.quote(f"{_SEEN}{kernel.root}")} "$@"\\n'
    return " && ".join(
        (
            f"mkdir -p {_SEEN}",
            f"mount -t 9p -o {options},cache=loose {_SHARE} {_SEEN}",
            *(f"{{ mkdir -p {one} 2>/dev/null; mount --bind {_SEEN}{one} {one}; }}" for one in folders),
            *(
                f"{{ mkdir -p {one} 2>/dev/null; mount -t 9p -o {options} {_FOLDER.format(at)} {one}; }}"
                for at, one in enumerate(map(shlex.quote, shared))
            ),
            f"printf {shlex.quote(loading)} >{virtio_port.MODPROBE}",
            f"chmod 755 {virtio_port.MODPROBE}",
            f"echo {virtio_port.MODPROBE} >/proc/sys/kernel/modprobe",
            f"exec {shlex.join(argv)}",
        )
    )


def _folders() -> tuple[str, ...]:
    """Those from which Python and its modules come, each once, the outer ones first."""
    named = dict.fromkeys(("/usr", *map(os.path.realpath, interpreter.needed())))
    found = sorted({one if Path(one).is_dir() else str(Path(one).parent) for one in named})
    return tuple(one for one in found if not any(one.startswith(f"{other}/") for other in found))


def _find(name: str) -> str | None:
    """Beside our own Python, else where programs are."""
    return shutil.which(name, path=os.pathsep.join((str(Path(sys.executable).parent), packages.search_path())))
