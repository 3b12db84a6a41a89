"""The lab's API server as its clients reach it: HTTPS from the host, with the kubeconfig's certificate and token."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from lab.errors import LabError

PATIENCE_SECONDS = 60.0


class Api:
    """One connection, for the length of a block."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="ascii"))
        cluster = config["clusters"][0]["cluster"]
        trusted = base64.b64decode(cluster["certificate-authority-data"]).decode()
        host, _, port = cluster["server"].removeprefix("https://").partition(":")
        context = ssl.create_default_context(cadata=trusted)
        self._connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=PATIENCE_SECONDS)
        self._token = config["users"][0]["user"]["token"]

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def patch(self, path: str, change: dict[str, Any]) -> None:
        """A merge patch. LabError when it is refused."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/merge-patch+json"}
        self._connection.request("PATCH", path, json.dumps(change), headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 400:
            raise LabError(f"PATCH {path}: {said.decode(errors='replace')}", "the API server refused the change")
