"""The kubeconfig of a lab: with it, the machine's own kubectl speaks to the lab's API server."""

from __future__ import annotations

import base64


def text(lab: str, server: str, ca: str, token: str, user: str = "") -> str:
    """As YAML. `server` is the API server's URL; the token says who it is that has this file, and is let in."""
    authority = base64.b64encode(ca.encode()).decode()
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: {lab}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {user or lab}
  user:
    token: {token}
contexts:
- name: {lab}
  context:
    cluster: {lab}
    user: {user or lab}
current-context: {lab}
"""
