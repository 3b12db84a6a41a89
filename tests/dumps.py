"""Archives as the scripts of `collect` write them, of clusters that were never there."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def archive(path: Path, folder: str, files: dict[str, str | bytes], *, packed: bool = True) -> str:
    """One archive with these files in its folder; its path."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in {"about.txt": f"format=1\nname={folder.removeprefix('hoplab-node-')}\n", **files}.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    path.write_bytes(gzip.compress(made.getvalue(), 1) if packed else made.getvalue())
    return str(path)


def listed(items: Iterable[Json]) -> str:
    """As `kubectl get -o json` prints a list."""
    return json.dumps(
        {"apiVersion": "v1", "items": [*items], "kind": "List", "metadata": {"resourceVersion": ""}}, indent=4
    )


def node(name: str, address: str, pod_cidr: str = "", **annotations: str) -> Json:
    spec = {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]} if pod_cidr else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {key.replace("__", "/"): text for key, text in annotations.items()}},
        "spec": spec,
        "status": {"addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]},
    }


def namespace(name: str, uid: str = "") -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": uid or f"uid-of-{name}"}}


def pod(name: str, where: str, address: str, app: str = "", **spec: Any) -> Json:
    """`NAMESPACE/NAME`; `app` is its label."""
    namespace_, _, short = name.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": short,
            "namespace": namespace_,
            "uid": f"uid-{short}",
            "labels": {"app": app} if app else {},
        },
        "spec": {
            "nodeName": where,
            "containers": [
                {
                    "name": "server",
                    "image": "registry.example/server:1.2",
                    "env": [{"name": "PASSWORD", "value": "secret"}],
                    "resources": {},
                }
            ],
            "serviceAccountName": "default",
            **spec,
        },
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def service(name: str, address: str, app: str, port: int = 80, target: int | str = 8080) -> Json:
    namespace_, _, short = name.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": short, "namespace": namespace_},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "selector": {"app": app} if app else None,
            "ports": [{"name": "http", "port": port, "protocol": "TCP", "targetPort": target}],
        },
        "status": {"loadBalancer": {}},
    }


def slice_(name: str, addresses: Iterable[tuple[str, str]], port: int = 8080) -> Json:
    """The EndpointSlice of a Service, of addresses and their nodes."""
    namespace_, _, short = name.partition("/")
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{short}-abcde",
            "namespace": namespace_,
            "labels": {"kubernetes.io/service-name": short},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": True}, "nodeName": where} for address, where in addresses
        ],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }


def large(folder: Path, nodes: int, pods_each: int, services: int) -> None:
    """A cluster of Calico with nodes in subnets of 50, each collected, as 500 nodes with 10,000 pods are."""
    names = [f"worker-{i:03}" for i in range(nodes)]
    addresses = [f"10.{1 + i // 50}.0.{10 + i % 50}" for i in range(nodes)]
    blocks = [f"10.{128 + i // 1024}.{i // 4 % 256}.{i % 4 * 64}" for i in range(nodes)]
    pods, behind = [], [[] for _ in range(services)]  # type: list[Json], list[list[tuple[str, str]]]
    for i in range(nodes):
        base, _, last = blocks[i].rpartition(".")
        for j in range(pods_each):
            which = (i * pods_each + j) % services
            address = f"{base}.{int(last) + 1 + j}"
            behind[which].append((address, names[i]))
            pods.append(_padded(pod(f"shop-{which % 20}/web-{i}-{j}", names[i], address, f"app-{which}")))
    archive(
        folder / "cluster.tar.gz",
        "hoplab-cluster",
        {
            "nodes.json": listed(
                node(name, address, projectcalico_org__IPv4Address=f"{address}/24")
                for name, address in zip(names, addresses, strict=True)
            ).replace("projectcalico_org", "projectcalico.org"),
            "namespaces.json": listed(namespace(f"shop-{i}") for i in range(20)),
            "pods.json": listed(pods),
            "services.json": listed(
                service(f"shop-{i % 20}/app-{i}", f"10.96.{1 + i // 250}.{1 + i % 250}", f"app-{i}")
                for i in range(services)
            ),
            "endpointslices.json": listed(slice_(f"shop-{i % 20}/app-{i}", found) for i, found in enumerate(behind)),
            "ippools.json": listed(
                [
                    {
                        "metadata": {"name": "default"},
                        "spec": {
                            "cidr": "10.128.0.0/12",
                            "vxlanMode": "CrossSubnet",
                            "ipipMode": "Never",
                            "natOutgoing": True,
                            "blockSize": 26,
                        },
                    }
                ]
            ),
        },
    )
    kube_proxy = "".join(_rules(services, behind))
    for i, name in enumerate(names):
        archive(folder / f"{name}.tar.gz", f"hoplab-node-{name}", _machine(i, addresses, blocks, kube_proxy))


def _padded(one: Json) -> Json:
    """As long as pods are: volumes, tolerations, conditions, statuses of containers."""
    one["spec"]["volumes"] = [
        {"name": f"volume-{i}", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}] * 3}}
        for i in range(4)
    ]
    one["spec"]["tolerations"] = [
        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300}
    ] * 3
    one["status"]["containerStatuses"] = [
        {"name": "server", "imageID": "sha256:" + "0" * 64, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    ] * 3
    return one


def _rules(services: int, behind: list[list[tuple[str, str]]]) -> Iterator[str]:
    yield "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n"
    yield '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES\n'
    for i in range(services):
        yield f":KUBE-SVC-{i:016} - [0:0]\n"
        for address, _ in behind[i]:
            comment = f'-m comment --comment "shop/app-{i}:http -> {address}:8080"'
            yield f"-A KUBE-SVC-{i:016} {comment} -j KUBE-SEP-{i:016}\n"
    yield "COMMIT\n"


def _machine(i: int, addresses: list[str], blocks: list[str], kube_proxy: str) -> dict[str, str | bytes]:
    prefix = addresses[i].rpartition(".")[0]
    eth = {"ifname": "ens192", "mtu": 1500, "address": f"02:00:00:00:{i // 256:02x}:{i % 256:02x}"}
    routes: list[Json] = [
        {
            "dst": "default",
            "gateway": f"{prefix}.254",
            "dev": "ens192",
            "protocol": "dhcp",
            "prefsrc": addresses[i],
            "metric": 100,
        },
        {"dst": f"{prefix}.0/24", "dev": "ens192", "protocol": "kernel", "scope": "link", "prefsrc": addresses[i]},
    ]
    for j, block in enumerate(blocks):
        if j == i:
            routes.append({"type": "blackhole", "dst": f"{block}/26", "protocol": "80"})
        elif addresses[j].startswith(f"{prefix}."):
            routes.append({"dst": f"{block}/26", "gateway": addresses[j], "dev": "ens192", "protocol": "80"})
        else:
            routes.append({"dst": f"{block}/26", "gateway": block, "dev": "vxlan.calico", "flags": ["onlink"]})
    own = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i ens192 -p tcp -m tcp --dport 9999 -j DROP\nCOMMIT\n"
    return {
        "addresses.json": json.dumps(
            [{**eth, "addr_info": [{"family": "inet", "local": addresses[i], "prefixlen": 24}]}]
        ),
        "links.json": json.dumps(
            [
                eth,
                {
                    "ifname": "vxlan.calico",
                    "mtu": 1450,
                    "linkinfo": {"info_kind": "vxlan", "info_data": {"id": 4096, "port": 4789}},
                },
            ]
        ),
        "routes.json": json.dumps(routes),
        "iptables.txt": kube_proxy + own,
        "sysctl.txt": "net.ipv4.ip_forward = 1\n",
        "notes.txt": "",
    }
