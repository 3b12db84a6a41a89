"""Kernels that a virtual machine can boot: named, made ready by `setup --vm`, or this machine's own in /boot."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import MachineError, UsageError
from lab.kernel.host import packages
from lab.kernel.host.modules import loadable

_IMAGE = re.compile(r"vmlinuz-(\S+)")
_META_PACKAGES = {"x86_64": "linux-image-amd64", "aarch64": "linux-image-arm64"}
_NEEDED = ("9p", "virtio_console")
"""How it sees this machine's files, and how it is spoken to."""
FOR_ALL = Path("/var/lib/hoplab/kernels")
"""Those that root has fetched; ordinary users boot them too."""
HOW_TO_GET = "in a checkout, `./inv setup --vm` fetches one; or name one: --kernel /boot/vmlinuz-VERSION"


@dataclass(frozen=True, slots=True)
class Kernel:
    """An image, and the folder of its modules, whose name is the kernel's release."""

    image: Path
    modules: Path

    @property
    def release(self) -> str:
        """As `uname -r` tells it in there: 6.1.0-57-amd64."""
        return self.modules.name

    @property
    def root(self) -> Path:
        """The folder in which its modules are in lib/modules."""
        return self.modules.parents[2]

    def lacks(self) -> tuple[str, ...]:
        """What of the things without which it cannot be used here it has neither built in nor as a module."""
        there = loadable(self.modules)
        return tuple(name for name in _NEEDED if name not in there)


def find(given: str = "") -> Kernel:
    """The kernel that is named (an image, or a folder that has one in `boot`), or the newest that can be used.
    UsageError for a named one that cannot, MachineError when there is none.
    """
    if given:
        return _named(Path(given).expanduser())
    usable = [kernel for kernel in _there() if not kernel.lacks()]
    if not usable:
        package = package_name()
        told = f"; on Debian it is the package {package}" if package else ""
        raise MachineError(f"there is no kernel here that a virtual machine could boot{told}", HOW_TO_GET)
    return max(usable, key=lambda kernel: _version(kernel.release))


def own_folder() -> Path:
    """Where `setup --vm` puts those that it fetches."""
    if os.geteuid() == 0:
        return FOR_ALL
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser(), "hoplab", "kernels")


def package_name() -> str:
    """Debian's package of its usual kernel for machines like this one; "" where there is none."""
    return _META_PACKAGES.get(platform.machine(), "")


def fetch() -> Kernel:
    """Debian's usual kernel, unpacked where only virtual machines find it; nothing is installed. What apt says goes to
    standard error. MachineError where there is no apt, or it fails.
    """
    package = package_name()
    if shutil.which("apt-get") is None or not package:
        raise MachineError("a kernel is fetched where there is apt", "--kernel names one that you have")
    described = _run(("apt-cache", "depends", "--important", package))
    found = re.search(r"Depends: (linux-image-\d\S+)", described)
    if not found:
        raise MachineError(f"apt does not know which kernel {package} is", "apt-get update")
    folder = own_folder()
    target = folder / found[1].removeprefix("linux-image-")
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as aside:
            _run(("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", found[1]), aside)
            (archive,) = Path(aside).glob("*.deb")
            _run(("dpkg-deb", "-x", str(archive), f"{aside}/kernel"))
            release = next(Path(aside, "kernel/lib/modules").iterdir()).name
            _run(("depmod", "-b", f"{aside}/kernel", release))
            Path(aside, "kernel").rename(target)
    return _named(target)


def _run(command: tuple[str, ...], folder: str = "/") -> str:
    path = packages.search_path()
    found = shutil.which(command[0], path=path) or command[0]
    try:
        done = subprocess.run(
            (found, *command[1:]),
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise MachineError(f"there is no {command[0]} here", "apt-get install kmod dpkg") from None
    if done.returncode:
        raise MachineError(f"{command[0]} could not do it; its own words are above", " ".join(command))
    return done.stdout


def _named(given: Path) -> Kernel:
    images = sorted((given / "boot").glob("vmlinuz-*")) if given.is_dir() else [given]
    kernel = next(filter(None, map(_of_image, images)), None)
    if kernel is None:
        what = "no kernel's image with its modules" if given.exists() else "nothing"
        raise UsageError(f"--kernel {given}: there is {what} there", "an image such as /boot/vmlinuz-6.1.0-57-amd64")
    if lacking := kernel.lacks():
        told = " (the kernels for clouds lack it)" if "cloud" in kernel.release else ""
        raise UsageError(
            f"--kernel {given}: it has no {', '.join(lacking)}{told}", "another one: a usual distribution's"
        )
    return kernel


def _there() -> Iterator[Kernel]:
    fetched = (one / "boot" for folder in dict.fromkeys((own_folder(), FOR_ALL)) for one in _in(folder))
    for folder in (*fetched, Path("/boot")):
        for image in folder.glob("vmlinuz-*"):
            kernel = _of_image(image)
            if kernel is not None and os.access(image, os.R_OK):
                yield kernel


def _in(folder: Path) -> list[Path]:
    """What is in it, as far as we may see that."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _of_image(image: Path) -> Kernel | None:
    """With the modules that are beside its folder, or this machine's."""
    named = _IMAGE.fullmatch(image.name)
    if not named or not image.is_file():
        return None
    for root in (image.resolve().parent.parent, Path("/"), Path("/usr")):
        modules = root / "lib/modules" / named[1]
        if modules.is_dir():
            return Kernel(image.resolve(), modules)
    return None


def _version(release: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", release)))
