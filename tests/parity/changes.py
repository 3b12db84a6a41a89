"""Changes of Services and endpoints, drawn by a seed: each is what people and controllers ask of the API."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

from tests.integration.living import Api, RefusedError
from tests.parity.population import NODES, end

Json = dict[str, Any]
KINDS = ("Service", "EndpointSlice")
OWN = frozenset(("default", "kube-system"))  # namespaces in which the lab's own Services are
IN_TWO_SLICES = "two-slices"
"""Of an endpoint that is in two slices the real one takes the conditions of whichever comes first out of a Go map."""
CONDITIONS: tuple[tuple[str, ...], ...] = ((), (), (), ("unready",), ("leaving",), ("leaving", "down"))


class Changes:
    """A lab's Services under change; what the API refuses is no change, and another one is drawn."""

    def __init__(self, api: Api, seed: int) -> None:
        self._api = api
        self._draw = Random(seed)
        self.refused: list[str] = []

    def make(self, number: int) -> None:
        """So many changes."""
        for _ in range(number):
            while not self._one():
                pass

    def _one(self) -> bool:
        kind = self._draw.choice(KINDS)
        found = [one for one in self._api.list(kind) if self._may_change(one["metadata"])]
        item = self._draw.choice(found)
        item |= {"kind": kind, "apiVersion": "v1" if kind == "Service" else "discovery.k8s.io/v1"}
        try:
            if self._draw.random() < 0.1:
                self._made_anew(item)
            elif kind == "Service":
                self._service(item)
            else:
                self._endpoints(item)
        except RefusedError as error:
            self.refused.append(str(error))
            return False
        return True

    def _may_change(self, metadata: Json) -> bool:
        return metadata["namespace"] not in OWN and not metadata["name"].startswith(IN_TWO_SLICES)

    def _made_anew(self, item: Json) -> None:
        """It goes and comes again under the same name, without its status."""
        metadata = item["metadata"]
        self._api.delete(item["kind"], metadata["namespace"], metadata["name"])
        kept = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
        self._api.create({**item, "metadata": kept, "status": {}})

    def _endpoints(self, item: Json) -> None:
        ends: list[Json] = copy.deepcopy(item.get("endpoints") or [])
        what = self._draw.randrange(4)
        if what == 0 or not ends:
            node = self._draw.choice(("", *NODES))
            one = end(self._draw.randrange(120, 250), node, *self._draw.choice(CONDITIONS))
            if all(one["addresses"] != other["addresses"] for other in ends):
                ends.append(one)
        elif what == 1:
            ends.remove(self._draw.choice(ends))
        elif what == 2:
            self._draw.choice(ends)["conditions"] = end(1, "", *self._draw.choice(CONDITIONS))["conditions"]
        else:
            self._draw.choice(ends)["hints"] = {"forZones": [{"name": self._draw.choice(("zone-a", "zone-b"))}]}
        self._api.replace({**item, "endpoints": ends})

    def _service(self, item: Json) -> None:
        changes: tuple[Callable[[Json], None], ...] = (
            self._policy,
            self._affinity,
            self._ports,
            self._external,
            self._type,
            *((self._ranges,) if item["spec"].get("type") == "LoadBalancer" else ()),
        )
        if item["spec"].get("type") == "LoadBalancer" and self._draw.random() < 0.3:
            ingress = [{"ip": f"192.0.2.{self._draw.randrange(100, 250)}"}] if self._draw.random() < 0.7 else []
            metadata = item["metadata"]
            self._api.patch(
                "Service",
                metadata["namespace"],
                metadata["name"],
                {"status": {"loadBalancer": {"ingress": ingress}}},
                "status",
            )
            return
        self._draw.choice(changes)(item["spec"])
        self._api.replace(item)

    def _policy(self, spec: Json) -> None:
        key = self._draw.choice(("internalTrafficPolicy", "externalTrafficPolicy"))
        spec[key] = "Local" if spec.get(key) != "Local" else "Cluster"
        if spec.get("externalTrafficPolicy") != "Local":
            spec.pop("healthCheckNodePort", None)

    def _type(self, spec: Json) -> None:
        """Without what only its former type could have."""
        for key in ("externalTrafficPolicy", "healthCheckNodePort", "loadBalancerSourceRanges", "loadBalancerClass"):
            spec.pop(key, None)
        spec.pop("allocateLoadBalancerNodePorts", None)
        for port in spec["ports"]:
            port.pop("nodePort", None)
        spec["type"] = self._draw.choice(("ClusterIP", "NodePort", "LoadBalancer"))

    def _affinity(self, spec: Json) -> None:
        spec.pop("sessionAffinityConfig", None)
        if spec.get("sessionAffinity") == "ClientIP":
            spec["sessionAffinity"] = "None"
        else:
            spec["sessionAffinity"] = "ClientIP"
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": self._draw.randrange(1, 20000)}}

    def _ports(self, spec: Json) -> None:
        self._draw.choice(spec["ports"])["port"] = self._draw.randrange(1000, 2000)

    def _external(self, spec: Json) -> None:
        spec["externalIPs"] = [f"198.51.100.{self._draw.randrange(100, 250)}"] if not spec.get("externalIPs") else []

    def _ranges(self, spec: Json) -> None:
        drawn = [f"10.{self._draw.randrange(1, 200)}.0.0/16", "10.0.1.0/24"]
        spec["loadBalancerSourceRanges"] = [] if spec.get("loadBalancerSourceRanges") else drawn
