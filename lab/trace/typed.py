"""What people type for --from and --to, taken apart: kinds as kubectl names them, URLs, ports."""

from __future__ import annotations

from dataclasses import dataclass
from socket import inet_aton

from lab.errors import UsageError

SERVICE, DEPLOYMENT, POD, NODE = "service", "deployment", "pod", "node"
KINDS = {
    **dict.fromkeys(("svc", "service", "services"), SERVICE),
    **dict.fromkeys(("deploy", "deployment", "deployments"), DEPLOYMENT),
    **dict.fromkeys(("po", "pod", "pods"), POD),
    **dict.fromkeys(("no", "node", "nodes"), NODE),
}
SCHEMES = {"http": 80, "https": 443, "dns": 53, "tcp": None, "udp": None}
HOW = "give a Service, a pod, an address or a name, and :PORT if it is not the usual"


@dataclass(frozen=True, slots=True)
class Typed:
    """`kind` is "" where none was said, `port` None; `path` is a URL's, without its first slash."""

    host: str
    port: int | None = None
    kind: str = ""
    path: str = ""


def take_apart(text: str) -> Typed:
    """UsageError for what names nothing, a port that is none, and a URL of another kind than those in SCHEMES."""
    if "://" in text:
        return _url(text)
    host, colon, port = text.partition(":")
    if not host:
        raise UsageError("--to names nothing", HOW)
    kind, slash, name = host.partition("/")
    wanted = _port(port) if colon else None
    if slash and kind in KINDS:
        if not name:
            raise UsageError(f"{text!r} names no {KINDS[kind]}", f"{kind}/NAME")
        return Typed(name, wanted, KINDS[kind])
    return Typed(host, wanted)


def is_address(host: str) -> bool:
    """Whether it is an IPv4 address, all four numbers of it."""
    try:
        inet_aton(host)
    except OSError:
        return False
    return host.count(".") == 3


def _url(text: str) -> Typed:
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in SCHEMES:
        raise UsageError(f"{scheme}:// is not a kind of URL that can be asked", f"one of {', '.join(SCHEMES)}")
    whole, slash, path = rest.partition("/")
    if "?" in whole:
        whole, _, path = rest.partition("?")
        path = f"?{path}"
    host, colon, port = whole.rpartition("@")[2].partition(":")
    if not host:
        raise UsageError(f"{text!r} names no host", HOW)
    return Typed(host, _port(port) if colon else SCHEMES[scheme.lower()], path=path if slash or path else "")


def _port(typed: str) -> int:
    if not typed.isdecimal() or not 0 < int(typed) < 65536:
        raise UsageError(f"{typed!r} is not a port", "a port is a number from 1 to 65535")
    return int(typed)
