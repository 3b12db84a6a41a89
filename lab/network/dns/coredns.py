"""The real CoreDNS in a DNS pod's container, as kubeadm sets it up.

It learns the cluster from the API server alone, which it finds as every program in a pod does: by two variables and
three files that kubelet gives to the pod's service account.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.network.dns.oci import bundle, digest, run_command
from lab.network.ipv4 import Prefix
from lab.network.objects import File, Object, Process

if TYPE_CHECKING:
    from lab.cluster.objects import Pod
    from lab.network.ipam import Addresses
    from lab.topology.schema import Topology

PORT = 53
API_PORT = 443
PROGRAM = "/coredns"  # where the official image has it
CONFIG = "/etc/coredns/Corefile"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
RELOAD = "SIGUSR1"
# CoreDNS ends at once; at SIGTERM it would go on answering for the five seconds of its lameduck.
STOP = "SIGQUIT"


@dataclass(frozen=True, slots=True)
class Given:
    """What the servers are given that does not follow from the topology.

    `program` is the path of CoreDNS on this machine, `corefile` the current text of the ConfigMap kube-system/coredns
    ("" for the usual one), `ca` (PEM) and `token` are those of the API server.
    """

    program: str = "coredns"
    corefile: str = ""
    ca: str = ""
    token: str = ""


NOTHING = Given()


def corefile(topology: Topology) -> str:
    """The Corefile that kubeadm writes: it caches no name of the cluster, so that changes are answered at once."""
    zone = topology.spec.dns.domain
    return f"""\
.:{PORT} {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {zone} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success {zone}
       disable denial {zone}
    }}
    loop
    reload
    loadbalance
}}
"""


def server(topology: Topology, addresses: Addresses, pod: Pod, given: Given) -> Iterator[Object]:
    """The container of one DNS pod. Another Corefile is read again by the program that runs."""
    files = {
        CONFIG: given.corefile or corefile(topology),
        "/etc/resolv.conf": f"nameserver {addresses.resolver}\n",
        f"{SERVICE_ACCOUNT}/ca.crt": given.ca,
        f"{SERVICE_ACCOUNT}/namespace": pod.namespace,
        f"{SERVICE_ACCOUNT}/token": given.token,
    }
    environment = {
        "KUBERNETES_SERVICE_HOST": Prefix.of(topology.spec.services.cidr).address(1),
        "KUBERNETES_SERVICE_PORT": str(API_PORT),
    }
    argv = (PROGRAM, "-conf", CONFIG)
    made = tuple(bundle(pod.place, pod.name, argv, files, {PROGRAM: given.program}, environment))
    read_again = [item for item in made if isinstance(item, File) and item.path.endswith(CONFIG)]
    yield from made
    yield Process(
        pod.place,
        "coredns",
        run_command(pod.place),
        digest(item for item in made if item not in read_again),
        pod.place,
        reload=digest(read_again),
        reload_signal=RELOAD,
        stop_signal=STOP,
        # A first connection to the API server that fails is tried again only after a second.
        needs_network=True,
        ready_udp=PORT,
        ready_name=topology.spec.dns.domain,
        intent="DNS server of the cluster",
    )
