"""The rules of a Calico node's pods: what may go in and out of each, and the chains that find them by the pod's device.

Without policies a pod is allowed by its profiles: kns (its namespace: all is allowed) and ksa (its service account,
which has no opinion).
Source: felix/rules (endpoints, dispatch), and saved rules of real nodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from lab.network.calico.felix import (
    ACCEPT_MARK,
    Template,
    chain_name,
    goto,
    hashed,
    mark,
    plain,
    protocol,
    set_mark,
    template,
    to_ports,
)
from lab.network.objects import Chain

SERVICE_ACCOUNT = "default"
VERDICT_MARKS = "0x30000"  # accept and pass

_ACCEPTED = mark(ACCEPT_MARK, ACCEPT_MARK)
_UNKNOWN = template("-j DROP", comment="Unknown interface")
_NO_PROFILE = template("-j DROP", comment="Drop if no profiles matched")
_START = (
    template("-j ACCEPT", plain("-m conntrack --ctstate RELATED,ESTABLISHED"), intent="known connections and replies"),
    template("-j DROP", plain("-m conntrack --ctstate INVALID"), intent="belongs to no connection"),
    template(set_mark("0", VERDICT_MARKS), intent="no verdict yet"),
)


@lru_cache(maxsize=1 << 11)
def pod_chains(node: str, device: str, pod: str, vxlan_port: int) -> tuple[Chain, Chain]:
    """A pod's own chains: to it (cali-tw) and from it (cali-fw). `pod` is its place."""
    namespace = pod.partition("/")[0]
    to_name, from_name = chain_name("cali-tw-", device), chain_name("cali-fw-", device)
    ingress, egress = hashed(to_name, _to_pod(namespace)), hashed(from_name, _from_pod(namespace, vxlan_port))
    return (
        Chain(node, "filter", to_name, ingress, intent=f"ingress rules of {pod}"),
        Chain(node, "filter", from_name, egress, intent=f"egress rules of {pod}"),
    )


@lru_cache(maxsize=1 << 10)
def profile_chains(node: str, namespace: str) -> tuple[Chain, ...]:
    """The profiles of a namespace: all in, all out, by the namespace's own; nothing by the service account's."""
    made = []
    for way, prefix in (("ingress", "cali-pri-"), ("egress", "cali-pro-")):
        profile = f"kns.{namespace}"
        name = chain_name(prefix, profile)
        allow = template(set_mark(ACCEPT_MARK, ACCEPT_MARK), comment=f"Profile {profile} {way}")
        intent = f"{way} of namespace {namespace}: allowed"
        made.append(Chain(node, "filter", name, hashed(name, (allow,)), intent=intent))
        profile = f"ksa.{namespace}.{SERVICE_ACCOUNT}"
        name = chain_name(prefix, profile)
        silent = template("", comment=f"Profile {profile} {way}")
        intent = f"{way} of a service account: no opinion"
        made.append(Chain(node, "filter", name, hashed(name, (silent,)), intent=intent))
    return tuple(made)


@lru_cache(maxsize=1 << 7)
def dispatch_chains(node: str, pods: tuple[tuple[str, str], ...]) -> tuple[Chain, ...]:
    """From a pod's device to its chains; `pods` are (device, place), sorted.

    Devices that begin alike share a chain of their own, so that a packet passes few rules on a node with many pods.
    """
    groups = _groups(pods)
    made = []
    for way, option, prefix in (("from", "-i", "cali-fw-"), ("to", "-o", "cali-tw-")):
        root = f"cali-{way}-wl-dispatch"
        rules: list[Template] = []
        for start, members in groups.items():
            gotos = [
                goto(option, device, chain_name(prefix, device), f"{way} pod {place}") for device, place in members
            ]
            if len(members) == 1:
                rules += gotos
                continue
            child = f"{root}-{start[-1]}"
            rules.append(goto(option, f"{start}+", child, f"{way} one of {len(members)} pods"))
            intent = f"{way} which of the pods at {start}…?"
            made.append(Chain(node, "filter", child, hashed(child, (*gotos, _UNKNOWN)), intent=intent))
        made.append(Chain(node, "filter", root, hashed(root, (*rules, _UNKNOWN)), intent=f"{way} which pod?"))
    return tuple(made)


def _groups(pods: tuple[tuple[str, str], ...]) -> dict[str, list[tuple[str, str]]]:
    """Pods by the prefix of their devices that tells them apart first."""
    common = 0
    if len(pods) > 1:
        # Sorted: what the first and the last have in common, all have.
        pairs = zip(pods[0][0], pods[-1][0], strict=False)
        common = next((index for index, (one, other) in enumerate(pairs) if one != other), 0)
    groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for device, place in pods:
        groups[device[: common + 1]].append((device, place))
    return groups


@lru_cache(maxsize=1 << 10)
def _to_pod(namespace: str) -> tuple[Template, ...]:
    return (*_START, *_profiles("cali-pri-", namespace), _NO_PROFILE)


@lru_cache(maxsize=1 << 10)
def _from_pod(namespace: str, vxlan_port: int) -> tuple[Template, ...]:
    vxlan = template(
        "-j DROP",
        protocol(17, "udp"),
        to_ports(vxlan_port),
        comment="Drop VXLAN encapped packets originating in workloads",
        intent="a pod may not send VXLAN itself",
    )
    ipip = template(
        "-j DROP",
        protocol(4, "ipencap"),
        comment="Drop IPinIP encapped packets originating in workloads",
        intent="a pod may not send IPIP itself",
    )
    return (*_START, vxlan, ipip, *_profiles("cali-pro-", namespace), _NO_PROFILE)


def _profiles(prefix: str, namespace: str) -> Iterator[Template]:
    for profile in (f"kns.{namespace}", f"ksa.{namespace}.{SERVICE_ACCOUNT}"):
        yield template(f"-j {chain_name(prefix, profile)}", intent=f"profile {profile}")
        yield template("-j RETURN", _ACCEPTED, comment="Return if profile accepted")
