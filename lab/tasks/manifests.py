"""`apply`, `delete`, `kubectl`: changing the cluster's objects."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab import terminal
from lab.agent import client, folder
from lab.agent.apiserver.kubeconfig import NAME as KUBECONFIG
from lab.errors import MachineError, UsageError
from lab.tasks.command import LAB, Context, command

if TYPE_CHECKING:
    from lab.agent.protocol import Message

_FILE = {"file": "Kubernetes manifests; - reads them from standard input."}
HOW_TO_GET_KUBECTL = (
    "https://kubernetes.io/docs/tasks/tools has some, Debian's is apt install kubernetes-client; "
    "./inv get, apply and delete need none"
)


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
    with client.connect(lab or None) as connected:
        for what, done in connected.request(operation, _on_warning, text=text, file=path):
            terminal.out(f"{what} {done}")


def _on_warning(event: Message) -> None:
    if event["event"] == "warning":
        terminal.warn(f"warning: {event['text']}")


def _read(file: str) -> tuple[str, str]:
    try:
        if file == "-":
            return sys.stdin.read(), "standard input"
        return Path(file).read_text(encoding="utf-8", errors="replace"), str(Path(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", "--file MANIFESTS.yaml, or - ") from error


@command(help=LAB, rest="ARGUMENT…")
def kubectl(context: Context, lab: str = "") -> None:
    """The real kubectl with the lab's kubeconfig. Its exit status is kubectl's."""
    name = folder.choose(lab or None)
    program = shutil.which("kubectl")
    if program is None:
        raise MachineError("this machine has no kubectl", HOW_TO_GET_KUBECTL)
    config = str(folder.of(name) / KUBECONFIG)
    terminal.flush()
    os.execve(program, [program, *context.rest], {**os.environ, "KUBECONFIG": config})  # noqa: S606  no shell is the point
