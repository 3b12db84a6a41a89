"""Where a request may come by: the places that are listened in while it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from lab.map.labmap import LabMap
from lab.map.path import Walker
from lab.map.place import Place
from lab.map.services import Endpoint
from lab.network.place_names import UNDERLAY
from lab.trace.ask.target import Target, service_at
from lab.trace.ask.typed import NODE, POD
from lab.trace.explain.passage import FORWARDERS

LISTENED = 128  # of a Service's endpoints: a socket in each costs time, so of more than these any of them is asked for


@dataclass(frozen=True)
class Whereabouts:
    """Of what a place asks of a target, by tcp, udp or icmp."""

    labmap: LabMap
    source: Place
    target: Target
    transport: str

    @cached_property
    def _walker(self) -> Walker:
        return Walker(self.labmap)

    def of(self, address: str, endpoints: Iterable[Endpoint]) -> Iterable[str]:
        """Every place that a request to the address may come through, by whichever of these endpoints."""
        source = self.source.name
        chosen = [endpoint.address for endpoint in endpoints if endpoint.address != address] or [""]
        trips = [self._walker.round_trip(source, address, endpoint) for endpoint in chosen]
        places = dict.fromkeys(place for trip in trips for place in (source, *trip.places))
        if self._is_unruled(address):
            places |= dict.fromkeys(self._walker.untranslated(source, address).places)
        if not any(trip.request.end for trip in trips):
            places |= dict.fromkeys(self._anywhere(address))
        return places

    def beside(self, address: str) -> Iterable[str]:
        """Where a packet may come by that is not led by the design: who has the address, the places on the way to it,
        and whoever is at the other end of the asker's own wires.
        """
        owner, _ = self.labmap.owners.get(address, (None, None))
        peers = [link.peer_place for link in self.source.links] if self.source.kind == POD else []
        found = (*self._walker.round_trip(self.source.name, address).places, *peers, owner.name if owner else "")
        return tuple(dict.fromkeys(one for one in found if one in self.labmap.by_name and one != UNDERLAY))

    def between(self, one: str, address: str) -> Iterable[str]:
        """The places on another's way to an address and back."""
        return self._walker.round_trip(one, address).places

    def _is_unruled(self, address: str) -> bool:
        """Whether a Service has the address and not the port, so that its nodes may send it on as any other."""
        found = service_at(self.labmap, address, self.target.port, self.transport)
        return found is not None and found[1] is None

    def _anywhere(self, address: str) -> Iterable[str]:
        """Where a request may come by to which the design has no way, though there is whom it is for: routes that
        somebody added may lead it there, as to a load balancer's address.
        """
        owner, _ = self.labmap.owners.get(address, (None, None))
        found = [owner.name] if owner is not None else [one.pod for one in self.target.candidates if one.pod]
        if not found:
            return ()
        forwarders = [one.name for one in self.labmap.places if one.kind in (*FORWARDERS, NODE)]
        return (*forwarders[:LISTENED], *found[:LISTENED])
