"""`rules`: what kube-proxy would program on a node for a cluster's objects, without a lab."""

from __future__ import annotations

import gc

from lab import terminal
from lab.errors import UsageError
from lab.tasks.commandline import inputs
from lab.tasks.commandline.task import Context, Exit, command

DIFFERENT = 1
MOST = 1 << 30  # bytes; the largest clusters have a tenth of it


@command(
    help={
        "file": "Services, EndpointSlices, Nodes: YAML or JSON, as kubectl get -A -o yaml prints; - is standard input.",
        "node": "The node whose rules are meant.",
        "proxy": "kube-proxy's mode: iptables, nftables or ipvs.",
        "explain": "The meaning beside each rule, as comments; what is printed can be loaded all the same.",
        "diff": "Instead: what is missing, stale or foreign on a node, whose iptables-save (or nft list) this file is.",
        "cluster-cidr": "kube-proxy's option: the pods' network, so that traffic from outside is masqueraded.",
        "masquerade-all": "kube-proxy's option: all traffic to ClusterIPs is masqueraded.",
        "nodeport-addresses": "kube-proxy's option: prefixes of node addresses that serve node ports, or primary.",
        "iptables-localhost-nodeports": "kube-proxy's option, true or false: node ports answer on 127.0.0.1 (true).",
        "ipvs-scheduler": "kube-proxy's option: how IPVS chooses an endpoint (rr).",
        "node-ip": "The node's own address; without it, the InternalIP of its Node. After commas others that it has.",
    },
)
def rules(
    _: Context,
    file: str = "",
    node: str = "",
    proxy: str = "iptables",
    explain: bool = False,
    diff: str = "",
    cluster_cidr: str = "",
    masquerade_all: bool = False,
    nodeport_addresses: str = "",
    iptables_localhost_nodeports: str = "true",
    ipvs_scheduler: str = "rr",
    node_ip: str = "",
) -> None:
    """Print what kube-proxy 1.37 (in ipvs mode 1.34) would program on a node for these objects. Needs no lab and no
    privileges.

    With --diff: status 0 no difference, 1 there is one, 2 usage.
    """
    from lab.network.kubeproxy import standalone  # noqa: PLC0415  # pydantic and the rest, for this task alone

    gc.disable()  # millions of values of a large dump, none of which goes before the end: looking at them takes longest
    if not file or not node:
        given = "--file OBJECTS.yaml --node NAME"
        raise UsageError(f"{'--node' if file else '--file'} is missing", f"./inv rules {given}")
    if file == diff == "-":
        raise UsageError("standard input cannot be both the objects and the node's rules", "give one of them a file")
    options = standalone.Options(
        proxy,
        cluster_cidr,
        masquerade_all,
        nodeport_addresses,
        iptables_localhost_nodeports,
        node_ip,
        ipvs_scheduler,
    ).checked()
    asked = standalone.rules_of(_text(file), inputs.name(file), node, options)
    for warning in asked.warnings:
        terminal.warn(f"warning: {warning}")
    if not diff:
        terminal.data(asked.text(explained=explain))
        return
    compared = asked.compared(_text(diff), inputs.name(diff))
    for note in compared.notes:
        terminal.out(f"note: {note}")
    terminal.out("\n".join(compared.differences or (f"no difference: {asked.summary}",)))
    if compared.differences:
        raise Exit(code=DIFFERENT)


def _text(file: str) -> str:
    return inputs.text(file, "- reads standard input", most=MOST)
