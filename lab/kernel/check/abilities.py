"""What this machine and its kernel can do, tried rather than guessed: the facts behind the `check` task.

Each feature is tried in namespaces of its own, which end with the process that tries it. The host stays as it is, but
for a kernel module that the kernel itself loads when a device of its kind is first asked for.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.errors import MachineError
from lab.kernel.check.requirements import PROBES, Probe
from lab.kernel.host import coredns, forbidding, interpreter, modules, packages, privileges, tools
from lab.kernel.sandbox import identity

OLDEST_PYTHON = (3, 11)
ANSWER_SECONDS = 5.0


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


def _start(argv: tuple[str, ...], text: str, user: bool) -> subprocess.Popen[str] | None:
    """The program in new network and mount namespaces, and a user namespace if asked; None if it does not exist."""
    found, unshare = packages.find(argv[0]), packages.find("unshare")
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


def _remedy(probe: Probe, known: frozenset[str]) -> str:
    """What to do about a probe that failed: install its program, load modules that are there, or choose otherwise."""
    if unloaded := modules.unloaded(probe.modules):
        what = modules.how_to_load(unloaded)
    elif packages.find(probe.argv[0]) is None:
        package = tools.how_to_get(probe.argv[0], packages.family(), root=os.geteuid() == 0)
        what = f"{probe.argv[0]} is missing" + (f": {package}" if package else "")
    elif lacking := [one for one in probe.modules if one.lower() not in known]:
        what = f"this kernel has no {', '.join(lacking)}, and this machine no such module"
        what += f" ({named})" if (named := forbidding.kernel_by_name()) else ""
    else:
        several = "-a " if len(probe.modules) > 1 else ""
        what = f"{'' if os.geteuid() == 0 else 'sudo '}modprobe {several}{' '.join(probe.modules)}"
    return f"{what}; or {probe.instead}" if probe.instead else what


def _succeeded(process: subprocess.Popen[str] | None) -> bool:
    if process is None:
        return False
    try:
        return process.wait(ANSWER_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def _check_programs() -> list[Finding]:
    distribution = packages.family()
    found = []
    for program in packages.PROGRAMS:
        ok = packages.find(program.name) is not None
        how = "" if ok else packages.how_to_get([program], distribution)
        found.append(Finding(program.name, ok, program.needed_for, how, required=program.name in packages.BUILDING))
    how = "" if coredns.find() else coredns.REMEDY
    return [*found, Finding("coredns", not how, coredns.PURPOSE, how, required=False)]


def _check_user_namespaces() -> Finding:
    """Made, and then used: some systems allow the first and forbid the second."""
    created = _start(("true",), "", user=True)
    used = _start(("ip", "link", "add", "probe", "type", "bridge"), "", user=True)
    exists, works = _succeeded(created), _succeeded(used)
    refused = forbidding.namespaces_refused(powerless=exists, as_root=identity.is_machines_root())
    how = "" if works else str(refused.hint)
    needed_for = "labs, root's too unless with --privileged"
    return Finding("user namespaces", works, needed_for, how, required=os.geteuid() != 0)


def _check_confinement(usable: bool) -> tuple[Finding, ...]:
    """What the runtime of a container may withhold: tried by a program of ours, as root of its own namespaces."""
    lacking = _lacking() if usable else None
    if lacking is None:
        calls = whole = "not tried: no namespaces"
    else:
        names = [one for one in lacking if not one.startswith("/")]
        paths = [one for one in lacking if one.startswith("/")]
        calls = _told(forbidding.calls_refused(names)) if names else ""
        whole = _told(forbidding.not_whole(paths[0])) if paths else ""
    return (
        Finding(privileges.CALLS.name, not calls, privileges.CALLS.needed_for, calls),
        Finding(privileges.WHOLE.name, not whole, privileges.WHOLE.needed_for, whole),
    )


def _told(error: MachineError) -> str:
    return f"{error}; {error.hint}"


def _lacking() -> list[str] | None:
    """What `needed_calls` prints; None where it cannot be run."""
    unshare = packages.find("unshare")
    if unshare is None:
        return None
    namespaces = ("--user", "--map-root-user", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child")
    command = (unshare, *namespaces, "--", *interpreter.command("lab.kernel.host.needed_calls"))
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=interpreter.environment(),
            timeout=ANSWER_SECONDS,
            check=False,
        )
        found: list[str] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return found


def _check_features(usable: bool) -> list[Finding]:
    """Each probe's outcome; all of them fail when there are no namespaces to try them in."""
    if not usable:
        return [Finding(p.name, False, p.needed_for, "not tried: no namespaces", p.required) for p in PROBES]
    # What would change the machine itself is not tried: the kernel would load it.
    running = [
        (probe, None if modules.unloaded(probe.modules) else _start(probe.argv, probe.text, user=os.geteuid() != 0))
        for probe in PROBES
    ]
    outcomes = [(probe, _succeeded(process)) for probe, process in running]
    known = modules.loadable(Path("/lib/modules", platform.release()))
    found = [(probe, ok, "" if ok else _remedy(probe, known)) for probe, ok in outcomes]
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
    """crun wants a mount of control groups: of cgroup2 alone, which is what the sandbox shows wherever the host has it,
    or of the old kind, which is all that a container has on some machines.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        mounts = []
    ok = any(mount.partition(" - ")[2].startswith(("cgroup2 ", "cgroup ")) for mount in mounts)
    how = "" if ok else "mount -t cgroup2 none /sys/fs/cgroup"
    return Finding("cgroup2", ok, "the DNS servers' containers", how)


def of_kernel(folder: Path) -> tuple[Finding, ...]:
    """What the kernel with these modules, which is not this one, would give in a virtual machine: by their names."""
    known = modules.loadable(folder)
    found = [(probe, [one for one in probe.modules if one.lower() not in known]) for probe in PROBES]
    return tuple(
        Finding(
            probe.name, not lacking, probe.needed_for, f"no {', '.join(lacking)}" if lacking else "", probe.required
        )
        for probe, lacking in found
    )


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
        *_check_confinement(namespaces.ok),
        *_check_features(usable=namespaces.ok or os.geteuid() == 0),
        _check_packet_sockets(),
        _check_cgroups(),
    )
