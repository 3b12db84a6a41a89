"""ClusterIPs: those that Services ask for, and those that are given out."""

from __future__ import annotations

from hashlib import blake2b
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from lab.topology.yaml.document import shown

API_SERVER, DNS = 1, 10  # the addresses of the range that Kubernetes' own Services have


class ClusterIpError(ValueError):
    """The address cannot be a Service's: str() is the problem, `remedy` what would be right."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


class ClusterIps:
    """The addresses of the Services' range and who has them."""

    def __init__(self, cidr: str) -> None:
        self._network = IPv4Network(cidr)
        self._base = int(self._network.network_address)
        self._reserved = {self._base + API_SERVER: "default/kubernetes", self._base + DNS: "kube-system/kube-dns"}
        self._owners = dict(self._reserved)

    @property
    def api_server(self) -> str:
        """That of default/kubernetes."""
        return str(self._network[API_SERVER])

    @property
    def dns(self) -> str:
        """The cluster's DNS, which every pod's resolv.conf names."""
        return str(self._network[DNS])

    def check(self, text: str, owner: str) -> str:
        """The address as the owner may have it: it is in the range, and nobody else's. Raises ClusterIpError."""
        try:
            address = IPv4Address(text)
        except AddressValueError:
            raise ClusterIpError(f"{shown(text)} is not an IPv4 address", "leave it out to be given one") from None
        first, last = self._network[1], self._network[-2]
        if not first <= address <= last:
            raise ClusterIpError(f"{address} is not in the Services' range {self._network}", f"use {first} to {last}")
        other = self._owners.get(int(address), owner)
        if other != owner:
            raise ClusterIpError(f"{address} is already the address of {other}", "choose another, or leave it out")
        return str(address)

    def take(self, text: str, owner: str) -> str:
        """The address that a manifest asks for, which is the owner's from now on. Raises ClusterIpError."""
        address = self.check(text, "")
        self.hold(address, owner)
        return address

    def hold(self, text: str, owner: str) -> None:
        """That address is the owner's, whether it is in the range or not."""
        self._owners[int(IPv4Address(text))] = owner

    def release(self, text: str) -> None:
        """That address is nobody's any longer; those of Kubernetes' own Services are always kept for them."""
        number = int(IPv4Address(text))
        self._owners.pop(number, None)
        self._owners |= {key: name for key, name in self._reserved.items() if key == number}

    @property
    def free(self) -> int:
        """How many addresses have no owner."""
        size = self._network.num_addresses
        return size - 2 - sum(0 < number - self._base < size - 1 for number in self._owners)

    @property
    def used_up(self) -> ClusterIpError:
        """The error of whoever gets none."""
        return ClusterIpError(f"the Services' range {self._network} is used up", "make spec.services.cidr larger")

    def next(self, owner: str) -> str:
        """A free address. It follows from the owner's name, so that other Services coming or going do not move it.

        The lower part of the range is kept for addresses that people choose, as Kubernetes does.
        """
        size = self._network.num_addresses
        kept = min(max(16, size // 16), 256)
        kept = kept if size - 1 > kept else 1
        start = int.from_bytes(blake2b(owner.encode(), digest_size=8).digest()) % (size - 1 - kept)
        for step in range(size):
            number = self._base + (kept + start + step) % size
            if number not in self._owners and 0 < number - self._base < size - 1:
                return str(IPv4Address(number))
        raise self.used_up
