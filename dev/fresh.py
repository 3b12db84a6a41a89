"""A machine that has nothing: whether the README's commands are really all that it takes, and an image made of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from dev import ROOT, trial
from dev.bare import AS_ROOT, make_root, settings
from dev.image import try_image

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
SECONDS = 900
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


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


def try_from_nothing(*, machine: bool, pattern: str = "") -> int:
    """Try a machine that has nothing, if that is asked for, and then the container image. Gives the exit status."""
    with tempfile.TemporaryDirectory(prefix="hoplab-fresh-") as folder:
        root = make_root(Path(folder))
        if root is None:
            return 1
        statuses = [try_machine(Path(folder), root)] if machine else []
        statuses.append(try_image(root, pattern))
        return next((status for status in statuses if status != 0), 0)


def try_machine(folder: Path, root: Path, commands: tuple[str, ...] = COMMANDS) -> int:
    """Run the commands on a machine with that root (`bare.make_root`), one after the other, until one fails. Gives the
    exit status: 0 when none does. The folder is for what is needed meanwhile.
    """
    script = "set -e\n" + "".join(f"echo {shlex.quote('--- ' + line)}\n( {line} )\n" for line in commands)
    clone = folder / "clone"
    clone.mkdir()
    _copy_checkout(clone)
    machine = (*NAMESPACES, *AS_ROOT, "sh", ROOT / "dev" / "bare-machine.sh", clone, root)
    return trial.status_of("fresh machine", (*machine, "--", "sh", "-c", script), settings(), SECONDS)
