"""ClusterIPs and node ports for Services, as the API server gives them out when a Service is made or changed."""

from __future__ import annotations

from typing import Any

from lab.api.errors import Cause, invalid
from lab.api.resources import IPADDRESSES, SERVICES, Resource
from lab.api.store import Change, Store
from lab.cluster.addresses import ClusterIpError, ClusterIps
from lab.cluster.file.servicechecks import HEADLESS, WITH_NODE_PORTS
from lab.cluster.nodeports import NodePortsUsedUpError, free_port
from lab.control.controllers.ipaddresses import is_followed

Json = dict[str, Any]


class Allocation:
    """Who has which; it follows the store, so that what is gone is free again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ips = ClusterIps("10.96.0.0/12")  # kubeadm's default, until a topology says another
        self._ports: dict[int, str] = {}
        store.listen(self._heard)

    def use(self, cidr: str) -> None:
        """Addresses come from this range from now on. Those that Services have are theirs, inside it or not."""
        self._ips = ClusterIps(cidr)
        for item in self._store.each(SERVICES):
            if address := _address(item):
                self._ips.hold(address, _full_name(item))
        for item in self._store.each(IPADDRESSES):
            self._reserve(item)

    def admit(self, resource: Resource, new: Json, old: Json | None) -> Json:
        """The object with what it is given. ApiError 422 for an address or port that is not to be had."""
        if resource is not SERVICES:
            return new
        return self._with_node_ports(self._with_address(new, old), old)

    def _with_address(self, new: Json, old: Json | None) -> Json:
        spec = new["spec"]
        if spec.get("type") == "ExternalName":
            return {
                **new,
                "spec": {key: value for key, value in spec.items() if key not in ("clusterIP", "clusterIPs")},
            }
        before = old["spec"].get("clusterIP", "") if old else ""
        address = spec.get("clusterIP") or before
        if address == HEADLESS or (address and address == before):
            return _with_ip(new, address)
        owner = _full_name(new)
        try:
            if address:
                self._ips.check(address, owner)
            else:
                address = self._ips.next(owner)
        except ClusterIpError as mistake:
            told = f"failed to allocate IP {address}: {mistake}"
            message = f'Invalid value: ["{address}"]: {told}'
            raise invalid(SERVICES, new["metadata"]["name"], [Cause("spec.clusterIPs", message)]) from None
        return _with_ip(new, address)

    def _with_node_ports(self, new: Json, old: Json | None) -> Json:
        spec = new["spec"]
        if spec.get("type") not in WITH_NODE_PORTS:
            return new
        name = _full_name(new)
        before = _node_ports(old) if old else {}
        taken = set(self._ports)
        ports = []
        causes = []
        for i, port in enumerate(spec.get("ports", ())):
            owner = _port_owner(name, port.get("name", ""), port.get("protocol", "TCP"))
            number = port.get("nodePort") or before.get(owner, 0)
            if number and self._ports.get(number, name) != name:
                told = f"Invalid value: {number}: provided port is already allocated"
                causes.append(Cause(f"spec.ports[{i}].nodePort", told))
            if not number and spec.get("allocateLoadBalancerNodePorts", True) is not False:
                number = self._free(taken, owner, new)
            if number:
                taken.add(number)
            ports.append({**port, "nodePort": number} if number else port)
        if causes:
            raise invalid(SERVICES, new["metadata"]["name"], causes)
        made = {**spec, "ports": ports}
        local = spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
        if local and not spec.get("healthCheckNodePort"):
            kept = (old or {}).get("spec", {}).get("healthCheckNodePort", 0)
            made["healthCheckNodePort"] = kept or self._free(taken, f"{name}/health", new)
        return {**new, "spec": made}

    def _free(self, taken: set[int], owner: str, new: Json) -> int:
        try:
            number = free_port(taken, owner)
        except NodePortsUsedUpError as mistake:
            raise invalid(SERVICES, new["metadata"]["name"], [Cause("spec.ports", str(mistake))]) from None
        taken.add(number)
        return number

    def _reserve(self, item: Json) -> None:
        """An address that people took away by an IPAddress of their own is given to no Service."""
        name = item["metadata"]["name"]
        if ":" not in name and not is_followed(item):
            self._ips.hold(name, f"the IPAddress {name}")

    def _heard(self, change: Change) -> None:
        if change.resource is IPADDRESSES and change.type == "DELETED" and not is_followed(change.object):
            self._ips.release(change.key[1])
        elif change.resource is IPADDRESSES:
            self._reserve(change.object)
        if change.resource is not SERVICES:
            return
        for item, taken in ((change.previous, False), (change.object if change.type != "DELETED" else None, True)):
            if item is None:
                continue
            name = _full_name(item)
            address = _address(item)
            if address and taken:
                self._ips.hold(address, name)
            elif address:
                self._ips.release(address)
            numbers = {port["nodePort"] for port in item["spec"].get("ports", ()) if port.get("nodePort")}
            for number in numbers | ({item["spec"].get("healthCheckNodePort", 0)} - {0}):
                if taken:
                    self._ports[number] = name
                else:
                    self._ports.pop(number, None)


def _address(item: Json) -> str:
    address = str(item["spec"].get("clusterIP", ""))
    return "" if address == HEADLESS else address


def _full_name(item: Json) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def _port_owner(service: str, port: str, protocol: str) -> str:
    """Whose node port it is: a port, by its name ("" if it has none), of the Service `NAMESPACE/NAME`."""
    return f"{service}:{port}/{protocol}"


def _with_ip(item: Json, address: str) -> Json:
    return {**item, "spec": {**item["spec"], "clusterIP": address, "clusterIPs": [address]}}


def _node_ports(item: Json) -> dict[str, int]:
    name = _full_name(item)
    return {
        _port_owner(name, port.get("name", ""), port.get("protocol", "TCP")): port["nodePort"]
        for port in item["spec"].get("ports", ())
        if port.get("nodePort")
    }
