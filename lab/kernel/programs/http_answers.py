"""What the built-in server answers to an HTTP request, and the switches by which whoever teaches makes a pod unwell."""

from __future__ import annotations

MAX_BODY = 1024 * 1024
REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    418: "I'm a teapot",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
WITHOUT_BODY = (204, 304)
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Health:
    """What a pod's /ready and /healthz answer: 200 or 503. `POST /ready/false` and the like switch it."""

    __slots__ = ("healthy", "ready")

    def __init__(self) -> None:
        self.ready = self.healthy = True

    def ask(self, path: str) -> tuple[int, str] | None:
        """The status and the body for one of the two paths; None for any other."""
        if path == "/ready":
            return (200, "ok\n") if self.ready else (503, "not ready\n")
        if path == "/healthz":
            return (200, "ok\n") if self.healthy else (503, "not healthy\n")
        return None

    def switch(self, path: str) -> tuple[int, str] | None:
        """Turn the switch that is meant; None where the path means none."""
        _, _, rest = path.partition("/")
        name, _, value = rest.partition("/")
        if name not in ("ready", "healthz") or value not in ("true", "false"):
            return None
        if name == "ready":
            self.ready = value == "true"
        else:
            self.healthy = value == "true"
        return 200, f"{name} is {value} now\n"


def http_answer(name: str, client: str, head: bytes, health: Health | None = None) -> tuple[bytes, bool]:
    """The answer to one request head, and whether the connection ends with it.

    The body names the pod and the client's address as it was seen. A path that is a number asks for that many bytes
    more, /status/503 for that status; /ready and /healthz are answered from `health`.
    """
    asked = _read(head)
    if asked is None:
        return _BAD_REQUEST, True
    method, target, headers, close = asked
    path = target.partition("?")[0]
    own = health or Health()
    said = own.switch(path) if method == "POST" else own.ask(path)
    if said is None:
        status = _status(path)
        body = f"{name}\nclient {client}\n{method} {target} for {headers.get('host', '-')}\n".encode() + _padding(path)
    else:
        status, body = said[0], said[1].encode()
    if status in WITHOUT_BODY:
        body = b""
    own_headers = f"Content-Type: text/plain; charset=utf-8\r\nHoplab-Pod: {name}\r\nHoplab-Client: {client}"
    return _written(method, status, own_headers, body, close), close


def fixed_answer(status: int, headers: str, body: str, head: bytes) -> tuple[bytes, bool]:
    """The answer to a request head where all get the same, whatever they ask; and whether the connection ends with it.

    `headers` are lines of the answer's head, parted by \\r\\n.
    """
    asked = _read(head)
    if asked is None:
        return _BAD_REQUEST, True
    method, _, _, close = asked
    return _written(method, status, headers, body.encode(), close), close


def _read(head: bytes) -> tuple[str, str, dict[str, str], bool] | None:
    """Method, target and headers of a request, and whether it wants the connection to end; None for no request."""
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        return None
    headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
    method, target, version = words
    return method, target, headers, headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"


def _written(method: str, status: int, headers: str, body: bytes, close: bool) -> bytes:
    answer = (
        f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n{headers}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n"
    ).encode()
    return answer + (b"" if method == "HEAD" else body)


def body_length(head: bytes) -> int:
    """How many bytes of body follow a request's head."""
    if head.startswith((b"GET ", b"HEAD ")):
        return 0
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


def _padding(path: str) -> bytes:
    number = path.strip("/")
    return b"x" * (min(int(number), MAX_BODY) if number.isdecimal() else 0)


def _status(path: str) -> int:
    number = path.removeprefix("/status/")
    return int(number) if number != path and number.isdecimal() and 200 <= int(number) <= 599 else 200
