"""Services' selectors and pods' readiness to Endpoints, the older form of EndpointSlices.

Source: kube-controller-manager's endpoints controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.api.resources import ENDPOINTS, SERVICES
from lab.api.store import Change, Json, Store
from lab.control.controllers import Key
from lab.control.services import slices
from lab.control.services.members import Members
from lab.control.services.slices import Member, Targets

LIMIT = 1000
"""So many addresses are in it at most; an annotation says when some were left out."""

MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
_OVER = "endpoints.kubernetes.io/over-capacity"


class Endpoints:
    name = "endpoint"
    resource = SERVICES

    def __init__(self, store: Store, members: Members) -> None:
        self._store = store
        self._members = members
        self._writing = False  # its own changes ask for nothing

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is not ENDPOINTS:
            return self._members.affected(change)
        return () if self._writing else (change.key,)

    def reconcile(self, key: Key) -> float | None:
        service = self._store.find(SERVICES, *key)
        before = self._store.find(ENDPOINTS, *key)
        if service is None:
            if before is not None and _is_own(before):
                self._store.remove(ENDPOINTS, *key)
            return None
        spec = service["spec"]
        if (
            not spec.get("selector")
            or spec.get("type") == "ExternalName"
            or service["metadata"].get("deletionTimestamp")
        ):
            return None
        early = bool(spec.get("publishNotReadyAddresses"))
        found = self._members.of(service)
        members = [one for one in found if early or not one.endpoint["conditions"]["terminating"]]
        made: Json = {
            "metadata": {
                "name": key[1],
                "namespace": key[0],
                "labels": _labels(service),
                **({"annotations": {_OVER: "truncated"}} if len(members) > LIMIT else {}),
            },
            "subsets": _subsets(service, members[:LIMIT]),
        }
        self._writing = True
        try:
            self._write(made, before)
        finally:
            self._writing = False
        return None

    def _write(self, made: Json, before: Json | None) -> None:
        if before is None:
            self._store.create(ENDPOINTS, made)
        else:
            self._store.update(ENDPOINTS, {**made, "metadata": {**_rest(before["metadata"]), **made["metadata"]}})


def _rest(metadata: Json) -> Json:
    return {key: value for key, value in metadata.items() if key not in ("annotations", "resourceVersion")}


def _labels(service: Json) -> dict[str, str]:
    headless = {slices.HEADLESS: ""} if slices.is_headless(service) else {}
    return {**(service["metadata"].get("labels") or {}), **MANAGED_BY, **headless}


def _is_own(item: Json) -> bool:
    return MANAGED_BY.items() <= (item["metadata"].get("labels") or {}).items()


def _subsets(service: Json, members: Sequence[Member]) -> list[Json]:
    """One for each set of numbers that the ports have."""
    groups: dict[Targets, list[Member]] = {}
    for one in members:
        groups.setdefault(one.targets, []).append(one)
    made = []
    for targets, group in groups.items():
        sides: dict[str, list[Json]] = {"addresses": [], "notReadyAddresses": []}
        for one in sorted(group, key=lambda one: one.number):
            side = "addresses" if one.endpoint["conditions"]["ready"] else "notReadyAddresses"
            sides[side].append(_address(one.endpoint))
        subset: Json = {side: found for side, found in sides.items() if found}
        ports = slices.ports(service, targets)
        made.append({**subset, "ports": ports} if ports else subset)
    return made


def _address(endpoint: Json) -> Json:
    address: Json = {"ip": endpoint["addresses"][0]}
    for mark in ("hostname", "nodeName", "targetRef"):
        if mark in endpoint:
            address[mark] = endpoint[mark]
    return address
