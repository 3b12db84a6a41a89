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
USUAL = "tcp"
# A URL's scheme -> the port where none is said, and what it is asked by.
SCHEMES: dict[str, tuple[int | None, str]] = {
    "http": (80, "tcp"),
    "https": (443, "tcp"),
    "dns": (53, "dns"),
    "tcp": (None, "tcp"),
    "udp": (None, "udp"),
}
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
    _refuse_ipv6(text)
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


def protocol_of(text: str, wanted: str) -> str:
    """What it is asked by: as is wanted, else as its URL says, else by tcp. UsageError where these two differ; a server
    for DNS may be asked by anything.
    """
    scheme, told, _ = text.partition("://")
    _, meant = SCHEMES.get(scheme.lower(), (None, "")) if told else (None, "")
    if wanted and meant not in ("", "dns", wanted):
        raise UsageError(f"{text} is asked by {meant}, and --protocol says {wanted}", "leave one of them out")
    return wanted or meant or USUAL


def is_address(host: str) -> bool:
    """Whether it is an IPv4 address, all four numbers of it."""
    try:
        inet_aton(host)
    except (OSError, ValueError):  # the latter for a text with a NUL in it
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
    _refuse_ipv6(whole.rpartition("@")[2])
    host, colon, port = whole.rpartition("@")[2].partition(":")
    if not host:
        raise UsageError(f"{text!r} names no host", HOW)
    return Typed(host, _port(port) if colon else SCHEMES[scheme.lower()][0], path=path if slash or path else "")


def _refuse_ipv6(host: str) -> None:
    if host.startswith("[") or host.count(":") > 1:
        raise UsageError(f"{host!r} looks like an IPv6 address", "a lab has IPv4 addresses only")


def _port(typed: str) -> int:
    if not typed.isdecimal() or not 0 < int(typed) < 65536:
        raise UsageError(f"{typed!r} is not a port", "a port is a number from 1 to 65535")
    return int(typed)
