"""What a Service's trafficDistribution makes of its endpoints: the hints by which proxies choose.

Source: k8s.io/endpointslice v0.35, trafficdist. Endpoints that are not ready have none.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFER_CLOSE, PREFER_SAME_ZONE, PREFER_SAME_NODE = "PreferClose", "PreferSameZone", "PreferSameNode"
PREFERENCES = (PREFER_CLOSE, PREFER_SAME_NODE, PREFER_SAME_ZONE)

TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
"""The annotation of topology-aware routing: where it is one of AUTOMATIC, trafficDistribution does not count."""

AUTOMATIC = ("Auto", "auto")


@dataclass(frozen=True, slots=True)
class Hints:
    """The zones and the nodes whose proxies should choose the endpoint."""

    zones: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


NONE = Hints()


def hints(preference: str, node: str, zone: str) -> Hints:
    """Of a ready endpoint on `node` in `zone`, "" for unknown. Whoever prefers the same node gets the zone as well, for
    proxies whose node has no endpoint.
    """
    if preference not in PREFERENCES:
        return NONE
    return Hints((zone,) if zone else (), (node,) if node and preference == PREFER_SAME_NODE else ())
