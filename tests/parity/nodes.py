"""Kubernetes' own kube-proxy in the nodes of a lab, in the stead of the lab's, and what each has made there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dev.kubeproxy import program
from lab.network.kubeproxy.standalone import Options
from tests.integration.labs import Lab, until
from tests.integration.living import Api, kubeconfig
from tests.parity.lines import lines_of
from tests.parity.population import CLUSTER_CIDR, NODES

Json = dict[str, Any]

SERVER = "https://10.0.1.10:6443"  # the API's own address: there is no Service before kube-proxy has made one
SECONDS = 90.0
PRINTED_BY = {"iptables": ("iptables-save",), "nftables": ("nft", "-s", "list", "table", "ip", "kube-proxy")}

READ = {
    "Node": "v1",
    "Service": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "ServiceCIDR": "networking.k8s.io/v1",
}
"""What a kube-proxy reads, by kind, and of which version."""

# Nothing of another kube-proxy stays: `--cleanup` leaves KUBE-FIREWALL, which it takes for kubelet's.
SCRIPT = """
set -e
mkdir -p /tmp/kube-proxy && cd /tmp/kube-proxy && cat > kubeconfig
"$1" --cleanup > cleanup.log 2>&1
if iptables -F KUBE-FIREWALL 2> /dev/null; then
    for chain in INPUT OUTPUT; do iptables -D $chain -j KUBE-FIREWALL; done
    iptables -X KUBE-FIREWALL
fi
if iptables-save -t filter | grep KUBE-; then exit 1; fi
if iptables-save -t nat | grep KUBE-; then exit 1; fi
if nft list table ip kube-proxy 2> /dev/null; then exit 1; fi
printf '%s' "$2" > config.yaml
exec "$1" --config config.yaml > log 2>&1
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """kube-proxy's options."""

    cluster_cidr: str = CLUSTER_CIDR
    masquerade_all: bool = False
    nodeport_addresses: tuple[str, ...] = ()
    localhost_nodeports: bool = True

    def given(self, mode: str, node: str) -> str:
        """As its configuration says them."""
        told = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": mode,
            "hostnameOverride": node,
            "clientConnection": {"kubeconfig": "/tmp/kube-proxy/kubeconfig"},
            "clusterCIDR": self.cluster_cidr,
            "nodePortAddresses": list(self.nodeport_addresses),
            "iptables": {"masqueradeAll": self.masquerade_all, "localhostNodePorts": self.localhost_nodeports},
            "nftables": {"masqueradeAll": self.masquerade_all},
            # A place's limits of connections are the lab's.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
        return json.dumps(told)

    def asked(self, mode: str) -> Options:
        """As `rules` takes them."""
        return Options(
            mode,
            self.cluster_cidr,
            self.masquerade_all,
            ",".join(self.nodeport_addresses),
            "true" if self.localhost_nodeports else "false",
        ).checked()


def printed(lab: Lab, node: str, mode: str) -> list[str]:
    """What the node has of a kube-proxy, line by line; none where there is nothing yet."""
    done = lab.exec_(node, *PRINTED_BY[mode])
    return lines_of(mode, done.out) if done.status == 0 else []


@contextmanager
def real_proxies(lab: Lab, mode: str, settings: Settings) -> Iterator[None]:
    """For the block; the lab's own are stopped, and what others made is gone."""
    lab_s_own = kubeconfig(lab).read_text(encoding="ascii")
    server = next(line.split()[1] for line in lab_s_own.splitlines() if "server:" in line)
    given = lab_s_own.replace(server, SERVER).encode()
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for node in NODES:
            started = lab.start_exec(node, "sh", "-c", SCRIPT, "sh", str(program()), settings.given(mode, node))
            assert started.stdin is not None
            started.stdin.write(given)
            started.stdin.close()
            started.stdin = None
            running[node] = started
        for node, one in running.items():
            until(lambda one=one, node=node: _works(one, lab, node, mode), f"{node} has rules", SECONDS)  # type: ignore[misc]
        yield
    finally:
        for one in running.values():
            one.terminate()
            one.communicate(timeout=SECONDS)


def _works(one: subprocess.Popen[bytes], lab: Lab, node: str, mode: str) -> bool:
    assert one.poll() is None, f"kube-proxy in {node} has ended: {one.communicate()}"
    return bool(printed(lab, node, mode))


def recorded(api: Api) -> Json:
    """What a kube-proxy reads of the API, as a List, without what is another one each time."""
    items = [
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": _only(item["metadata"], "name", "namespace", "labels"),
            **_only(item, "spec", "addressType", "endpoints", "ports"),
            "status": _only(item.get("status", {}), "addresses", "loadBalancer"),
        }
        for kind, version in READ.items()
        for item in api.list(kind)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _only(told: Json, *keys: str) -> Json:
    return {key: told[key] for key in keys if key in told}
