"""Golden files: what nodes, routers and gateway of every topology hold, as `ip`, `bridge` and `iptables-save` say.

Write them anew with HOPLAB_WRITE_GOLDEN=1, then read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lab.network.design import assign, design
from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    Interface,
    IpSet,
    Namespace,
    Neighbour,
    Network,
    Object,
    Route,
    Sysctl,
)
from lab.topology import load_topology
from tests.clusters import cluster_of

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "network"
TOPOLOGIES = sorted(path.stem for path in (ROOT / "topologies").glob("*.yaml"))
TABLES = ("raw", "mangle", "nat", "filter")


@cache
def network(name: str) -> Network:
    path = ROOT / "topologies" / f"{name}.yaml"
    loaded = load_topology(path.read_text(), path.name, lambda other: (path.parent / other).read_text())
    cluster = cluster_of(loaded)
    return design(loaded.topology, cluster, assign(loaded.topology, cluster))


def described(place: str, objects: Network) -> str:
    """The place's part of the design, a section per command that would show it."""
    own = [item for item in objects if item.place == place]
    sections = [
        ("links and addresses", links(own)),
        ("routes", map(route, (item for item in own if isinstance(item, Route)))),
        ("neighbours", (f"{n.address} dev {n.device} lladdr {n.mac}" for n in own if isinstance(n, Neighbour))),
        ("forwarding", (f"{e.mac} dev {e.device} dst {e.remote}" for e in own if isinstance(e, FdbEntry))),
        ("settings", (f"{s.name}={s.value}" for s in own if isinstance(s, Sysctl))),
        ("ip sets", (f"{s.name} {s.type} {' '.join(s.members)}".rstrip() for s in own if isinstance(s, IpSet))),
        ("rules", saved([item for item in own if isinstance(item, Chain)])),
    ]
    filled = ((title, list(lines)) for title, lines in sections)
    return "\n".join("\n".join([f"## {title}", *lines, ""]) for title, lines in filled if lines)


def links(own: list[Object]) -> Iterator[str]:
    for item in own:
        if not isinstance(item, Interface):
            continue
        words = [item.name, item.kind, "mtu", str(item.mtu), *(["mac", item.mac] if item.mac else [])]
        words += [*(["master", item.master] if item.master else []), *(["hairpin"] if item.hairpin else [])]
        if item.vxlan:
            vxlan = item.vxlan
            words += ["id", str(vxlan.vni), "dstport", str(vxlan.port), "local", vxlan.local, "dev", vxlan.device]
        if item.peer_place:
            words += ["peer", f"{item.peer_place}:{item.peer_name}"]
        held = (other for other in own if isinstance(other, Address) and other.device == item.name)
        yield " ".join([*words, *(f"inet {other.address}" for other in held)])


def route(item: Route) -> str:
    words = [item.destination] if item.type == "unicast" else [item.type, item.destination]
    words += ["via", item.via] if item.via else []
    words += ["dev", item.device] if item.device else []
    words += [] if item.proto == "boot" else ["proto", item.proto]
    words += [] if item.scope == "global" else ["scope", item.scope]
    return " ".join([*words, *(["onlink"] if item.onlink else [])])


def saved(chains: list[Chain]) -> Iterator[str]:
    for table in TABLES:
        held = [chain for chain in chains if chain.table == table]
        if held:
            yield f"*{table}"
            yield from (f":{chain.name} {chain.policy or '-'}" for chain in held)
            yield from (f"-A {chain.name} {rule.text}" for chain in held for rule in chain.rules)


def places(name: str) -> list[str]:
    kinds = ("node", "router", "gateway")
    return [item.place for item in network(name) if isinstance(item, Namespace) and item.kind in kinds]


@pytest.mark.parametrize(("topology", "place"), [(name, place) for name in TOPOLOGIES for place in places(name)])
def test_a_place_holds_what_its_golden_file_says(topology: str, place: str) -> None:
    golden = GOLDEN / topology / f"{place}.txt"
    made = described(place, network(topology))
    if os.environ.get("HOPLAB_WRITE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(made)
    assert made == golden.read_text(), f"{place} of {topology} changed; if it should, write {golden.name} anew"
