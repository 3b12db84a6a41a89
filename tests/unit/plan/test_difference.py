"""desired, actual → steps, as a table: what is there, what should be, what is done about it."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest

from lab.network.objects import (
    Address,
    Chain,
    FdbEntry,
    Interface,
    IpSet,
    Listener,
    Namespace,
    Neighbour,
    Network,
    Object,
    Process,
    Route,
    Rule,
    Sysctl,
    Vxlan,
)
from lab.network.place_names import UNDERLAY
from lab.plan import RuleStep, Step, plan

NODE = Namespace("node-0", "node", intent="a node")
POD = Namespace("ns/pod", "pod", node="node-0")
CALI = Interface("node-0", "cali1", "veth", "ee:ee:ee:ee:ee:ee", 1450, peer_place="ns/pod", peer_name="eth0")
ETH0 = Interface(
    "ns/pod", "eth0", "veth", "02:00:00:00:00:01", 1450, peer_place="node-0", peer_name="cali1", primary=False
)
ADDRESS = Address("ns/pod", "eth0", "10.244.0.2/32")
TO_POD = Route("node-0", "10.244.0.2/32", device="cali1", scope="link")
UPLINK = Interface("node-0", "eth0", "veth", "02:00:00:00:00:02", 1500, peer_place=UNDERLAY, peer_name="node-0")
PORT = Interface(
    UNDERLAY, "node-0", "veth", "02:00:00:00:00:03", 1500, master="subnet", peer_place="node-0", peer_name="eth0",
    primary=False,
)  # fmt: skip
BRIDGE = Interface(UNDERLAY, "subnet", "bridge", "02:00:00:00:00:04", 1500)
TUNNEL = Interface(
    "node-0", "vxlan.calico", "vxlan", "66:00:00:00:00:01", 1450, vxlan=Vxlan(4096, 4789, "10.0.1.10", "eth0")
)
NEIGHBOUR = Neighbour("node-0", "vxlan.calico", "10.244.0.64", "66:00:00:00:00:02")
FDB = FdbEntry("node-0", "vxlan.calico", "66:00:00:00:00:02", "10.0.1.11")
FORWARD = Sysctl("node-0", "net.ipv4.ip_forward", "1")
CALI_ARP = Sysctl("node-0", "net.ipv4.conf.cali1.proxy_arp", "1")
SET = IpSet("node-0", "pools", "hash:net", ("10.244.0.0/16",))
INPUT = Chain("node-0", "filter", "INPUT", (Rule("-j MINE"),), "ACCEPT")
MINE = Chain("node-0", "filter", "MINE", (Rule("-p tcp -j ACCEPT"), Rule("-j DROP")))
SERVER = Listener("ns/pod", "tcp", 8080, "pod")
PROGRAM = Process("ns/pod", "program", ("sleep", "9"), config="a")

ALL: tuple[Object, ...] = (
    NODE, POD, BRIDGE, PORT, UPLINK, TUNNEL, CALI, ETH0, FORWARD, CALI_ARP, ADDRESS, TO_POD,
    NEIGHBOUR, FDB, SET, INPUT, MINE, SERVER, PROGRAM,
)  # fmt: skip


def without(*gone: Object) -> tuple[Object, ...]:
    return tuple(item for item in ALL if item not in gone)


def instead(*others: Object) -> tuple[Object, ...]:
    changed = {item.key: item for item in others}
    return tuple(changed.get(item.key, item) for item in ALL)


def told(desired: tuple[Object, ...], actual: tuple[Object, ...]) -> list[str]:
    """The steps in short: `add route node-0 10.244.0.2/32`."""
    lines = []
    for step in plan(Network(desired), Network(actual)).steps:
        if isinstance(step, RuleStep):
            lines += [f"{change.action} {' '.join(change.chain.key)}" for change in step.changes]
        elif isinstance(step, Step):
            lines.append(f"{step.action} {' '.join(step.object.key)}")
    return lines


MENDED = [
    ("nothing differs", ALL, []),
    ("a route is missing", without(TO_POD), ["add route node-0 10.244.0.2/32"]),
    ("a route leads elsewhere", instead(replace(TO_POD, via="10.0.0.9")), ["change route node-0 10.244.0.2/32"]),
    ("a foreign route", (*ALL, Route("node-0", "1.0.0.0/8", via="10.0.0.9")), ["remove route node-0 1.0.0.0/8"]),
    ("an address is missing", without(ADDRESS), ["add address ns/pod eth0 10.244.0.2/32"]),
    (
        "an address of another length",
        (*without(ADDRESS), replace(ADDRESS, address="10.244.0.2/24")),
        ["remove address ns/pod eth0 10.244.0.2/24", "add address ns/pod eth0 10.244.0.2/32"],
    ),
    ("a setting", instead(replace(FORWARD, value="0")), ["change sysctl node-0 net.ipv4.ip_forward"]),
    ("a foreign setting is nobody's", (*ALL, Sysctl("node-0", "net.ipv4.tcp_syncookies", "0")), []),
    ("a link is down", instead(replace(UPLINK, up=False)), ["change link node-0 eth0"]),
    ("a port left its bridge", instead(replace(PORT, master="")), [f"change link {UNDERLAY} node-0"]),
    (
        "a tunnel's MAC: the neighbours behind it go with it",
        instead(replace(TUNNEL, mac="66:00:00:00:00:09")),
        ["change link node-0 vxlan.calico", "add neighbour node-0 vxlan.calico 10.244.0.64"],
    ),
    (
        "a tunnel of another number is made anew, with all that hangs on it",
        instead(replace(TUNNEL, vxlan=Vxlan(1, 4789, "10.0.1.10", "eth0"))),
        [
            "remove link node-0 vxlan.calico",
            "add link node-0 vxlan.calico",
            "add neighbour node-0 vxlan.calico 10.244.0.64",
            "add fdb node-0 vxlan.calico 66:00:00:00:00:02",
        ],
    ),
    (
        "a pod's cable is cut",
        without(CALI, ETH0, ADDRESS, TO_POD, CALI_ARP),
        [
            "add link node-0 cali1",
            "add sysctl node-0 net.ipv4.conf.cali1.proxy_arp",
            "add route node-0 10.244.0.2/32",
            "add link ns/pod eth0",
            "add address ns/pod eth0 10.244.0.2/32",
        ],
    ),
    (
        "one end of the cable bears another name",
        (*without(ETH0, ADDRESS), replace(ETH0, name="renamed"), replace(ADDRESS, device="renamed")),
        [
            "remove link node-0 cali1",
            "add link node-0 cali1",
            "add sysctl node-0 net.ipv4.conf.cali1.proxy_arp",
            "add route node-0 10.244.0.2/32",
            "add link ns/pod eth0",
            "add address ns/pod eth0 10.244.0.2/32",
        ],
    ),
    ("a foreign link", (*ALL, Interface("node-0", "mine", "bridge", "", 1500)), ["remove link node-0 mine"]),
    ("a set is empty", instead(replace(SET, members=())), ["change ipset node-0 pools"]),
    ("a chain is empty", instead(replace(MINE, rules=())), ["change chain node-0 filter MINE"]),
    ("a policy", instead(replace(INPUT, policy="DROP")), ["change chain node-0 filter INPUT"]),
    ("a foreign chain", (*ALL, Chain("node-0", "nat", "FOREIGN")), ["remove chain node-0 nat FOREIGN"]),
    (
        "a built-in chain that nobody asked for is emptied, not removed",
        (*ALL, Chain("node-0", "nat", "OUTPUT", (Rule("-j DROP"),), "DROP")),
        ["change chain node-0 nat OUTPUT"],
    ),
    ("an empty built-in chain is as it should be", (*ALL, Chain("node-0", "nat", "OUTPUT", (), "ACCEPT")), []),
    ("a server is dead", without(SERVER), ["add listener ns/pod tcp 8080"]),
    ("a program reads something new", instead(replace(PROGRAM, config="b")), ["change process ns/pod program"]),
    ("a program nobody asked for", (*ALL, replace(PROGRAM, name="old")), ["remove process ns/pod old"]),
]


@pytest.mark.parametrize(("actual", "steps"), [row[1:] for row in MENDED], ids=[row[0] for row in MENDED])
def test_what_is_done_about_it(actual: tuple[Object, ...], steps: list[str]) -> None:
    assert told(ALL, actual) == steps


def test_from_nothing_everything_is_added_place_by_place_and_each_after_what_it_stands_on() -> None:
    steps = plan(Network(ALL), Network()).steps
    assert all(not isinstance(step, Step) or step.action == "add" for step in steps)
    places = [step.place for step in steps if not (isinstance(step, Step) and isinstance(step.object, Namespace))]
    assert [place for place, _ in groupby(places)] == [UNDERLAY, "node-0", "ns/pod"]
    ranks = [step.object.rank for step in steps if isinstance(step, Step) and step.place == "node-0"]
    assert ranks == sorted(ranks)


def test_a_place_that_goes_takes_along_what_is_in_it_and_the_far_end_of_its_cable_is_removed() -> None:
    smaller = tuple(item for item in ALL if item.place != "ns/pod" and item not in (CALI, TO_POD, CALI_ARP))
    steps = told(smaller, ALL)
    assert "remove netns ns/pod" in steps
    assert not [line for line in steps if line.startswith("add")], "nothing is built for it"
    assert not [line for line in steps if "address" in line or "route" in line], "those go by themselves"


def test_a_pod_that_is_on_another_node_when_its_own_goes_loses_its_end_of_the_old_cable_first() -> None:
    """The kernel empties a namespace at its leisure: until then the pod has an eth0 already."""
    other = Namespace("node-1", "node")
    cable = replace(CALI, place="node-1")
    moved = (other, POD, cable, replace(ETH0, peer_place="node-1"), ADDRESS)
    steps = told(moved, (NODE, POD, CALI, ETH0, ADDRESS))
    removed = next(at for at, line in enumerate(steps) if line.startswith("remove link ns/pod eth0"))
    added = next(at for at, line in enumerate(steps) if line.startswith("add link node-1 cali1"))
    assert removed < added, steps
    assert [line for line in steps if line.startswith("add address ns/pod")], steps


def test_intents_are_not_compared() -> None:
    assert not plan(Network(ALL), Network((replace(NODE, intent="something else"), *ALL[1:])))


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Step("add", replace(TO_POD, intent="pod here")), "pod here"),
        (Step("add", TO_POD), "missing"),
        (Step("remove", TO_POD), "not in the file"),
        (Step("change", FORWARD, replace(FORWARD, value="0")), "value is 0, should be 1"),
        (
            Step("change", replace(TO_POD, intent="pod"), replace(TO_POD, via="10.0.0.1")),
            "pod: via is 10.0.0.1, should be none",
        ),
    ],
)
def test_each_step_says_why(step: Step, reason: str) -> None:
    assert step.reason == reason
