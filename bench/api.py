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

Json = dict[str, Any]


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

    def patch(self, path: str, change: Json) -> None:
        """A merge patch. LabError when it is refused."""
        self._ask("PATCH", path, change, "application/merge-patch+json")

    def post(self, path: str, item: Json) -> None:
        """A new object. LabError when it is refused."""
        self._ask("POST", path, item)

    def delete(self, path: str) -> None:
        """An object goes. LabError when it is refused."""
        self._ask("DELETE", path)

    def get(self, path: str) -> Json:
        """An object. LabError when there is none."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: Json | None = None, kind: str = "application/json") -> Json:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 400:
            raise LabError(f"{method} {path}: {said.decode(errors='replace')}", "the API server refused it")
        found: Json = json.loads(said)
        return found
