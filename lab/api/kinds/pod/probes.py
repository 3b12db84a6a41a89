"""Probes and lifecycle handlers: exactly one way of asking, and how often. Source: kube-apiserver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.filling import filled
from lab.api.kinds.ports import port_causes
from lab.api.kinds.violations import forbidden, invalid, not_negative, one_of, required

Json = dict[str, Any]

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
SCHEMES = ("HTTP", "HTTPS")

_PROBE: Json = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_TIMES = ("initialDelaySeconds", *_PROBE)
_HOOKS = ("postStart", "preStop")
_HTTP: Json = {"path": "/", "scheme": "HTTP"}
_GRPC: Json = {"service": ""}


def complete_probe(probe: Json) -> Json:
    """Zeros count as nothing said, except for the initial delay."""
    said = {key: value for key, value in probe.items() if value or key not in _PROBE}
    return complete_handler(filled(_PROBE, said))


def complete_handler(handler: Json) -> Json:
    """A new dict with the path and scheme of an httpGet."""
    if handler.get("httpGet") is not None:
        handler = {**handler, "httpGet": filled(_HTTP, handler["httpGet"])}
    if handler.get("grpc") is not None:
        handler = {**handler, "grpc": filled(_GRPC, handler["grpc"])}
    return handler


def complete_lifecycle(lifecycle: Json) -> Json:
    return {
        **lifecycle,
        **{hook: complete_handler(lifecycle[hook]) for hook in _HOOKS if lifecycle.get(hook) is not None},
    }


def probe_causes(field: str, kind: str, probe: Json) -> Iterator[Cause]:
    """`kind` is one of PROBES."""
    yield from handler_causes(field, probe, _PROBED)
    for time in _TIMES:
        yield from not_negative(f"{field}.{time}", probe.get(time))
    if kind != "readinessProbe" and probe.get("successThreshold") != 1:
        yield invalid(f"{field}.successThreshold", probe.get("successThreshold"), "must be 1")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is None:
        return
    if grace <= 0:
        yield invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if kind == "readinessProbe":
        yield invalid(f"{field}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")


def lifecycle_causes(field: str, lifecycle: Json) -> Iterator[Cause]:
    for hook in _HOOKS:
        if lifecycle.get(hook) is not None:
            yield from handler_causes(f"{field}.{hook}", lifecycle[hook], _HOOKED)


_PROBED = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOKED = ("exec", "httpGet", "tcpSocket", "sleep")


def handler_causes(field: str, handler: Json, ways: tuple[str, ...]) -> Iterator[Cause]:
    """Exactly one of the ways, and that one right."""
    given = [way for way in ways if handler.get(way) is not None]
    if not given:
        yield required(field, "must specify a handler type")
        return
    yield from _way_causes(f"{field}.{given[0]}", given[0], handler[given[0]])
    for further in given[1:]:
        yield forbidden(f"{field}.{further}", "may not specify more than 1 handler type")


def _way_causes(field: str, way: str, told: Json) -> Iterator[Cause]:
    if way == "exec":
        if not told.get("command"):
            yield required(f"{field}.command")
    elif way == "httpGet":
        if not told.get("path"):
            yield required(f"{field}.path")
        yield from port_causes(f"{field}.port", told.get("port"))
        yield from one_of(f"{field}.scheme", told.get("scheme"), SCHEMES)
        for header in told.get("httpHeaders") or ():
            name = header.get("name") or ""
            yield from (invalid(f"{field}.httpHeaders", name, words) for words in names.header(name))
    elif way in ("tcpSocket", "grpc"):
        yield from port_causes(f"{field}.port", told.get("port"))
