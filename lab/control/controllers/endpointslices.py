"""Services' selectors and pods' readiness to EndpointSlices, those that end their work included."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from lab.api.resources import ENDPOINTSLICES, SERVICES
from lab.api.store import Change, Json, Store, key_of
from lab.cluster.endpoints import CONTROLLER, MANAGED_BY, slice_name
from lab.control.controllers import Key
from lab.control.indexes import Owned, by_name
from lab.control.ownership import owner_name
from lab.control.removal import delete
from lab.control.services import slices
from lab.control.services.members import Members
from lab.control.services.slices import Member, Targets


class EndpointSlices:
    name = "endpointslice"
    resource = SERVICES

    def __init__(self, store: Store, members: Members) -> None:
        self._store = store
        self._members = members
        self._owned = Owned(by_name)
        self._writing = False  # its own changes ask for nothing

    def keys(self, change: Change) -> Iterable[Key]:
        if change.resource is not ENDPOINTSLICES:
            return self._members.affected(change)
        self._owned.hear(change)
        if self._writing:
            return ()
        found = [one for one in (change.object, change.previous) if one and _is_own(one)]
        return {(change.key[0], name) for one in found if (name := owner_name(one, SERVICES))}

    def reconcile(self, key: Key) -> float | None:
        service = self._store.find(SERVICES, *key)
        if service is None or service["metadata"].get("deletionTimestamp"):
            return None
        held = [
            found
            for owned in self._owned.of(service["metadata"]["uid"])
            if (found := self._store.find(ENDPOINTSLICES, *owned)) and _is_own(found)
        ]
        self._writing = True
        try:
            self._bring(service, held)
        finally:
            self._writing = False
        return None

    def _bring(self, service: Json, held: list[Json]) -> None:
        spec = service["spec"]
        if not spec.get("selector") or spec.get("type") == "ExternalName":
            for item in held:
                delete(self._store, ENDPOINTSLICES, item)
            return
        groups: dict[Targets, list[Member]] = {}
        for member in self._members.of(service):
            groups.setdefault(member.targets, []).append(member)
        self._write(service, groups, held)

    def _write(self, service: Json, groups: dict[Targets, list[Member]], held: list[Json]) -> None:
        """Bring the slices to what the groups say, changing as few as may be. A Service without endpoints has one
        that is empty.
        """
        spare = list(held)
        pending: list[tuple[list[Json], list[Json]]] = [] if groups else [([], [])]
        for targets, members in groups.items():
            ports = slices.ports(service, targets)
            own = [item for item in spare if item["ports"] == ports]
            spare = [item for item in spare if item["ports"] != ports]
            filled = slices.spread(members, list(map(slices.places_of, own)))
            told = {one.place: one.endpoint for one in members}
            for item, places in zip(own, filled, strict=False):
                if places:
                    self._update(service, item, ports, [told[place] for place in places])
                else:
                    spare.append(item)
            pending += [(ports, [told[place] for place in places]) for places in filled[len(own) :]]
        for ports, endpoints in pending:
            if spare:
                self._update(service, spare.pop(0), ports, endpoints)
            else:
                made = slices.new_slice(service, self._free_name(service))
                self._store.create(ENDPOINTSLICES, {**made, "ports": ports, "endpoints": endpoints})
        for item in spare:
            delete(self._store, ENDPOINTSLICES, item)

    def _update(self, service: Json, item: Json, ports: list[Json], endpoints: list[Json]) -> None:
        metadata = {**item["metadata"], "labels": slices.labels(service)}
        self._store.update(ENDPOINTSLICES, {**item, "metadata": metadata, "ports": ports, "endpoints": endpoints})

    def _free_name(self, service: Json) -> str:
        namespace, name = key_of(service)
        names = (slice_name(namespace, name, number) for number in count())
        return next(one for one in names if self._store.find(ENDPOINTSLICES, namespace, one) is None)


def _is_own(item: Json) -> bool:
    return (item["metadata"].get("labels") or {}).get(MANAGED_BY) == CONTROLLER
