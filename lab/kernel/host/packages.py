"""The programs of the machine that the lab runs, what needs each, and the package that has it per distribution.

`./inv` installs from the same table in its own words (it runs where there is no Python yet); a test compares the two.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.errors import MachineError

# Ordinary users of Debian do not have these on PATH, and iptables lives there.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

# What os-release calls itself or is like -> the family whose package names and installer it has.
FAMILIES = {"debian": "debian", "ubuntu": "debian", "fedora": "fedora", "rhel": "fedora", "arch": "arch"}
INSTALLERS = {
    "debian": "apt-get install --no-install-recommends -y",
    "fedora": "dnf install -y",
    "arch": "pacman -S --needed",
}


@dataclass(frozen=True, slots=True)
class Program:
    """A program found on PATH. `packages` are those of Debian (and Ubuntu), Fedora and Arch."""

    name: str
    needed_for: str
    packages: dict[str, str]


def _packages(debian: str, fedora: str, arch: str) -> dict[str, str]:
    return {"debian": debian, "fedora": fedora, "arch": arch}


PROGRAMS = (
    Program("ip", "commands in the lab, `up --plan`", _packages("iproute2", "iproute", "iproute2")),
    Program("iptables", "Services, NAT and firewalls", _packages("iptables", "iptables-nft", "iptables")),
    Program("ipset", "Calico's and the proxy's address sets", _packages("ipset", "ipset", "ipset")),
    Program("nft", "a kube-proxy in nftables mode", _packages("nftables", "nftables", "nftables")),
    Program("crun", "the DNS servers' containers", _packages("crun", "crun", "crun")),
    Program("dnsmasq", "names: the cluster's DNS and the internet's", _packages("dnsmasq-base", "dnsmasq", "dnsmasq")),
    Program("tcpdump", "`capture`", _packages("tcpdump", "tcpdump", "tcpdump")),
    Program("curl", "requests of your own in the lab", _packages("curl", "curl", "curl")),
)
# Without these no lab can be built; the others are missed only by what needs them.
BUILDING = ("iptables", "ipset", "crun", "dnsmasq")


def search_path() -> str:
    """PATH, and after it those of the system's own folders that it lacks."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join((*folders, *(folder for folder in SYSTEM_FOLDERS if folder not in folders)))


def find(name: str) -> str | None:
    """The program's path, looked for on PATH and in the system's own folders; None if it is not there."""
    return shutil.which(name, path=search_path())


def family(os_release: Path = Path("/etc/os-release")) -> str | None:
    """`debian`, `fedora` or `arch`, as os-release tells; None for others."""
    try:
        text = os_release.read_text(encoding="utf-8")
    except OSError:
        return None
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    likes = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
    return next((FAMILIES[like] for like in likes if like in FAMILIES), None)


def how_to_get(programs: Iterable[Program], distribution: str | None) -> str:
    """The line that installs them, to be pasted; for a distribution we do not know, their names."""
    if distribution is None:
        return "install the packages that have " + ", ".join(program.name for program in programs)
    as_root = "" if os.geteuid() == 0 else "sudo "
    names = " ".join(program.packages[distribution] for program in programs)
    return f"{as_root}{INSTALLERS[distribution]} {names}"


def require(names: Iterable[str] = BUILDING) -> None:
    """Nothing if all are there; else a MachineError that names each, what needs it, and the line that installs them."""
    wanted = set(names)
    missing = [program for program in PROGRAMS if program.name in wanted and find(program.name) is None]
    if missing:
        listed = "; ".join(f"{program.name} (for {program.needed_for})" for program in missing)
        raise MachineError(f"this machine lacks {listed}", hint=how_to_get(missing, family()))
