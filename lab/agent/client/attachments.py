"""Files that a topology names (`rulesFile`, `routesFile`, …): read by the person's command and sent along with it.

The agent sees nothing of the person's folders. What it lacks it asks for: the answer to its request says so, and the
command asks again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.agent.protocol import Message

if TYPE_CHECKING:
    from lab.agent.client.client import Client

MOST = 64 << 20  # bytes of a file
_NEEDS = "needs"

Given = Mapping[str, str | int]
"""By the name that the topology gives it: a file's text, or the number of the error that kept it from being read."""


class NeededError(Exception):
    """A file is needed that was not sent along."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def told(self) -> Message:
        """As the result of a request, with which `asked` goes on."""
        return {_NEEDS: self.name}


def reader(given: Given) -> Callable[[str], str]:
    """What reads the files that were sent along: OSError and UnicodeError as of the person's, NeededError."""

    def read(name: str) -> str:
        found = given.get(name)
        if found is None:
            raise NeededError(name)
        if isinstance(found, int):
            raise OSError(found, os.strerror(found))
        return found.encode("utf-8", "surrogateescape").decode("utf-8")

    return read


def asked(client: Client, operation: str, on_event: Callable[[Message], None], **parameters: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
    """The result of a request about a topology's `file`, with all the files that this one names sent along."""
    folder = Path(parameters["file"]).parent
    given: dict[str, str | int] = {}
    while True:
        result = client.request(operation, on_event, beside=given, **parameters)
        name = result.get(_NEEDS)
        if name is None:
            return result
        given[name] = _read(folder / name)


def _read(path: Path) -> str | int:
    try:
        with path.open("rb") as file:
            found = file.read(MOST + 1)
    except OSError as error:
        return error.errno or errno.EIO
    return errno.EFBIG if len(found) > MOST else found.decode("utf-8", "surrogateescape")
