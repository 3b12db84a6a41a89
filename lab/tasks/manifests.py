"""`apply`, `delete`, `kubectl`: changing the cluster's objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import terminal
from lab.agent.client import calls
from lab.agent.client import kubectl as machines
from lab.errors import LabError
from lab.tasks.commandline import inputs
from lab.tasks.commandline.task import LAB, Context, command

_FILE = {"file": "Kubernetes manifests; - reads them from standard input."}
MOST_MANIFESTS = 16 << 20  # bytes, as of a topology: all of it is one message to the agent
LEFT_OUT = "left out"
NOT_DONE = ("refused", "not found")
DONE = {"apply": "applied", "delete": "deleted"}


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
    program = machines.program()
    with calls.connect(lab or None) as connected:
        connected.request("hear")  # kubectl itself would wait for a silent one for ever
    terminal.flush()
    machines.become(program, connected.lab, context.rest)
