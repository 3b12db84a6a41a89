"""The test suite: everything in parallel, and what builds labs a second time as an ordinary user when this is root.

A few tests that failed while every core was busy are run once more, one after another on the quiet machine; that this
happened is printed. What fails again has failed.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev import ROOT, coredns, kernel, kubectls, kubeproxy

USER = "hoplab-test"
PURE = ("tests/unit", "tests/golden")
LABS = ("tests/integration",)
PARITY = "tests/parity"
FAILED, NOTHING_COLLECTED = 1, 5  # pytest's exit statuses
MOST_AGAIN = 5  # more failures than these are no matter of load

# So many of the slowest are listed at the end, with how long each took, and what was made ready for it.
SLOWEST = ("--durations=25", "--durations-min=1")

# `worksteal`: tests last from a millisecond to seconds, and none shares a lab with another.
PYTEST = ("-m", "pytest", "-p", "dev.progress", "-n", "auto", "--dist", "worksteal", "-rs", *SLOWEST)


@dataclass(frozen=True, slots=True)
class Round:
    """One run of pytest: who runs it is said before it, its own last lines stay on the terminal after it."""

    who: str
    command: tuple[str, ...]
    environment: dict[str, str]

    def run(self) -> int:
        """Gives pytest's exit status."""
        with tempfile.TemporaryDirectory(prefix="hoplab-tests-") as cache:
            Path(cache).chmod(0o777)  # an ordinary user's pytest writes it as well
            remembered = ("-o", f"cache_dir={cache}/pytest")
            status = self._pytest(f"tests, as {self.who}", remembered)
            failed = _last_failed(Path(cache, "pytest"))
            if status != FAILED or not 0 < len(failed) <= MOST_AGAIN:
                return status
            print("failed while the others ran:", *failed, sep="\n  ", flush=True)
            return self._pytest("the same once more, one after another", (*remembered, "--last-failed", "-n0"))

    def _pytest(self, title: str, further: tuple[str, ...]) -> int:
        print(f"--- {title}", flush=True)
        return subprocess.run((*self.command, *further), cwd=ROOT, env=self.environment, check=False).returncode


def _last_failed(cache: Path) -> tuple[str, ...]:
    """The names of the tests that failed, as pytest's own cache has them."""
    try:
        return tuple(json.loads((cache / "v/cache/lastfailed").read_text()))
    except FileNotFoundError:
        return ()


def ordinary_user() -> pwd.struct_passwd:
    """The account for tests; made if this machine does not have it yet."""
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        comment = ("--comment", "runs the tests of Hoplab")
        subprocess.run(("useradd", "--no-create-home", "--shell", "/bin/sh", *comment, USER), check=True)
        return pwd.getpwnam(USER)


def _as_myself(arguments: Iterable[str]) -> Round:
    return Round(pwd.getpwuid(os.geteuid()).pw_name, (sys.executable, *PYTEST, *arguments), dict(os.environ))


def as_ordinary_user(arguments: Iterable[str], further: Mapping[str, str] | None = None) -> Round:
    """The same tests by someone who may not write into the checkout, with nothing of root's environment but `further`
    variables.
    """
    user = ordinary_user()
    environment = {
        "HOME": "/mnt/home",
        "LANG": "C.UTF-8",
        "LOGNAME": USER,
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": os.environ.get("TERM", "dumb"),
        "TMPDIR": "/mnt/home/tmp",
        "USER": USER,
        "XDG_RUNTIME_DIR": "/mnt/home/run",
        **(further or {}),
    }
    script = str(ROOT / "dev" / "ordinary-user.sh")
    python = str(Path("/mnt/environment/bin", Path(sys.executable).name))
    become = ("unshare", "--mount", "sh", script, str(user.pw_uid), str(user.pw_gid), str(ROOT), sys.prefix)
    return Round(f"{USER} (ordinary user)", (*become, python, *PYTEST, *arguments), environment)


def run_parity(pattern: str) -> int:
    """Compare the lab's rules with those of Kubernetes' own kube-proxy, which is made for it. Gives pytest's status.

    MachineError where it, or the machine for ipvs mode, cannot be made.
    """
    kernel.make_ready()
    for version in (kubeproxy.VERSION, kubeproxy.IPVS_VERSION):
        kubeproxy.make(version)
    # Side by side they would have a machine of two cores wait for six kube-proxies.
    return _as_myself(("-n0", *(("-k", pattern) if pattern else ()), PARITY)).run()


def run_tests(unit: bool, integration: bool, pattern: str) -> int:
    """Run what is asked for, all of it if nothing is. Gives the exit status: 0 when every round passed."""
    both = unit == integration
    folders = (PURE if unit or both else ()) + (LABS if integration or both else ())
    selected = ("-k", pattern) if pattern else ()
    if LABS[0] in folders:
        coredns.make_for_tests()
        kubectls.make_for_tests()
    rounds = [_as_myself((*selected, *(folder for folder in folders if (ROOT / folder).is_dir())))]
    if os.geteuid() == 0 and LABS[0] in folders:
        rounds.append(as_ordinary_user((*selected, *LABS)))
    statuses = [each.run() for each in rounds]
    if pattern and any(status == 0 for status in statuses):
        # The pattern may well name only tests of one round.
        statuses = [status for status in statuses if status != NOTHING_COLLECTED]
    return next((status for status in statuses if status != 0), 0)
