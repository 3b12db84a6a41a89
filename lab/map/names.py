"""Who answers names in a lab, as its readers see it: the cluster's DNS, and the names of the lab's own internet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dns:
    """The cluster's DNS: its domain, the ClusterIP that pods ask, and the pods (places) behind it. `outside` is the
    internet's resolver, which machines ask.
    """

    domain: str = "cluster.local"
    service_ip: str = ""
    pods: tuple[str, ...] = ()
    outside: str = ""

    def search(self, namespace: str) -> tuple[str, ...]:
        """The search list in the resolv.conf of the namespace's pods."""
        return (f"{namespace}.svc.{self.domain}", f"svc.{self.domain}", self.domain)


@dataclass(frozen=True, slots=True)
class HostName:
    """A name of the lab's own internet and the address its resolver gives."""

    name: str
    address: str
