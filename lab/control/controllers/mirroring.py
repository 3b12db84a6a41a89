"""Endpoints that people write for Services without a selector, to EndpointSlices.

Source: kube-controller-manager's endpointslicemirroring controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address
from itertools import count

from lab.api.resources import ENDPOINTS, ENDPOINTSLICES, SERVICES
from lab.api.store import Change, Json, Store
from lab.cluster.endpoints import MANAGED_BY, SERVICE_NAME, slice_name
from lab.control.controllers import Key
from lab.control.indexes import Owned, by_name
from lab.control.ownership import owner_name, owner_reference
from lab.control.removal import delete

CONTROLLER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"


class Mirroring:
    name = "endpointslicemirroring"
    resource = ENDPOINTS

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owned = Owned(by_name)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is ENDPOINTS or change.resource is SERVICES:
            return (change.key,)
        if change.resource is ENDPOINTSLICES:
            self._owned.hear(change)
            name = owner_name(change.object, ENDPOINTS)
            return ((change.key[0], name),) if name else ()
        return ()

    def reconcile(self, key: Key) -> float | None:
        endpoints = self._store.find(ENDPOINTS, *key)
        if endpoints is None:
            return None  # what it owned goes with it
        held = [
            found
            for owned in self._owned.of(endpoints["metadata"]["uid"])
            if (found := self._store.find(ENDPOINTSLICES, *owned))
        ]
        wanted = list(_slices(endpoints)) if self._is_wanted(key, endpoints) else []
        for made, before in zip(wanted, held, strict=False):
            metadata = {**before["metadata"], "labels": made["metadata"]["labels"]}
            self._store.update(ENDPOINTSLICES, {**before, **made, "metadata": metadata})
        for made in wanted[len(held) :]:
            metadata = {**made["metadata"], "name": self._free_name(key)}
            self._store.create(ENDPOINTSLICES, {**made, "metadata": metadata})
        for item in held[len(wanted) :]:
            delete(self._store, ENDPOINTSLICES, item)
        return None

    def _is_wanted(self, key: Key, endpoints: Json) -> bool:
        service = self._store.find(SERVICES, *key)
        if service is None or service["spec"].get("selector"):
            return False
        return (endpoints["metadata"].get("labels") or {}).get(SKIP) != "true"

    def _free_name(self, key: Key) -> str:
        namespace, name = key
        names = (slice_name(namespace, name, number) for number in count())
        return next(one for one in names if self._store.find(ENDPOINTSLICES, namespace, one) is None)


def _slices(endpoints: Json) -> Iterator[Json]:
    """One for each subset, without its name; what has no IPv4 address is left out."""
    metadata = endpoints["metadata"]
    labels = {
        **(metadata.get("labels") or {}),
        MANAGED_BY: CONTROLLER,
        SERVICE_NAME: metadata["name"],
    }
    for subset in endpoints.get("subsets") or ():
        members = [_endpoint(one, ready=True) for one in subset.get("addresses") or () if _is_ipv4(one)]
        members += [_endpoint(one, ready=False) for one in subset.get("notReadyAddresses") or () if _is_ipv4(one)]
        if not members:
            continue
        yield {
            "metadata": {
                "generateName": f"{metadata['name']}-",
                "namespace": metadata["namespace"],
                "labels": labels,
                "ownerReferences": [owner_reference(ENDPOINTS, endpoints)],
            },
            "addressType": "IPv4",
            "endpoints": members,
            "ports": [{"name": "", "protocol": "TCP", **port} for port in subset.get("ports") or ()],
        }


def _endpoint(address: Json, *, ready: bool) -> Json:
    kept = {mark: address[mark] for mark in ("hostname", "nodeName", "targetRef") if address.get(mark)}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **kept}


def _is_ipv4(address: Json) -> bool:
    try:
        IPv4Address(address.get("ip", ""))
    except AddressValueError:
        return False
    return True
