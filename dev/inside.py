"""`python -m dev.inside ARGUMENTS`: runs pytest inside a virtual machine, its words over the line."""

from __future__ import annotations

import os
import subprocess
import sys

from dev import ROOT
from dev.machine import STATUS, TESTS
from lab.vm import port

_ENVIRONMENT = {"HOME": "/root", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb", "TMPDIR": "/tmp"}  # noqa: S108


def main() -> None:
    """Ends when they have."""
    line = os.open(port.device(), os.O_RDWR)
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--durations=10", TESTS, *sys.argv[1:])
    environment = {"PATH": os.environ["PATH"], **_ENVIRONMENT}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=line, stderr=line, check=False
    )
    os.write(line, STATUS + f"{done.returncode}\n".encode())


if __name__ == "__main__":
    main()
