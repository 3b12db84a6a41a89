"""The machine's own kubectl at a lab: where it is, and what it is given."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import NoReturn

from lab.agent.presence import folder
from lab.errors import MachineError

CACHE = "kubectl"
"""In the lab's folder: what the machine's kubectl remembers (from 1.29 on; older ones do in ~/.kube/cache)."""

HOW_TO_GET = (
    "https://kubernetes.io/docs/tasks/tools has some, Debian's is apt install kubernetes-client; "
    "./inv get, apply and delete need none"
)


def program() -> str:
    """Its path. MachineError where there is none."""
    found = shutil.which("kubectl")
    if found is None:
        raise MachineError("this machine has no kubectl", HOW_TO_GET)
    return found


def become(found: str, lab: str, arguments: Sequence[str]) -> NoReturn:
    """This process becomes kubectl with the lab's kubeconfig."""
    there = folder.of(lab)
    # What it remembers of the lab goes with the lab: by itself it would keep that in the person's home.
    given = {"KUBECACHEDIR": str(there / CACHE), **os.environ, "KUBECONFIG": str(there / folder.KUBECONFIG)}
    os.execve(found, [found, *arguments], given)  # noqa: S606  no shell is the point
