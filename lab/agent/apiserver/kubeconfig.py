"""The kubeconfig of a lab: with it, the machine's own kubectl speaks to the lab's API server."""

from __future__ import annotations

import base64
import os
from pathlib import Path

NAME = "kubeconfig"


def text(lab: str, port: int, ca: str, token: str) -> str:
    """As YAML. The server is reached on the host's loopback; the token is what lets its owner in, and nobody else."""
    authority = base64.b64encode(ca.encode()).decode()
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: {lab}
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority-data: {authority}
users:
- name: {lab}
  user:
    token: {token}
contexts:
- name: {lab}
  context:
    cluster: {lab}
    user: {lab}
current-context: {lab}
"""


def write(folder: int, content: str) -> None:
    """Into the lab's folder, given as a descriptor: the sandbox has another view of the host's file system."""
    aside = f"/proc/self/fd/{folder}/.{NAME}"
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as stream:
        stream.write(content)
    Path(aside).replace(f"/proc/self/fd/{folder}/{NAME}")
