"""Every fault that shows in a lab, once, on a place that chance draws: its symptom shows, a trace names where the
cause is, and clearing it leaves nothing.

    fault.inject ──▶ the request that it breaks is lost ──▶ a second `up` keeps it ──▶ fault.clear ──▶ an empty plan

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from lab.agent.client.calls import connect
from lab.faults.catalogue import FAULTS
from lab.faults.ground import Ground
from lab.trace.journey import DELIVERED, Journey
from lab.trace.trace import trace
from tests.integration.labs import ROOT, Lab, inv, standing, until
from tests.unit.faults.test_faults import DESIGNS, SETTINGS

SEED = random.SystemRandom().randrange(1, 10**6)
AT_ONCE = {"after": 0.0, "lasting": 0.0, "flapping": 0.0}
OUTSIDE, WEB = "www.example.com:80", "203.0.113.80:80"
LARGE = 20_000
# What no request shows by itself: what follows from it does, later.
SILENT = {"kube-proxy-dead", "kubelet-dead", "dns-down"}
# Of two DNS servers that are asked by turns, each must have it.
ON_ALL = {"dns-upstream-dead", "dns-loop"}


@dataclass(frozen=True)
class Asking:
    source: str
    to: str
    size: int = 0

    def made(self, lab: str) -> Journey:
        return trace(lab, self.source, self.to, size=self.size)


def askings(name: str, place: str, ground: Ground) -> Iterator[Asking]:
    """Requests of which at least one is to be lost."""
    pods = {pod: ground.node_of(pod) for pod in ground.pods}
    here = [pod for pod, node in pods.items() if node == place]
    far = [
        pod
        for pod, node in pods.items()
        if node == (ground.others(place)[0] if place in ground.addresses.nodes else "")
    ]
    if name in ("conntrack-full", "gateway-down", "masquerade-missing"):
        yield Asking(here[0] if here else "namespace001/pod-0", WEB)
    elif name in ON_ALL:
        yield Asking("namespace001/pod-0", OUTSIDE)
    elif name in ("wrong-search-list", "dns-policy-default", "proxy-leftovers"):
        yield Asking(here[0] if here else place, "myapp.namespace001")
    elif name == "dns-race":
        yield from [Asking(here[0], OUTSIDE)] * 4
    elif name == "duplicate-mac":
        beside = next(pod for pod, node in pods.items() if node == pods[place] and pod != place)
        yield from [Asking(place, beside), Asking(beside, place)] * 3
    elif name in ("server-dead", "server-on-loopback"):
        yield Asking(next(pod for pod in pods if pod != place), place)
    elif name == "duplicate-address":
        yield Asking(place, next(pod for pod, node in pods.items() if node != pods[place]))
        for other in (pod for pod, node in pods.items() if node != pods[place]):
            yield Asking(other, place)
            yield Asking(place, other)
    elif name == "bridge-nf-off":  # it shows when the DNS server of the same node is chosen
        yield from [Asking(here[0], OUTSIDE)] * 12
    elif place in ground.addresses.nodes:
        size = LARGE if name in ("mtu-blackhole", "policer") else 0
        # The answer is what is large: it comes from here first, for whoever was told a smaller size asks for it.
        for source, to in ((far[0], here[0]), (here[0], far[0])):
            yield Asking(source, to, size)
    else:
        yield Asking("namespace001/pod-0", "namespace001/pod-3", LARGE if name == "large-dropped" else 0)
        yield Asking("namespace001/pod-0", WEB, LARGE if name == "large-dropped" else 0)


@pytest.fixture(scope="module", params=["calico", "flannel", "none"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_fault_shows_is_kept_and_is_cleared(kind: str) -> None:
    rng, ground = random.Random(SEED), DESIGNS[kind].ground
    settings = [word for one in SETTINGS[kind] for word in ("--set", one)]
    only = {
        "calico": set(FAULTS),
        "flannel": {"hairpin-off", "bridge-nf-off", "masquerade-missing", "tunnel-down", "duplicate-mac"},
    }
    names = [name for name in FAULTS if name in only.get(kind, {"source-destination-check"})]
    with standing("two-subnet", *settings) as lab, connect(lab.name) as agent:
        for name in names:
            places = FAULTS[name].places(ground)
            if not places or FAULTS[name].is_of_objects or name in ("nodeport-blocked", "hairpin-off"):
                continue
            chosen = places if name in ON_ALL else (rng.choice(places),)
            story = f"seed {SEED}, {kind}: {name} on {', '.join(chosen)}"
            for place in chosen:
                agent.request("inject", name=name, on=place, given={}, hidden=False, timing=AT_ONCE)
            asked = (one.made(lab.name) for one in askings(name, chosen[0], ground)) if name not in SILENT else ()
            lost = next((journey for journey in asked if journey.verdict != DELIVERED), None)
            assert lost or name in SILENT, f"{story}: every request was delivered"
            if lost:
                assert lost.lost is not None, f"{story}: {lost.verdict}"
                assert lost.lost.cause != "unknown", f"{story}: {lost.lost}"
            gone = agent.request("clear_faults", name=name, on="")
            assert len(gone) == len(chosen), f"{story}: {gone}"
            assert lab.plan(*settings) == "# no changes", f"{story}: clearing it left {lab.plan(*settings)}"
        until(lambda: trace(lab.name, "pod-0", "pod-3").verdict == DELIVERED, "all is as before")


@pytest.fixture(scope="module")
def broken() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one
        inv("fault.clear", "--lab", one.name)


def present(lab: Lab) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(inv("fault.list", "--json", "--lab", lab.name).ok())["present"]
    return found


def test_a_second_up_keeps_it_and_inspect_shows_it_apart_from_drift(broken: Lab) -> None:
    assert (
        "vxlan-blocked on node-2" in inv("fault.inject", "vxlan-blocked", "--on", "node-2", "--lab", broken.name).ok()
    )
    broken.in_("node-2", "ip route add blackhole 198.51.100.0/24")
    said = inv("inspect", "--lab", broken.name).ok()
    assert "broken on purpose (it outlasts `up`):\n  vxlan-blocked on node-2" in said
    assert "not as in the file" in said.split("broken on purpose")[1]
    assert "INPUT" not in said.split("not as in the file")[1], "the fault's rule is no drift"
    broken.up().ok()
    assert trace(broken.name, "pod-0", "pod-3").verdict == "lost"
    assert "is there already" in inv("fault.inject", "vxlan-blocked", "--on", "node-2", "--lab", broken.name).refused()
    assert "vxlan-blocked on node-2: cleared" in inv("fault.clear", "vxlan-blocked", "--lab", broken.name).ok()
    assert trace(broken.name, "pod-0", "pod-3").verdict == DELIVERED
    assert broken.plan() == "# no changes"


def test_hidden_ones_are_drawn_by_a_seed_told_to_nobody_and_seen_as_drift(broken: Lab) -> None:
    said = inv("fault.inject", "--random", "2", "--seed", "7", "--hidden", "--lab", broken.name).ok()
    assert said.strip() == "2 hidden, seed 7"
    assert present(broken) == []
    assert "broken on purpose" not in inv("inspect", "--lab", broken.name).ok()
    assert "(hidden)" in inv("events", "--lab", broken.name).ok()
    assert inv("fault.clear", "--lab", broken.name).ok().strip() == "2 hidden: cleared"
    first = json.loads(inv("fault.inject", "--random", "2", "--seed", "7", "--json", "--lab", broken.name).ok())
    inv("fault.clear", "--lab", broken.name).ok()
    again = json.loads(inv("fault.inject", "--random", "2", "--seed", "7", "--json", "--lab", broken.name).ok())
    inv("fault.clear", "--lab", broken.name).ok()
    where = [[(one["name"], one["place"]) for one in told["faults"]] for told in (first, again)]
    assert where[0] == where[1], "the seed draws the same"
    assert broken.plan() == "# no changes"


def test_one_comes_and_goes_by_the_clock(broken: Lab) -> None:
    inv(
        "fault.inject", "route-blackhole", "--on", "node-0", "--after", "500ms", "--for", "4s", "--lab", broken.name
    ).ok()
    until(lambda: any(one["active"] for one in present(broken)), "it has begun")
    until(lambda: not present(broken), "it has ended by itself")
    assert broken.plan() == "# no changes"
    inv("fault.inject", "route-blackhole", "--on", "node-0", "--flapping", "3s", "--lab", broken.name).ok()
    for state in (True, False, True):
        until(lambda state=state: [one["active"] for one in present(broken)] == [state], f"it is there: {state}")  # type: ignore[misc]
    inv("fault.clear", "--lab", broken.name).ok()
    assert present(broken) == []
    assert broken.plan() == "# no changes"


def test_what_the_kernel_refuses_leaves_all_as_before(broken: Lab) -> None:
    """Somebody has such a policy there already: it is theirs, and stays."""
    policy = "src 0.0.0.0/0 dst 0.0.0.0/0 dir out"
    broken.in_("node-2", f"ip xfrm policy add {policy} action block")
    refused = inv("fault.inject", "xfrm-block", "--on", "node-2", "--lab", broken.name)
    assert (refused.status, "File exists" in refused.err) == (1, True), str(refused)
    assert present(broken) == []
    broken.in_("node-2", f"ip xfrm policy delete {policy}")
    assert trace(broken.name, "pod-0", "pod-3").verdict == DELIVERED
    assert broken.plan() == "# no changes"


WRITTEN = """  faults:
    - {name: vxlan-blocked, on: node-2}
    - {name: kube-proxy-dead, on: node-1}
    - {name: legacy-leftovers, on: router}
"""


def test_those_of_the_file_are_there_from_the_first_moment_and_go_with_their_lines(
    two_subnet_text: str, file: Callable[[str], str]
) -> None:
    text = two_subnet_text.replace("spec:\n", f"spec:\n{WRITTEN}", 1)
    line = text.splitlines().index("    - {name: vxlan-blocked, on: node-2}") + 1
    with standing(file(text.replace("on: router", "on: node-0"))) as lab:
        found = {str(one["name"]): str(one["from"]) for one in present(lab)}
        assert found["vxlan-blocked"] == f"topology.yaml:{line}"
        assert len(found) == 3, found
        lost = trace(lab.name, "pod-1", "pod-3").lost
        assert lost is not None
        assert "DROP" in lost.object
        assert "kube-proxy on node-1 is stopped" in inv("inspect", "--lab", lab.name).ok()
        assert lab.plan() == "# no changes"
        assert "`up` brings it back" in inv("fault.clear", "vxlan-blocked", "--lab", lab.name).ok()
        lab.up().ok()
        assert {str(one["name"]) for one in present(lab)} == set(found), "the file has it still"
        refused = lab.up(topology=file(text)).refused()
        assert f"topology.yaml:{line + 2}" in refused, "a router has no pods' packets to drop"
        assert "cannot be on 'router'" in refused
        lab.up(topology=file(two_subnet_text)).ok()
        assert present(lab) == []
        assert trace(lab.name, "pod-0", "pod-3").verdict == DELIVERED
        assert "stopped by hand" not in inv("inspect", "--lab", lab.name).ok()
        assert lab.plan() == "# no changes"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("vxlan-blockd",), "did you mean 'vxlan-blocked'?"),
        ((), "which fault?"),
        (("vxlan-blocked", "--random", "1"), "which fault?"),
        (("vxlan-blocked", "--on", "gateway"), "cannot be on 'gateway'"),
        (("vni-differs", "--with", "vni"), "--with 'vni' says nothing"),
        (("vxlan-blocked", "--after", "soon"), "--after 'soon' is no time"),
        (("--random", "11"), "is too many"),
    ],
)
def test_what_was_typed_wrong_is_told_and_nothing_is_done(broken: Lab, words: tuple[str, ...], told: str) -> None:
    assert told in inv("fault.inject", *words, "--lab", broken.name).refused()
    assert present(broken) == []


def test_without_a_lab_the_list_is_told() -> None:
    assert "vxlan-blocked" in inv("fault.list", extra={"XDG_RUNTIME_DIR": str(ROOT / "tests")}).ok()
    assert "calico#9403" in inv("fault.list", "vxlan-blocked", extra={"XDG_RUNTIME_DIR": str(ROOT / "tests")}).ok()
