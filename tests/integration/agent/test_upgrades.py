"""Requests that name an upgrade: only a program is served over a WebSocket, and only over one."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping

import pytest
import yaml

from tests.integration.labs import PATIENCE_SECONDS, Lab, standing
from tests.integration.living import kubeconfig

PODS = "/api/v1/namespaces/default/pods"
WEBSOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": base64.b64encode(b"a" * 16).decode(),
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with standing("minimal") as one:
        yield one


def asked(lab: Lab, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status of the answer, and what it says."""
    config = yaml.safe_load(kubeconfig(lab).read_text(encoding="ascii"))
    cluster, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    host, _, port = cluster["server"].removeprefix("https://").partition(":")
    connection = http.client.HTTPSConnection(host, int(port), context=trusted, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers={**headers, "Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, str(json.loads(answer.read())["message"])
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/api/v1/pods?watch=true", f"{PODS}/pod-1/log", f"{PODS}/pod-1/log?follow=true"])
def test_what_goes_on_is_not_served_over_a_websocket(lab: Lab, path: str) -> None:
    assert asked(lab, path, WEBSOCKET) == (400, "nothing but a program is served over a WebSocket")


def test_a_program_is_not_run_for_who_names_an_upgrade_and_makes_none(lab: Lab) -> None:
    headers = {name: value for name, value in WEBSOCKET.items() if name != "Connection"}
    assert asked(lab, f"{PODS}/pod-1/exec?command=true", headers) == (400, "Upgrade request required")
