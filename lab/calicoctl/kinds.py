"""The kinds that `get` knows: their names, columns and objects; and those of which a lab has nothing.

Source: resourcemgr of calicoctl 3.32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.calicoctl import objects
from lab.calicoctl.seen import Json, Seen

AS_NUMBER = "64512"  # what a mesh has where nobody set another

Cell = Callable[[Json], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """`shown` and `wide` are headings, `cells` what stands under each; `missing` what the API says of an object that is
    not there, with its name.
    """

    kind: str
    names: tuple[str, ...]
    namespaced: bool
    shown: tuple[str, ...]
    wide: tuple[str, ...]
    cells: Mapping[str, Cell]
    items: Callable[[Seen], list[Json]]
    missing: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A kind of which a lab has no objects: what there is instead."""

    kind: str
    names: tuple[str, ...]
    instead: str


def _name(one: Json) -> str:
    return str(one["metadata"]["name"])


def _spec(field: str, otherwise: str = "") -> Cell:
    return lambda one: str(one["spec"].get(field, otherwise))


def _joined(field: str) -> Cell:
    return lambda one: ",".join(one["spec"].get(field, ()))


def _flag(field: str) -> Cell:
    return lambda one: "true" if one["spec"].get(field) else "false"


KINDS = (
    Kind(
        "IPPool",
        ("ippool", "ippools", "ipp", "ipps", "pool", "pools"),
        False,
        ("NAME", "CIDR", "SELECTOR"),
        (
            *("NAME", "CIDR", "NAT", "IPIPMODE", "VXLANMODE"),
            *("DISABLED", "DISABLEBGPEXPORT", "SELECTOR", "ASSIGNMENTMODE"),
        ),
        {
            "NAME": _name,
            "CIDR": _spec("cidr"),
            "NAT": _flag("natOutgoing"),
            "IPIPMODE": _spec("ipipMode", "Never"),
            "VXLANMODE": _spec("vxlanMode", "Never"),
            "DISABLED": _flag("disabled"),
            "DISABLEBGPEXPORT": _flag("disableBGPExport"),
            "SELECTOR": _spec("nodeSelector"),
            "ASSIGNMENTMODE": _spec("assignmentMode"),
        },
        objects.pools,
        'ippools.crd.projectcalico.org "{}" not found',
    ),
    Kind(
        "Node",
        ("node", "nodes", "no", "nos"),
        False,
        ("NAME",),
        ("NAME", "ASN", "IPV4", "IPV6"),
        {
            "NAME": _name,
            "ASN": lambda _: f"({AS_NUMBER})",
            "IPV4": lambda one: str(one["spec"]["bgp"]["ipv4Address"]),
            "IPV6": lambda _: "",
        },
        objects.nodes,
        'nodes "{}" not found',
    ),
    Kind(
        "WorkloadEndpoint",
        ("workloadendpoint", "workloadendpoints", "wep", "weps"),
        True,
        ("WORKLOAD", "NODE", "NETWORKS", "INTERFACE"),
        ("NAME", "WORKLOAD", "NODE", "NETWORKS", "INTERFACE", "PROFILES", "NATS"),
        {
            "NAME": _name,
            "NAMESPACE": lambda one: str(one["metadata"]["namespace"]),
            "NODE": _spec("node"),
            "ORCHESTRATOR": _spec("orchestrator"),
            "WORKLOAD": _spec("pod"),
            "NETWORKS": _joined("ipNetworks"),
            "NATS": _joined("ipNATs"),
            "PROFILES": _joined("profiles"),
            "INTERFACE": _spec("interfaceName"),
        },
        objects.workload_endpoints,
        'pods "{}" not found',
    ),
)

_POLICIES = "`./inv exec node-0 -- iptables-save -t filter` shows the chains cali-… of a node"
_ROUTERS = "`./inv calicoctl -- node status` lists a node's peers, `./inv exec router -- ip route` what routers know"
_RULES = "the topology's spec.cni says what can be chosen: docs/topology.md"

ABSENT = (
    Absent("BGPConfiguration", ("bgpconfiguration", "bgpconfigurations", "bgpconfig", "bgpconfigs"), _ROUTERS),
    Absent("BGPFilter", ("bgpfilter", "bgpfilters", "bgpf", "bgpfs", "bf", "bfs"), _ROUTERS),
    Absent("BGPPeer", ("bgppeer", "bgppeers", "bgpp", "bgpps", "bp", "bps"), _ROUTERS),
    Absent(
        "ClusterInformation",
        ("clusterinformation", "clusterinformations", "clusterinfo", "clusterinfos"),
        "`./inv calicoctl -- version` tells what it would say",
    ),
    Absent(
        "FelixConfiguration",
        ("felixconfiguration", "felixconfigurations", "felixconfig", "felixconfigs"),
        _RULES,
    ),
    Absent("GlobalNetworkPolicy", ("globalnetworkpolicy", "globalnetworkpolicies", "gnp", "gnps"), _POLICIES),
    Absent("GlobalNetworkSet", ("globalnetworkset", "globalnetworksets", "gnetsets"), _POLICIES),
    Absent("HostEndpoint", ("hostendpoint", "hostendpoints", "hep", "heps"), _POLICIES),
    Absent("IPReservation", ("ipreservation", "ipreservations", "reservation", "reservations"), _RULES),
    Absent(
        "KubeControllersConfiguration",
        (
            *("kubecontrollersconfiguration", "kubecontrollersconfigurations"),
            *("kubecontrollersconfig", "kubecontrollersconfigs"),
        ),
        "`./inv component.list` lists what runs",
    ),
    Absent(
        "NetworkPolicy",
        ("networkpolicy", "networkpolicies", "policy", "np", "policies", "pol", "pols"),
        _POLICIES,
    ),
    Absent("NetworkSet", ("networkset", "networksets", "netsets"), _POLICIES),
    Absent(
        "Profile",
        ("profile", "profiles", "pro", "pros"),
        "`./inv calicoctl -- get workloadendpoints -A -o wide` names those of each pod; " + _POLICIES,
    ),
    Absent(
        "StagedGlobalNetworkPolicy",
        ("stagedglobalnetworkpolicy", "stagedglobalnetworkpolicies", "sgnp", "sgnps"),
        _POLICIES,
    ),
    Absent(
        "StagedKubernetesNetworkPolicy",
        (
            *("stagedkubernetesnetworkpolicy", "stagedkubernetesnetworkpolicies", "stagedkubernetespolicy"),
            *("sknp", "stagedkubernetespolicies", "skpol", "skpols"),
        ),
        _POLICIES,
    ),
    Absent(
        "StagedNetworkPolicy",
        (
            *("stagednetworkpolicy", "stagednetworkpolicies", "stagedpolicy", "snp"),
            *("stagedpolicies", "spol", "spols"),
        ),
        _POLICIES,
    ),
    Absent("Tier", ("tier", "tiers"), _POLICIES),
)


def found(typed: str) -> Kind | Absent | None:
    """The kind of that name, upper and lower case being the same."""
    return next((one for one in (*KINDS, *ABSENT) if typed.lower() in one.names), None)
