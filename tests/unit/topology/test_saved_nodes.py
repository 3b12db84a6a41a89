"""Whole dumps of real machines as firewalls: what is loaded of them, and whose is what is not.

The files are in tests/golden/saved: what iptables-save and ipset save print on a Calico node, a kubeadm node with
flannel, a machine with docker and libvirt, one with firewalld's iptables back end, and one with ufw.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.network.design import assign, design
from lab.network.objects import Chain, IpSet, Network
from lab.topology import LoadedFile, load_topology
from lab.topology.firewall.chain_owners import household
from lab.topology.firewall.ipset_save import SavedSet, read_sets
from tests.clusters import cluster_of
from tests.effort import Effort

SAVED = Path(__file__).parents[2] / "golden" / "saved"
HEAD = "apiVersion: hoplab/v1\nkind: Topology\nmetadata: {name: lab}\nspec:\n"
CALICO = "{on: node-0, rulesFile: calico.rules, setsFile: calico.sets}"


def load(firewall: str, *spec: str) -> LoadedFile:
    text = "".join((HEAD, *(f"  {line}\n" for line in spec), f"  firewalls: [{firewall}]\n"))
    return load_topology(text, "lab.yaml", lambda name: (SAVED / name).read_text(encoding="utf-8"))


def designed(loaded: LoadedFile) -> Network:
    cluster = cluster_of(loaded)
    return design(loaded.topology, cluster, assign(loaded.topology, cluster))


def chains(network: Network, place: str = "node-0") -> dict[tuple[str, str], Chain]:
    return {(one.table, one.name): one for one in network if isinstance(one, Chain) and one.place == place}


def sets(network: Network, place: str = "node-0") -> dict[str, IpSet]:
    return {one.name: one for one in network if isinstance(one, IpSet) and one.place == place}


def authors(chain: Chain) -> list[str]:
    return [rule.text for rule in chain.rules if rule.intent.startswith("firewall of")]


def test_on_a_node_with_calico_a_calico_nodes_own_rules_stand_among_those_of_the_labs_components() -> None:
    loaded = load(CALICO)
    found = chains(designed(loaded))
    assert authors(found["filter", "INPUT"]) == [
        '-m set --match-set blocklist src -m comment --comment "abuse desk" -j node-blocklist',
        "-p tcp -m tcp --dport 9100 -m set ! --match-set monitors src,dst -j REJECT --reject-with tcp-reset",
    ]
    first, second = (found["filter", "INPUT"].rules[at] for at in (0, -1))
    assert [first.text, second.text] == authors(found["filter", "INPUT"]), "above Calico's jump, and below all"
    assert first.intent == "firewall of node-0 (calico.rules:71)"
    assert authors(found["filter", "FORWARD"]) == [], "what Calico itself puts there is left out"
    assert found["filter", "FORWARD"].policy == "DROP"
    assert ("filter", "cali-pi-_Aqb1EvlJ6WgZUmXjvUt") not in found
    assert ("mangle", "KUBE-KUBELET-CANARY") not in found
    assert len(authors(found["security", "OUTPUT"])) == 2
    assert loaded.warnings == (
        "calico.rules: 47 lines of Calico and 31 of kube-proxy are left out: what node-0 has of that, its components "
        "in the lab make",
    )


def test_its_sets_come_from_the_file_and_those_of_calico_from_the_lab() -> None:
    found = sets(designed(load(CALICO)))
    assert found["blocklist"].type == "hash:net", "what it remembers of traffic is no part of it"
    assert found["blocklist"].members == ("198.51.100.99", "203.0.113.100 nomatch", "203.0.113.64/26")
    assert found["monitors"].members == ("10.0.1.11,tcp:9100", "10.0.1.12,tcp:9100")
    assert found["cali40masq-ipam-pools"].members == ("10.244.0.0/16",), "the lab's own"
    assert "blocklist6" not in found
    assert not [name for name in found if name.startswith("cali40s:")]


def test_what_a_component_left_that_the_node_has_not_is_loaded_with_its_sets() -> None:
    loaded = load(CALICO, "cni: {plugin: flannel}", "services: {proxy: nftables}")
    network = designed(loaded)
    assert ("filter", "cali-INPUT") in chains(network)
    assert "-j cali-INPUT" in authors(chains(network)["filter", "INPUT"])[1]
    assert ("nat", "KUBE-SVC-XPGD46QRK7WJZT7O") in chains(network), "kube-proxy in nftables mode cleans up nothing"
    assert sets(network)["cali40masq-ipam-pools"].members == ("192.168.0.0/16",)
    assert "cali40s:ZxGbTDG7Ne5yzmEEZQ0Jdhg" in sets(network)
    assert loaded.warnings == (
        "calico.rules: 7 lines of kubelet are left out: what node-0 has of that, its components in the lab make",
        "calico.rules: 47 lines of Calico and 24 of kube-proxy are loaded as they are, as leftovers: no component of "
        "node-0 makes such",
    )


def test_a_router_has_no_components_of_its_own() -> None:
    found = chains(designed(load("{on: router, rulesFile: kubeadm-flannel.rules}")), "router")
    assert {"FLANNEL-FWD", "KUBE-FORWARD", "CNI-ADMIN"} <= {name for _, name in found}


@pytest.mark.parametrize("name", ["docker-libvirt", "firewalld", "ufw"])
@pytest.mark.parametrize("place", ["node-0", "router"])
def test_what_has_nothing_of_kubernetes_is_loaded_whole(name: str, place: str) -> None:
    given_sets = f", setsFile: {name}.sets" if (SAVED / f"{name}.sets").exists() else ""
    loaded = load(f"{{on: {place}, rulesFile: {name}.rules{given_sets}}}")
    assert loaded.warnings == ()
    found = chains(designed(loaded), place)
    lines = (SAVED / f"{name}.rules").read_text(encoding="utf-8").splitlines()
    assert sum(len(authors(chain)) for chain in found.values()) == sum(line.startswith("-A ") for line in lines)
    declared = [line.split()[0][1:] for line in lines if line.startswith(":") and " - " in line]
    assert set(declared) <= {chain for _, chain in found}


def test_a_set_of_sets_comes_after_those_in_it() -> None:
    network = designed(load("{on: node-1, rulesFile: firewalld.rules, setsFile: firewalld.sets}"))
    names = [name for name in sets(network, "node-1") if not name.startswith("cali")]
    assert names == ["intruders", "ports", "all-intruders"]


def test_what_counts_of_a_set() -> None:
    text = (
        "create a hash:ip,port family inet hashsize 64 maxelem 9 timeout 60 counters comment skbinfo\n"
        'add a 192.0.2.1,tcp:80 timeout 3 packets 1 bytes 60 comment "two words"\n'
        "add a 192.0.2.1,tcp:80\n\n"
        "create b hash:ip family inet netmask 24\n# no set's\ncreate c bitmap:port range 0-1023\nadd c 22\n"
        "create mine hash:net\nadd mine 0.0.0.0/1 nomatch\n"
    )
    read = read_sets(text, "x", lambda name: name == "mine")
    assert (read.mistakes, read.left_out) == ([], 1)
    assert read.sets == [
        SavedSet("a", "hash:ip,port", ("192.0.2.1,tcp:80",)),
        SavedSet("b", "hash:ip netmask 24", ()),
        SavedSet("c", "bitmap:port range 0-1023", ("22",)),
    ]


@given(st.text(max_size=120), st.sampled_from(["", "create a hash:net\nadd a ", "create "]))
def test_any_text_is_sets_or_mistakes_with_their_line(text: str, begin: str) -> None:
    read = read_sets(begin + text, "x", lambda _: False)
    for mistake in read.mistakes:
        assert 1 <= mistake.line <= (begin + text).count("\n") + 1
        assert mistake.problem
    for one in read.sets:
        assert "\n" not in "".join((one.name, one.type, *one.members))


def test_a_large_dump_is_read_in_little_time() -> None:
    """3,000 rules and 15,000 members, in what 0.3 ms for each of them would be."""
    rules = "".join(f"-A MINE -s 10.{i >> 8}.{i & 255}.0/24 -p tcp -m tcp --dport 80 -j DROP\n" for i in range(3_000))
    members = "".join(f"add many 10.{i >> 8}.{i & 255}.0/24\n" for i in range(15_000))
    texts = {
        "x.rules": f"*filter\n:MINE - [0:0]\n{rules}COMMIT\n",
        "x.sets": f"create many hash:net\n{members}",
    }
    text = f"{HEAD}  firewalls: [{{on: node-0, rulesFile: x.rules, setsFile: x.sets}}]\n"
    with Effort() as effort:
        loaded = load_topology(text, "lab.yaml", texts.__getitem__)
    assert len(loaded.topology.spec.firewalls[0].sets[0].members) == 15_000
    assert effort.ms < 5400


@pytest.mark.parametrize(
    "cni",
    [
        *(f"{{encapsulation: {one}}}" for one in ("VXLAN", "VXLANCrossSubnet", "IPIP", "IPIPCrossSubnet", "None")),
        "{ipPools: [{cidr: 10.244.0.0/17, encapsulation: None}, {cidr: 10.244.128.0/17, encapsulation: IPIP}]}",
        "{ipPools: [{cidr: 10.244.0.0/17, encapsulation: VXLAN}, {cidr: 10.244.128.0/17, encapsulation: None}]}",
    ],
)
def test_calicos_sets_that_rules_may_name_are_those_that_it_makes(cni: str) -> None:
    loaded = load("", f"cni: {cni}")
    assert household(loaded.topology.spec, "node-0").sets == tuple(sets(designed(loaded)))
