"""What this machine and its kernel can do, tried rather than guessed: the facts behind the `check` task.

Each feature is tried in namespaces of its own, which end with the process that tries it. The host stays as it is, but
for a kernel module that the kernel itself loads when a device of its kind is first asked for.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.errors import MachineError
from lab.kernel import coredns, nft, programs, tools

OLDEST_PYTHON = (3, 11)
ANSWER_SECONDS = 5.0
SUDO = "run it with sudo"
_ALLOW = "sysctl -w user.max_user_namespaces=10000"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `how_to_get` is a line to paste or what to choose instead; empty when all is well.

    `required` is False for what only a part of Hoplab needs: `needed_for` names that part.
    """

    name: str
    ok: bool
    needed_for: str
    how_to_get: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Probe:
    """A kernel feature, tried by running a program in fresh namespaces: it is there when the status is 0."""

    name: str
    needed_for: str
    argv: tuple[str, ...]
    modules: tuple[str, ...] = ()
    instead: str = ""
    """What to choose where the kernel cannot have it."""
    required: bool = True
    text: str = ""


# Every match and target that Calico's, kube-proxy's and people's rules use in the lab.
RULES = """*nat
:PROBE - [0:0]
-A PROBE -m comment --comment x -m statistic --mode random --probability 0.5 -p tcp -j DNAT --to-destination 10.0.0.1:80
-A PROBE -m addrtype --dst-type LOCAL -j MASQUERADE --random-fully
-A PROBE -m mark ! --mark 0x4000/0x4000 -j MARK --or-mark 0x4000
COMMIT
*filter
:PROBE - [0:0]
-A PROBE -p tcp -m conntrack --ctstate NEW -m multiport --dports 80,443 -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""

PROBES = (
    Probe(
        "veth",
        "pods and links",
        ("ip", "link", "add", "probe", "type", "veth", "peer", "name", "peer"),
        ("veth",),
    ),
    Probe("bridge", "subnets", ("ip", "link", "add", "probe", "type", "bridge"), ("bridge",)),
    Probe(
        "vxlan",
        "tunnels: VXLAN, VXLANCrossSubnet",
        ("ip", "link", "add", "probe", "type", "vxlan", "id", "1", "dstport", "4789"),
        ("vxlan",),
        "choose `encapsulation: None`",
    ),
    Probe(
        "ipip",
        "tunnels: IPIP, IPIPCrossSubnet",
        ("ip", "link", "add", "probe", "type", "ipip", "local", "10.0.0.1", "remote", "10.0.0.2"),
        ("ipip",),
        "choose `encapsulation: VXLANCrossSubnet`",
        required=False,
    ),
    Probe(
        "iptables rules",
        "Services, NAT and firewalls",
        ("iptables-restore",),
        ("nf_tables", "nft_compat", "xt_conntrack", "xt_statistic", "xt_multiport", "xt_MASQUERADE"),
        text=RULES,
    ),
    Probe(
        "iptables, legacy",
        "rules of nodes that use the old interface",
        ("iptables-legacy", "-t", "nat", "-S"),
        ("iptable_nat",),
        "nothing to do: the lab itself uses the nf_tables one",
        required=False,
    ),
    Probe("ipset", "address sets", ("ipset", "create", "probe", "hash:net"), ("ip_set_hash_net",)),
    Probe(
        "bridge-nf",
        "Services for pods behind a bridge (flannel)",
        ("cat", "/proc/sys/net/bridge/bridge-nf-call-iptables"),
        ("br_netfilter",),
        "choose `plugin: calico`",
        required=False,
    ),
    Probe(
        "nftables",
        "a kube-proxy in nftables mode",
        ("nft", "-f", "-"),
        ("nf_tables",),
        "choose `proxy: iptables`",
        required=False,
        text=nft.FEATURES,
    ),
    Probe(
        "ip_vs",
        "a proxy with IPVS",
        ("cat", "/proc/net/ip_vs"),
        ("ip_vs",),
        "choose `proxy: iptables`",
        required=False,
    ),
)


def _start(argv: tuple[str, ...], text: str, user: bool) -> subprocess.Popen[str] | None:
    """The program in new network and mount namespaces, and a user namespace if asked; None if it does not exist."""
    found, unshare = programs.find(argv[0]), programs.find("unshare")
    if found is None or unshare is None:
        return None
    process = subprocess.Popen(
        [unshare, *(["--user", "--map-root-user"] if user else []), "--net", "--mount", "--", found, *argv[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        # The legacy iptables locks a file of the host's otherwise, which an ordinary user may not.
        env={**os.environ, "XTABLES_LOCKFILE": os.devnull},
    )
    if process.stdin:
        try:
            process.stdin.write(text)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended without reading: its status says why
    return process


def _remedy(probe: Probe, modules: frozenset[str]) -> str:
    """What to do about a probe that failed: install its program, load modules that are there, or choose otherwise."""
    if programs.find(probe.argv[0]) is None:
        package = tools.how_to_get(probe.argv[0], programs.family(), root=os.geteuid() == 0)
        what = f"{probe.argv[0]} is missing" + (f": {package}" if package else "")
    elif lacking := [one for one in probe.modules if one.lower() not in modules]:
        what = f"this kernel has no {', '.join(lacking)}, and this machine no such module"
    else:
        several = "-a " if len(probe.modules) > 1 else ""
        what = f"{'' if os.geteuid() == 0 else 'sudo '}modprobe {several}{' '.join(probe.modules)}"
    return f"{what}; or {probe.instead}" if probe.instead else what


def loadable(folder: Path) -> frozenset[str]:
    """The modules of the kernel whose folder in /lib/modules this is, loadable or built in, in small letters."""
    found: set[str] = set()
    for name in ("modules.dep", "modules.builtin"):
        try:
            lines = (folder / name).read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        paths = (line.partition(":")[0].rpartition("/")[2] for line in lines)
        found.update(path.partition(".ko")[0].replace("-", "_").lower() for path in paths)
    return frozenset(found)


def _succeeded(process: subprocess.Popen[str] | None) -> bool:
    if process is None:
        return False
    try:
        return process.wait(ANSWER_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def _sysctl(name: str) -> str:
    """A sysctl's value; empty if this kernel has none of that name."""
    try:
        return Path("/proc/sys", *name.split(".")).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def namespaces_refused(powerless: bool) -> MachineError:
    """Why an ordinary user gets no usable user namespace here, and what to do about it.

    `powerless`: it could be made, but nothing can be done in it (Ubuntu from 23.10 on, by AppArmor).
    """
    if powerless or _sysctl("kernel.apparmor_restrict_unprivileged_userns") == "1":
        what = "this machine lets ordinary users make user namespaces, but forbids everything in them (AppArmor)"
        line = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    elif _sysctl("user.max_user_namespaces") == "0":
        what = "this machine allows no user namespaces (user.max_user_namespaces is 0)"
        line = "sudo sysctl -w user.max_user_namespaces=10000"
    elif _sysctl("kernel.unprivileged_userns_clone") == "0":
        what = "this machine allows no user namespaces to ordinary users (kernel.unprivileged_userns_clone is 0)"
        line = "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    else:
        what = "this machine allows no user namespaces to ordinary users (a container's seccomp profile does that too)"
        return MachineError(what, hint=SUDO)
    return MachineError(what, hint=f"{SUDO}, or allow them: {line}")


def _check_programs() -> list[Finding]:
    distribution = programs.family()
    found = []
    for program in programs.PROGRAMS:
        ok = programs.find(program.name) is not None
        how = "" if ok else programs.how_to_get([program], distribution)
        found.append(Finding(program.name, ok, program.needed_for, how, required=program.name in programs.BUILDING))
    how = "" if coredns.find() else coredns.REMEDY
    return [*found, Finding("coredns", not how, coredns.PURPOSE, how, required=False)]


def _check_user_namespaces() -> Finding:
    """Made, and then used: some systems allow the first and forbid the second."""
    created = _start(("true",), "", user=True)
    used = _start(("ip", "link", "add", "probe", "type", "bridge"), "", user=True)
    exists, works = _succeeded(created), _succeeded(used)
    how = "" if works else str(namespaces_refused(powerless=exists).hint)
    if how and os.geteuid() == 0:
        how = f"{_ALLOW}; or `up --privileged`"
    needed_for = "labs, root's too unless with --privileged"
    return Finding("user namespaces", works, needed_for, how, required=os.geteuid() != 0)


def _check_features(usable: bool) -> list[Finding]:
    """Each probe's outcome; all of them fail when there are no namespaces to try them in."""
    if not usable:
        return [Finding(p.name, False, p.needed_for, "not tried: no namespaces", p.required) for p in PROBES]
    running = [(probe, _start(probe.argv, probe.text, user=os.geteuid() != 0)) for probe in PROBES]
    outcomes = [(probe, _succeeded(process)) for probe, process in running]
    modules = loadable(Path("/lib/modules", platform.release()))
    found = [(probe, ok, "" if ok else _remedy(probe, modules)) for probe, ok in outcomes]
    return [Finding(probe.name, ok, probe.needed_for, how, probe.required) for probe, ok, how in found]


def _check_packet_sockets() -> Finding:
    """Whether the kernel knows AF_PACKET at all; that this process may not open one here is no matter."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        ok = True
    except OSError as error:
        ok = error.errno != errno.EAFNOSUPPORT
    return Finding("packet sockets", ok, "`trace` and `capture`", "" if ok else "modprobe af_packet")


def _check_cgroups() -> Finding:
    """crun wants a cgroup2 mount; the sandbox shows it only that one, wherever the host has it."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        mounts = []
    ok = any(mount.partition(" - ")[2].startswith("cgroup2 ") for mount in mounts)
    how = "" if ok else "mount -t cgroup2 none /sys/fs/cgroup"
    return Finding("cgroup2", ok, "the DNS servers' containers", how)


def check() -> tuple[Finding, ...]:
    """Everything looked at, in the order in which one would mend it: Python, programs, namespaces, the kernel."""
    python = Finding(
        f"Python {platform.python_version()}",
        sys.version_info >= OLDEST_PYTHON,
        "Hoplab itself",
        "" if sys.version_info >= OLDEST_PYTHON else "Hoplab needs Python 3.11 or newer",
    )
    namespaces = _check_user_namespaces()
    return (
        python,
        *_check_programs(),
        namespaces,
        *_check_features(usable=namespaces.ok or os.geteuid() == 0),
        _check_packet_sockets(),
        _check_cgroups(),
    )
