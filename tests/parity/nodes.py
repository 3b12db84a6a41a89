"""Kubernetes' own kube-proxy in the nodes of a lab, in the stead of the lab's, and what each has made there."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dev.kubeproxy import program, version_of
from lab.network.kubeproxy.standalone import Options
from tests.integration.labs import Lab, finish, until
from tests.integration.living import Api, kubeconfig
from tests.parity.lines import lines_of
from tests.parity.population import ADDRESSES, CLUSTER_CIDR, NODES

Json = dict[str, Any]

SERVER = "https://10.0.1.10:6443"  # the API's own address: there is no Service before kube-proxy has made one
SECONDS = 900.0  # the slowest of them are in a machine that is emulated, on two cores that have other work
IPVS_PRINTED = """
for tool in 'ip -4 -oneline address show dev kube-ipvs0' 'ipset save' 'ipvsadm -Sn' iptables-save; do
    echo "### $tool"
    $tool || exit 1
done
"""
PRINTED_BY = {
    "iptables": ("iptables-save",),
    "nftables": ("nft", "-s", "list", "table", "ip", "kube-proxy"),
    "ipvs": ("sh", "-c", IPVS_PRINTED),
}

READ = {
    "Node": "v1",
    "Service": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "ServiceCIDR": "networking.k8s.io/v1",
}
"""What a kube-proxy reads, by kind, and of which version."""

# Nothing of another kube-proxy stays; but in ipvs mode, which takes its time, the real one finds its own work again, as
# it does on a node. A copy of the program: through a virtual machine's window each of its pages takes its time.
SCRIPT = """
set -e
mkdir -p /tmp/kube-proxy && cd /tmp/kube-proxy && cat > kubeconfig
if [ ! -e kube-proxy ] || ! ip link show kube-ipvs0 > /dev/null 2>&1; then
    iptables-save > before
    grep -v KUBE- before | iptables-restore
    if nft list table ip kube-proxy > /dev/null 2>&1; then nft delete table ip kube-proxy; fi
    if ip link show kube-ipvs0 > /dev/null 2>&1; then
        ip link del kube-ipvs0
        ipvsadm --clear
        ipset list -n | grep KUBE- | sed 's/^/destroy /' | ipset restore
    fi
    cp "$1" kube-proxy
fi
printf '%s' "$2" > config.yaml
echo clean
exec ./kube-proxy --config config.yaml > log 2>&1
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """kube-proxy's options."""

    cluster_cidr: str = CLUSTER_CIDR
    masquerade_all: bool = False
    nodeport_addresses: tuple[str, ...] = ()
    localhost_nodeports: bool = True
    scheduler: str = "rr"

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
            "ipvs": {"scheduler": self.scheduler},
            # A place's limits of connections are the lab's.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }
        return json.dumps(told)

    def asked(self, mode: str, node: str) -> Options:
        """As `rules` takes them."""
        return Options(
            mode,
            self.cluster_cidr,
            self.masquerade_all,
            ",".join(self.nodeport_addresses),
            "true" if self.localhost_nodeports else "false",
            ADDRESSES[node],
            self.scheduler,
        ).checked()


def printed(lab: Lab, node: str, mode: str) -> list[str]:
    """What the node has of a kube-proxy, line by line; none where there is nothing yet."""
    done = finish(lab.start_exec(node, *PRINTED_BY[mode]), seconds=SECONDS)
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
            made = str(program(version_of(mode)))
            started = lab.start_exec(node, "sh", "-c", SCRIPT, "sh", made, settings.given(mode, node))
            assert started.stdin is not None
            started.stdin.write(given)
            started.stdin.close()
            started.stdin = None
            running[node] = started
        for node, one in running.items():
            assert _first_line(one) == b"clean\n", f"another kube-proxy's work stays in {node}: {_ended(one)}"
            until(lambda one=one, node=node: _works(one, lab, node, mode), f"{node} has rules", SECONDS)  # type: ignore[misc]
        yield
    finally:
        for one in running.values():
            one.terminate()
            one.communicate(timeout=SECONDS)


def _first_line(one: subprocess.Popen[bytes]) -> bytes:
    """b"" where it ends, or its time is over, before it has said anything."""
    assert one.stdout is not None
    return one.stdout.readline() if select.select([one.stdout], [], [], SECONDS)[0] else b""


def _ended(one: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    one.terminate()
    return one.communicate(timeout=SECONDS)


def _works(one: subprocess.Popen[bytes], lab: Lab, node: str, mode: str) -> bool:
    assert one.poll() is None, f"kube-proxy in {node} has ended: {_ended(one)}"
    return bool(printed(lab, node, mode))


def recorded(api: Api) -> Json:
    """What a kube-proxy reads of the API, as a List, without what is another one each time."""
    items = [
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": _only(item["metadata"], "name", "namespace", "labels"),
            **_only(item, "spec", "addressType", "ports"),
            **({"endpoints": [_without_uid(one) for one in item["endpoints"]]} if item.get("endpoints") else {}),
            "status": _only(item.get("status", {}), "addresses", "loadBalancer"),
        }
        for kind, version in READ.items()
        for item in api.list(kind)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _without_uid(endpoint: Json) -> Json:
    if "targetRef" not in endpoint:
        return endpoint
    return {**endpoint, "targetRef": _only(endpoint["targetRef"], "kind", "namespace", "name")}


def _only(told: Json, *keys: str) -> Json:
    return {key: told[key] for key in keys if key in told}
