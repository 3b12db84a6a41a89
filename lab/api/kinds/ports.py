"""Ports by number or by name, of containers, probes and Services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.api.errors import Cause
from lab.api.kinds import names
from lab.api.kinds.violations import duplicate, in_range, invalid, one_of, required

Json = dict[str, Any]

LAST = 65535
PROTOCOLS = ("SCTP", "TCP", "UDP")


def port_causes(field: str, port: object) -> Iterator[Cause]:
    """Of a port that may be a number or a container port's name."""
    if isinstance(port, str):
        yield from (invalid(field, port, told) for told in names.port_name(port))
    else:
        yield from in_range(field, 0 if port is None else port, 1, LAST)


def container_port_causes(field: str, ports: Any) -> Iterator[Cause]:  # noqa: ANN401 JSON
    """Of the list of ports that a container declares."""
    seen: set[str] = set()
    for i, port in enumerate(ports):
        at = f"{field}[{i}]"
        name = port.get("name")
        if name:
            wrong = names.port_name(name)
            yield from (invalid(f"{at}.name", name, told) for told in wrong)
            if not wrong and name in seen:
                yield duplicate(f"{at}.name", name)
            seen.add(name)
        number = port.get("containerPort")
        if number:
            yield from in_range(f"{at}.containerPort", number, 1, LAST)
        else:
            yield required(f"{at}.containerPort")
        if port.get("hostPort"):
            yield from in_range(f"{at}.hostPort", port["hostPort"], 1, LAST)
        yield from one_of(f"{at}.protocol", port.get("protocol"), PROTOCOLS)


def host_port_causes(field: str, containers: Any) -> Iterator[Cause]:  # noqa: ANN401 JSON
    """Host ports that two containers of a pod ask for."""
    seen: set[str] = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            named = f"{port.get('protocol')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if named in seen:
                yield duplicate(f"{field}[{i}].ports[{j}].hostPort", named)
            seen.add(named)
