"""The container image, built by an ordinary user upon a bare root, and its tests: `./inv test --image`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dev import ROOT, trial
from dev.suite import ordinary_user

ROOT_VARIABLE = "HOPLAB_TEST_ROOT"
"""In the tests' environment: the tar file of the root file system upon which the image is built."""
_SECONDS = 900
_PYTEST = ("-m", "pytest", "-p", "dev.progress", "-p", "no:cacheprovider", "-rs", "--durations=10", "tests/image")


def try_image(root: Path, pattern: str = "") -> int:
    """Build the image upon that root (`bare.make_root`), and run its tests. Gives pytest's exit status.

    All of it happens in namespaces that end with this process, and in memory: nothing is left of it.
    """
    if os.geteuid() != 0:
        print("--- the container image is tried by root alone, who becomes an ordinary user for it")
        return 0
    print("--- the container image: built and run as an ordinary user", flush=True)
    root.parent.chmod(0o755)  # for that user to read
    namespaces = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child")
    room = ("sh", str(ROOT / "dev" / "image-room.sh"), ordinary_user().pw_name, str(ROOT))
    selected = ("-k", pattern) if pattern else ()
    command = (*namespaces, *room, sys.executable, *_PYTEST, *selected)
    return trial.status_of("container image", command, {**os.environ, ROOT_VARIABLE: str(root)}, _SECONDS)
