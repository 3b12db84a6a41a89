"""`apply`, `delete`, `kubectl`: changing the cluster's objects."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from lab import terminal
from lab.agent.apiserver.kubeconfig import NAME as KUBECONFIG
from lab.agent.client import calls
from lab.agent.presence import folder
from lab.errors import LabError, MachineError
from lab.tasks.commandline import inputs
from lab.tasks.commandline.task import LAB, Context, command

_FILE = {"file": "Kubernetes manifests; - reads them from standard input."}
MOST_MANIFESTS = 16 << 20  # bytes, as of a topology: all of it is one message to the agent
LEFT_OUT = "left out"
NOT_DONE = ("refused", "not found")
DONE = {"apply": "applied", "delete": "deleted"}
HOW_TO_GET_KUBECTL = (
    "https://kubernetes.io/docs/tasks/tools has some, Debian's is apt install kubernetes-client; "
    "./inv get, apply and delete need none"
)

CACHE = "kubectl"
"""In the lab's folder: what the machine's kubectl remembers (from 1.29 on; older ones do in ~/.kube/cache)."""


@command(help={**LAB, **_FILE})
def apply(_: Context, file: str, lab: str = "") -> None:
    """Kubernetes manifests into the running lab, as `kubectl apply` does. Ends when every node has followed."""
    _change("apply", file, lab)


@command(help={**LAB, **_FILE})
def delete(_: Context, file: str, lab: str = "") -> None:
    """The objects of these manifests out of the running lab. Ends when every node has followed."""
    _change("delete", file, lab)


def _change(operation: str, file: str, lab: str) -> None:
    text, path = _read(file)
    with calls.connect(lab or None) as connected:
        verdicts: list[dict[str, Any]] = connected.request(operation, text=text, file=path)
    for one in verdicts:
        if not one["failed"] and one["done"] != LEFT_OUT:
            terminal.out(f"{one['named']} {one['done']}")
        for line in one["told"]:
            terminal.warn(line if one["done"] in NOT_DONE else f"warning: {line}")
    failed = sum(one["failed"] for one in verdicts)
    if failed:
        raise LabError(f"{failed} of {len(verdicts)} objects were not {DONE[operation]}")


def _read(file: str) -> tuple[str, str]:
    text = inputs.read(file, "--file MANIFESTS.yaml, or -", most=MOST_MANIFESTS).decode(errors="replace")
    return text, inputs.name(file) if file == inputs.STANDARD else str(Path(file))


@command(help=LAB, rest="ARGUMENT…")
def kubectl(context: Context, lab: str = "") -> None:
    """The real kubectl with the lab's kubeconfig. Its exit status is kubectl's."""
    program = shutil.which("kubectl")
    if program is None:
        raise MachineError("this machine has no kubectl", HOW_TO_GET_KUBECTL)
    with calls.connect(lab or None) as connected:
        connected.request("hear")  # kubectl itself would wait for a silent one for ever
    there = folder.of(connected.lab)
    # What it remembers of the lab goes with the lab: by itself it would keep that in the person's home.
    given = {"KUBECACHEDIR": str(there / CACHE), **os.environ, "KUBECONFIG": str(there / KUBECONFIG)}
    terminal.flush()
    os.execve(program, [program, *context.rest], given)  # noqa: S606  no shell is the point
