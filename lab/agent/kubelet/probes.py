"""A container's probes as its pod asks for them, and how their results count (Kubernetes API: core/v1 Probe)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

READINESS, LIVENESS, STARTUP = "readiness", "liveness", "startup"
FIELDS = {READINESS: "readinessProbe", LIVENESS: "livenessProbe", STARTUP: "startupProbe"}


@dataclass(frozen=True, slots=True)
class HttpGet:
    """A request; statuses from 200 to 399 are well. `host` is "" for the pod's own address."""

    port: int
    path: str = "/"
    host: str = ""
    scheme: str = "http"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """A connection that need only come about."""

    port: int
    host: str = ""


@dataclass(frozen=True, slots=True)
class Exec:
    """A program run in the pod; it is well when it ends with status 0."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GrpcHealth:
    """A question to grpc.health.v1.Health; `service` is "" for the server as a whole."""

    port: int
    service: str = ""


@dataclass(frozen=True, slots=True)
class Impossible:
    """What cannot be probed, and why: such a probe always fails, and its Events say so."""

    why: str


Action = HttpGet | TcpSocket | Exec | GrpcHealth | Impossible


@dataclass(frozen=True, slots=True)
class Probe:
    """What to do, and when: in seconds, and in numbers of equal results in a row."""

    action: Action
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """Whom to probe: a pod's `place` and address, and the node whose kubelet does it."""

    place: str
    node: str
    address: str


@dataclass(frozen=True, slots=True)
class Result:
    """How one probe ended; of a failure, what a kubelet would say."""

    ok: bool
    message: str = ""


@dataclass(slots=True)
class Tally:
    """Equal results in a row, and what they amount to: `standing` is None until anything has."""

    probe: Probe
    standing: bool | None = None
    _last: bool | None = None
    _run: int = 0

    def count(self, ok: bool) -> bool:
        """Whether this result changes how the container stands."""
        self._run = self._run + 1 if ok == self._last else 1
        self._last = ok
        if self._run < (self.probe.success_threshold if ok else self.probe.failure_threshold):
            return False
        changes = ok != self.standing
        self.standing = ok
        return changes


def sentence(kind: str, message: str) -> str:
    """What the Event says of a probe's failure (reason Unhealthy)."""
    return f"{kind.capitalize()} probe failed: {message}"


def read_probes(container: Mapping[str, Any]) -> dict[str, Probe]:
    """A container's probes by kind, from its spec."""
    ports = {port["name"]: int(port["containerPort"]) for port in container.get("ports") or () if port.get("name")}
    return {kind: read_probe(container[field], ports) for kind, field in FIELDS.items() if container.get(field)}


def read_probe(spec: Mapping[str, Any], ports: Mapping[str, int]) -> Probe:
    """One probe; `ports` are the container's named ones."""
    return Probe(
        _action(spec, ports),
        initial_delay=float(spec.get("initialDelaySeconds") or 0),
        period=float(spec.get("periodSeconds") or 10),
        timeout=float(spec.get("timeoutSeconds") or 1),
        success_threshold=int(spec.get("successThreshold") or 1),
        failure_threshold=int(spec.get("failureThreshold") or 3),
    )


def _action(spec: Mapping[str, Any], ports: Mapping[str, int]) -> Action:
    if command := (spec.get("exec") or {}).get("command"):
        return Exec(tuple(str(word) for word in command))
    handler = spec.get("httpGet") or spec.get("tcpSocket") or spec.get("grpc")
    if not handler:
        return Impossible("a probe without a handler; give it httpGet, tcpSocket, grpc or exec")
    given = str(handler.get("port", ""))
    port = int(given) if given.isdecimal() else ports.get(given, 0)
    if not 0 < port < 65536:
        return Impossible(f"couldn't find port: {given}")
    if not (spec.get("httpGet") or spec.get("tcpSocket")):
        return GrpcHealth(port, str(handler.get("service") or ""))
    host = str(handler.get("host") or "")
    if not spec.get("httpGet"):
        return TcpSocket(port, host)
    headers = tuple((str(one["name"]), str(one.get("value", ""))) for one in handler.get("httpHeaders") or ())
    path = str(handler.get("path") or "/")
    scheme = str(handler.get("scheme") or "HTTP").lower()
    return HttpGet(port, path if path.startswith("/") else f"/{path}", host, scheme, headers)
