"""A machine that has nothing: whether the README's commands are really all that it takes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dev import ROOT

# The README's two commands, the second one in part so that it does not come here again; what makes a virtual machine
# ready; then the installed package.
COMMANDS = (
    "./inv demo",
    "./vagrant/provision.sh && hoplab list",
    "./inv test --unit -k topology",
    "./inv test --integration -k journey",
    "python3 -m venv /tmp/installed && /tmp/installed/bin/pip install -q /root/hoplab",
    "cd / && /tmp/installed/bin/hoplab up --topology single-node",
)
SECONDS = 600
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
# An ordinary user becomes root of a namespace that has the user ids which /etc/subuid grants.
AS_ROOT = () if os.geteuid() == 0 else ("--map-root-user", "--map-auto")

# How this machine finds others, how its pip finds packages, and whom both trust: files, and settings that name files.
KEPT_FILES = (
    "/etc/hosts",
    "/etc/pip.conf",
    "/etc/xdg/pip/pip.conf",
    "~/.pip/pip.conf",
    "~/.config/pip/pip.conf",
    "/usr/local/share/ca-certificates",
)
FILES_IN_SETTINGS = ("PIP_CONFIG_FILE", "PIP_CERT", "PIP_FIND_LINKS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def _settings() -> dict[str, str]:
    """What the new machine takes over of this one's environment: how to find packages, and what a terminal has."""
    names = {"HOME", "PATH", "TERM", *FILES_IN_SETTINGS}
    return {
        name: value
        for name, value in os.environ.items()
        if name in names or name.startswith("PIP_") or name.lower() in PROXIES
    }


def _kept_paths() -> list[str]:
    """Files and folders of this machine that the settings speak of."""
    named = [word for name in FILES_IN_SETTINGS for word in os.environ.get(name, "").split()]
    return [str(Path(path).expanduser()) for path in (*KEPT_FILES, *named) if path.startswith(("/", "~"))]


def _copy_checkout(target: Path) -> None:
    """What a clone would have: the tracked files, and those that are about to be (neither tracked nor ignored)."""
    listed = subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"),
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    names = [name for name in listed.decode().split("\0") if name and os.path.lexists(ROOT / name)]
    subprocess.run(
        ("cp", "-a", "--parents", "-t", target, "--", *names),
        cwd=ROOT,
        check=True,
    )


def try_fresh_machine(commands: tuple[str, ...] = COMMANDS) -> int:
    """Run the commands there, one after the other, until one fails. Gives the exit status: 0 when none does."""
    script = "set -e\n" + "".join(f"echo {shlex.quote('--- ' + line)}\n( {line} )\n" for line in commands)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hoplab-fresh-") as folder:
        clone, keep = Path(folder, "clone"), Path(folder, "keep")
        clone.mkdir()
        _copy_checkout(clone)
        keep.write_text("".join(f"{path}\n" for path in _kept_paths()), encoding="utf-8")
        print("making a machine with nothing on it", flush=True)
        try:
            status = subprocess.run(
                (*NAMESPACES, *AS_ROOT, "sh", ROOT / "dev" / "bare-machine.sh", clone, keep, "--", "sh", "-c", script),
                env=_settings(),
                stdin=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"the fresh machine did not finish in {SECONDS} s", file=sys.stderr)
            status = 1
    print(f"--- fresh machine: {'passed' if status == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return status
