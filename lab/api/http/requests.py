"""What clients ask, and what they are answered, without the transport that carries it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.api.http.encoding import text_of
from lab.api.http.users import OWNER, User
from lab.api.watching import Event, Watch

Json = dict[str, Any]

JSON = "application/json"
MOST_AT_ONCE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """`path` and `query` are decoded, the names of `headers` in small letters. For a WebSocket's opening, `method` is
    GET and the headers have `upgrade`. `user` is who asks.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = OWNER

    @property
    def parameters(self) -> dict[str, str]:
        """The query with the first value of each name."""
        return {name: values[0] for name, values in self.query.items() if values}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that is complete."""

    code: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def json(self) -> Json:
        """The body as an object."""
        found: Json = json.loads(self.body)
        return found


@dataclass(frozen=True, slots=True)
class Watching:
    """An answer that goes on: send its head at once, then each `chunk` that is not empty, until it has `ended` or for
    `timeout` seconds, None for as long as the client stays; then `close` it. `watch.wake` may be set to hear of more.
    """

    watch: Watch
    render: Callable[[Event], Json]
    timeout: float | None = None
    content_type: str = JSON

    @property
    def ended(self) -> bool:
        return self.watch.ended

    def chunk(self, most: int = MOST_AT_ONCE) -> bytes:
        """Of the events that wait as many as give about so many bytes, as the text to send; b"" when none waits."""
        lines: list[bytes] = []
        while most > 0 and (event := self.watch.next()) is not None:
            lines.append(encoded({"type": event.type, "object": self.render(event)}))
            most -= len(lines[-1])
        return b"".join(lines)

    def bookmark(self) -> None:
        """Have the client told how far it is: once a minute, and before the timeout closes it."""
        self.watch.bookmark()

    def close(self) -> None:
        self.watch.close()


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What a container has written. `tail` lines and `limit` bytes, None for all; `since`: RFC 3339, or seconds ago."""

    pod: Json
    container: str
    follow: bool = False
    timestamps: bool = False
    previous: bool = False
    tail: int | None = None
    limit: int | None = None
    since: str | int | None = None


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """A program to run in a container, over a WebSocket with that subprotocol."""

    pod: Json
    container: str
    command: tuple[str, ...]
    protocol: str
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


Answer = Response | Watching | LogRequest | ExecRequest


def encoded(value: Json, pretty: bool = False) -> bytes:
    """One line, or indented for people to read."""
    if pretty:
        return json.dumps(value, indent=2).encode() + b"\n"
    return text_of(value).encode() + b"\n"
