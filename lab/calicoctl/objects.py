"""Calico's objects, made of what the lab has: fields, and their order, as libcalico-go's types have them.

An IPPool has no uid and no resourceVersion: it is the topology's, and no object of the lab's API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lab.calicoctl.seen import Json, Node, Pool, Seen, container_id
from lab.network.naming import calico_device

VERSION = "projectcalico.org/v3"


def pools(seen: Seen) -> list[Json]:
    began = datetime.fromtimestamp(seen.began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [_pool(one, began) for one in seen.pools]


def nodes(seen: Seen) -> list[Json]:
    known = {one["metadata"]["name"]: one for one in seen.api_nodes}
    return [_node(one, known[one.name], seen.tunnel) for one in seen.nodes if one.name in known]


def workload_endpoints(seen: Seen) -> list[Json]:
    """One for every pod that is on a node."""
    return [_workload_endpoint(pod) for pod in seen.pods if pod["spec"].get("nodeName")]


def endpoint_name(node: str, pod: str) -> str:
    """Dashes within a part are doubled."""
    return "-".join(part.replace("-", "--") for part in (node, "k8s", pod, "eth0"))


def endpoint_parts(name: str) -> list[str]:
    """The parts of such a name."""
    return [part.replace("\0", "-") for part in name.replace("--", "\0").split("-")]


def _pool(pool: Pool, began: str) -> Json:
    return _object(
        "IPPool",
        {"name": pool.name, "creationTimestamp": began},
        {
            "cidr": pool.cidr,
            "vxlanMode": pool.mode("VXLAN"),
            "ipipMode": pool.mode("IPIP"),
            **({"natOutgoing": True} if pool.nat_outgoing else {}),
            "blockSize": pool.block,
            "nodeSelector": "all()",
            "allowedUses": ["Workload", "Tunnel"],
            "assignmentMode": "Automatic",
        },
    )


def _node(node: Node, known: Json, tunnel: str) -> Json:
    metadata, labels = known["metadata"], known["metadata"].get("labels") or {}
    told = json.dumps(labels, sort_keys=True, separators=(",", ":"))
    bgp = {"ipv4Address": node.address, **({"ipv4IPIPTunnelAddr": node.tunnel} if tunnel == "ipip" else {})}
    vxlan = {"ipv4VXLANTunnelAddr": node.tunnel, "vxlanTunnelMACAddr": node.tunnel_mac} if tunnel == "vxlan" else {}
    addresses = [{"address": node.address, "type": "CalicoNodeIP"}]
    addresses += [
        {"address": one["address"], "type": one["type"]}
        for one in known.get("status", {}).get("addresses", ())
        if one["type"] in ("InternalIP", "ExternalIP")
    ]
    made = _object(
        "Node",
        {
            "name": node.name,
            **_kept(metadata, "uid", "resourceVersion", "creationTimestamp"),
            "labels": dict(sorted(labels.items())),
            "annotations": {"projectcalico.org/kube-labels": told},
        },
        {
            "bgp": bgp,
            **vxlan,
            "orchRefs": [{"nodeName": node.name, "orchestrator": "k8s"}],
            **({"wireguard": {"interfaceIPv4Address": node.wireguard}} if node.wireguard else {}),
            "addresses": addresses,
        },
    )
    ranges = known["spec"].get("podCIDRs")
    key = {"wireguardPublicKey": node.public_key} if node.public_key else {}
    return {**made, "status": {**key, **({"podCIDRs": ranges} if ranges else {})}}


def _workload_endpoint(pod: Json) -> Json:
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    namespace, account = metadata["namespace"], str(spec.get("serviceAccountName") or "")
    labels = {
        **(metadata.get("labels") or {}),
        "projectcalico.org/namespace": namespace,
        "projectcalico.org/orchestrator": "k8s",
        **({"projectcalico.org/serviceaccount": account} if account else {}),
    }
    profiles = [f"kns.{namespace}", *([f"ksa.{namespace}.{account}"] if account else [])]
    finished = status.get("phase") in ("Succeeded", "Failed")
    networks = [] if finished else [f"{one['ip']}/32" for one in status.get("podIPs", ())]
    ports = list(_ports(spec))
    return _object(
        "WorkloadEndpoint",
        {
            "name": endpoint_name(spec["nodeName"], metadata["name"]),
            **_kept(metadata, "generateName", "namespace", "uid", "resourceVersion", "creationTimestamp"),
            "labels": dict(sorted(labels.items())),
        },
        {
            "orchestrator": "k8s",
            "node": spec["nodeName"],
            "containerID": container_id(pod),
            "pod": metadata["name"],
            "endpoint": "eth0",
            **({"serviceAccountName": account} if account else {}),
            **({"ipNetworks": networks} if networks else {}),
            "profiles": profiles,
            "interfaceName": calico_device(namespace, metadata["name"]),
            **({"ports": ports} if ports else {}),
        },
    )


def _ports(spec: Json) -> Iterator[Json]:
    """The ports of its containers that have a name or are the node's as well."""
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        for port in container.get("ports", ()):
            if port.get("name") or port.get("hostPort"):
                yield {
                    "name": port.get("name", ""),
                    "protocol": port.get("protocol") or "TCP",
                    "port": port["containerPort"],
                    "hostPort": port.get("hostPort", 0),
                    "hostIP": port.get("hostIP", ""),
                }


def _kept(metadata: Json, *names: str) -> Json:
    return {name: metadata[name] for name in names if name in metadata}


def _object(kind: str, metadata: Json, spec: Json) -> Json:
    return {"kind": kind, "apiVersion": VERSION, "metadata": metadata, "spec": spec}


def listed(kind: str, items: list[Json], revision: str) -> Json:
    """As a list of that kind."""
    metadata = {"resourceVersion": revision} if revision else {}
    return {"kind": f"{kind}List", "apiVersion": VERSION, "metadata": metadata, "items": items}


def exported(made: Json) -> Json:
    """Without what is this cluster's own (`--export`)."""
    own = ("namespace", "uid", "resourceVersion", "creationTimestamp")
    kept = {name: value for name, value in made["metadata"].items() if name not in own}
    return {**made, "metadata": kept}


def to_json(made: Any) -> str:  # noqa: ANN401  an object or a list of them
    """As Go writes it, without an end of the line."""
    text = json.dumps(made, indent=2, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def to_yaml(made: Any) -> str:  # noqa: ANN401
    """As Go's YAML writes it: members sorted, double quotes about what would be no text without."""
    if made is None:
        return "null\n"
    import yaml  # noqa: PLC0415  # only this output needs it

    class Writer(yaml.SafeDumper):
        """With Go's quotes."""

    def text(writer: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        tag = writer.resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
        style = '"' if tag != "tag:yaml.org,2002:str" or not value else None
        return writer.represent_scalar("tag:yaml.org,2002:str", value, style)

    Writer.add_representer(str, text)
    return str(yaml.dump(made, Dumper=Writer, sort_keys=True, width=1 << 20))
