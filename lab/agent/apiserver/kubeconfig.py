"""The kubeconfig of a lab: with it, the machine's own kubectl speaks to the lab's API server."""

from __future__ import annotations

import base64

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
