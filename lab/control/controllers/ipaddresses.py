"""An IPAddress for each ClusterIP that a Service has. Source: kube-apiserver's allocator of Services' addresses.

There the IPAddress is made first and reserves the address; here it follows from the Service, which has it already.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.api.resources import IPADDRESSES, SERVICES
from lab.api.store import Change, Json, Store
from lab.control.controllers import Key

MANAGED_BY, ALLOCATOR = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
_FAMILY = "ipaddress.kubernetes.io/ip-family"


def is_followed(item: Json) -> bool:
    """Whether it follows from a Service; others are people's, and reserve the address."""
    return (item["metadata"].get("labels") or {}).get(MANAGED_BY) == ALLOCATOR


class IpAddresses:
    """Its keys are addresses. Those that people made stay theirs."""

    name = "ipaddress"
    resource = IPADDRESSES

    def __init__(self, store: Store) -> None:
        self._store = store
        self._services: dict[str, tuple[str, str]] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is IPADDRESSES:
            return (change.key,)
        if change.resource is not SERVICES:
            return ()
        before = _address(change.previous) if change.previous else ""
        now = _address(change.object) if change.type != "DELETED" else ""
        if before == now:
            return ()
        if before and self._services.get(before) == change.key:
            del self._services[before]
        if now:
            self._services[now] = change.key
        return [("", address) for address in (before, now) if address]

    def reconcile(self, key: Key) -> float | None:
        address = key[1]
        held, owner = self._store.find(IPADDRESSES, "", address), self._services.get(address)
        if held is not None and not is_followed(held):
            return None
        if owner is None:
            if held is not None:
                self._store.remove(IPADDRESSES, "", address)
        elif held is None:
            self._store.create(IPADDRESSES, _made(address, owner))
        else:
            self._store.update(IPADDRESSES, {**held, "spec": _made(address, owner)["spec"]})
        return None


def _address(service: Json) -> str:
    found = str(service["spec"].get("clusterIP") or "")
    return "" if found == "None" or service["spec"].get("type") == "ExternalName" else found


def _made(address: str, owner: tuple[str, str]) -> Json:
    reference = {"group": "", "resource": SERVICES.plural, "namespace": owner[0], "name": owner[1]}
    labels = {MANAGED_BY: ALLOCATOR, _FAMILY: "IPv4"}
    return {"metadata": {"name": address, "labels": labels}, "spec": {"parentRef": reference}}
