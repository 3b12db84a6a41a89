"""What there is on this machine and in its labs, for whoever completes a command line: quick, or else nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lab.agent.client import calls
from lab.agent.presence import folder
from lab.tasks import topologies
from lab.tasks.get import JSON

if TYPE_CHECKING:
    from lab.map.labmap import LabMap

PATIENCE_SECONDS = 1.0


def be_quick() -> None:
    """End the process quietly when its time is up: nobody waits longer for a completion, and an agent may be busy."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)


class Machine:
    """The facts, asked of the folder of labs, of their agents, and of the files that come with Hoplab."""

    def labs(self) -> Iterable[str]:
        return folder.running()

    def topologies(self) -> Iterable[str]:
        return topologies.names()

    def kinds(self) -> Iterable[str]:
        from lab.api.resources import RESOURCES  # noqa: PLC0415  # as elsewhere

        return [one.plural for one in RESOURCES]

    def places(self, lab: str) -> Iterable[str]:
        return [name for place in self._map(lab).places for name in _names(place.kind, place.name)]

    def pods(self, lab: str) -> Iterable[str]:
        places = (place for place in self._map(lab).places if place.kind == "pod")
        return [name for place in places for name in _names(place.kind, place.name)]

    def nodes(self, lab: str) -> Iterable[str]:
        return [place.name for place in self._map(lab).places if place.kind == "node"]

    def targets(self, lab: str) -> Iterable[str]:
        """Services as they are asked for, then the places that have an address."""
        map_ = self._map(lab)
        services = [f"{service.name}.{service.namespace}" for service in map_.services]
        hosts = [host.name for host in map_.internet]
        return [*services, *hosts, *self.places(lab)]

    def namespaces(self, lab: str) -> Iterable[str]:
        return self.objects(lab, "namespaces", "")

    def objects(self, lab: str, kind: str, namespace: str) -> Iterable[str]:
        from lab.api.resources import by_name  # noqa: PLC0415  # as elsewhere

        resource = by_name(kind)
        if resource is None:
            return ()
        base = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        where = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
        told = self._asked(lab, "api", path=f"{base}{where}/{resource.plural}", query={}, accept=JSON)
        return [one["metadata"]["name"] for one in told["object"].get("items", ())]

    def _map(self, lab: str) -> LabMap:
        from lab.map.labmap import LabMap  # noqa: PLC0415  # as elsewhere

        return LabMap.from_json(self._asked(lab, "read", what="map"))

    def _asked(self, lab: str, operation: str, **parameters: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
        with calls.connect(lab or None) as connected:
            return connected.request(operation, **parameters)


def _names(kind: str, name: str) -> tuple[str, ...]:
    """A pod is found by its name alone as well."""
    return (name, name.partition("/")[2]) if kind == "pod" else (name,)
