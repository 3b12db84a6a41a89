"""An HTTP probe: one request from the node, redirects within the same host, and a kubelet's verdict on the answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from lab.agent.kubelet.dialling import Connection, DialError, Enter, dial, secured, words
from lab.agent.kubelet.probes import HttpGet, Result
from lab.api.discovery.release import MAJOR, MINOR

AGENT = f"kube-probe/{MAJOR}.{MINOR}"
MOST_OF_A_BODY = 10 * 1024  # a kubelet reads no more of an answer
MOST_OF_A_HEAD = 64 * 1024
MOST_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)

_AWAITING = "(Client.Timeout exceeded while awaiting headers)"
_READING = "(Client.Timeout or context cancellation while reading body)"


class _BrokenError(Exception):
    """What went wrong after the connection had come about, in Go's words."""


@dataclass(frozen=True, slots=True)
class _Url:
    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}{self.target}"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str


class HttpProbe:
    """One probe under way: how far it has come says what a timeout means."""

    def __init__(self, enter: Enter, node: str, address: str, wanted: HttpGet) -> None:
        self._enter = enter
        self._node = node
        self._wanted = wanted
        self._url = _Url(wanted.scheme, wanted.host or address, wanted.port, _escaped(wanted.path))
        self._phase = "dial"

    async def run(self, seconds: float) -> Result:
        """The verdict, within `seconds`."""
        if bad := next((name for name, value in self._wanted.headers if not (name + value).isprintable()), None):
            return Result(False, f'Get "{self._url}": net/http: invalid header field value for {json.dumps(bad)}')
        try:
            async with asyncio.timeout(seconds):
                return await self._follow()
        except TimeoutError:
            return self._out_of_time()
        except (DialError, _BrokenError) as error:
            return Result(False, f'Get "{self._url}": {error}')

    def _out_of_time(self) -> Result:
        if self._phase == "dial":
            told = f"dial tcp {self._url.host}:{self._url.port}: i/o timeout {_AWAITING}"
        elif self._phase == "body":
            return Result(False, f"context deadline exceeded {_READING}")
        else:
            told = f"context deadline exceeded {_AWAITING}"
        return Result(False, f'Get "{self._url}": {told}')

    async def _follow(self) -> Result:
        first = self._url.host
        for _ in range(MOST_REDIRECTS):
            answer = await self._ask()
            if answer.status not in REDIRECTS or not answer.location:
                break
            onward = _resolved(self._url, answer.location)
            if onward.host != first:
                return Result(True, "Probe terminated redirects")
            self._url = onward
        else:
            raise _BrokenError(f"stopped after {MOST_REDIRECTS} redirects")
        if 200 <= answer.status < 400:
            return Result(True, f"HTTP probe succeeded with statuscode: {answer.status}")
        return Result(False, f"HTTP probe failed with statuscode: {answer.status}")

    async def _ask(self) -> _Answer:
        url = self._url
        self._phase = "dial"
        connection = await dial(self._enter, self._node, url.host, url.port)
        self._phase = "head"
        try:
            if url.scheme == "https":
                connection = await secured(connection)
            await connection.send(self._request())
            return await self._answer(connection)
        except OSError as error:
            raise _BrokenError(f"read tcp {connection.name}: read: {words(error)}") from error
        finally:
            connection.close()

    def _request(self) -> bytes:
        fields = {"Host": f"{self._url.host}:{self._url.port}", "User-Agent": AGENT, "Accept": "*/*"}
        for name, value in self._wanted.headers:
            fields[name.title()] = value
        # As in Go, an empty value takes away what would be sent otherwise.
        lines = [f"{name}: {value}\r\n" for name, value in fields.items() if value]
        return f"GET {self._url.target} HTTP/1.1\r\n{''.join(lines)}Connection: close\r\n\r\n".encode()

    async def _answer(self, connection: Connection) -> _Answer:
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            data = await connection.receive()
            received += data
            if not data or len(received) > MOST_OF_A_HEAD:
                raise _BrokenError(_broken(received) if received else "EOF")
        head, body = received[:end].decode("latin-1").split("\r\n"), received[end + 4 :]
        version, _, rest = head[0].partition(" ")
        if not version.startswith("HTTP/") or not rest[:3].isdecimal():
            raise _BrokenError(_broken(received))
        fields = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:])}
        answer = _Answer(int(rest[:3]), fields.get("location", ""))
        self._phase = "body"
        length = fields.get("content-length", "")
        wanted = min(int(length), MOST_OF_A_BODY) if length.isdecimal() else MOST_OF_A_BODY
        if answer.status in (204, 304):
            wanted = 0
        while len(body) < wanted and (data := await connection.receive()):
            body += data
        return answer


def _broken(received: bytes) -> str:
    line = received.partition(b"\n")[0].rstrip(b"\r").decode("latin-1")[:100]
    return f"net/http: HTTP/1.x transport connection broken: malformed HTTP response {json.dumps(line)}"


def _escaped(path: str) -> str:
    if all("!" <= letter <= "~" for letter in path):
        return path
    from urllib.parse import quote  # noqa: PLC0415  hardly any path needs it

    return quote(path, safe="/?&=%:@!$'()*+,;#~-._")


def _resolved(url: _Url, location: str) -> _Url:
    from urllib.parse import urljoin, urlsplit  # noqa: PLC0415  hardly any probe is redirected

    try:
        parts = urlsplit(urljoin(str(url), location))
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _BrokenError(f"failed to parse Location header {json.dumps(location)}") from None
    query = f"?{parts.query}" if parts.query else ""
    return _Url(parts.scheme, parts.hostname or "", port, (parts.path or "/") + query)
