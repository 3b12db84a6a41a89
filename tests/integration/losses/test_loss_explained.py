"""Faults made by plain commands: the trace names place, object and cause, and its commands mend it.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

import pytest

from lab.map.labmap import LabMap
from lab.trace.journey import Journey, Loss
from lab.trace.trace import trace
from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, standing, until, with_node_port
from tests.integration.living import apply
from tests.integration.loss_table import FAULTS, NODE_PORT_FAULTS, Fault

POD_0 = "namespace001/pod-0"
SECONDS = 0.6
ENDS = """
apiVersion: hoplab/v1
kind: Topology
metadata: {name: ends}
spec:
  subnets: [{name: subnet-a, cidr: 10.0.1.0/24}, {name: subnet-b, cidr: 10.0.2.0/24}]
  nodes: [{name: node-0, subnet: subnet-a}, {name: node-1, subnet: subnet-b}]
  cni: {plugin: calico, encapsulation: None}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec: {nodeName: node-0, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: shop, labels: {app: server}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: shop}
spec: {selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: wrong-port, namespace: shop}
spec: {selector: {app: server}, ports: [{port: 80, targetPort: 8081}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: shop}
spec: {type: NodePort, selector: {app: nobody}, ports: [{port: 80, targetPort: 8080, nodePort: 30099}]}
---
apiVersion: v1
kind: Pod
metadata: {name: unwell, namespace: shop, labels: {app: unwell}, annotations: {hoplab.io/ready: "false"}}
spec: {nodeName: node-1, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: unwell, namespace: shop}
spec: {selector: {app: unwell}, ports: [{port: 80, targetPort: 8080}]}
"""


class Names:
    """What differs from lab to lab is written {kind:place} in the table of faults."""

    def __init__(self, lab: Lab) -> None:
        self._map = LabMap.from_json(lab.map())

    def filled(self, text: str) -> str:
        return re.sub(r"\{(\w+):?([^}]*)\}", lambda found: self._value(*found.groups()), text)

    def _value(self, kind: str, place: str) -> str:
        kinds: dict[str, Callable[[], str]] = {
            "ip": lambda: self._map.by_name[place].address,
            "web": lambda: self._map.internet[0].address,
            "vtep": lambda: next(link.mac for link in self._map.by_name[place].links if link.kind == "vxlan"),
            "cali": lambda: next(link.peer_name for link in self._map.by_name[place].links),
        }
        return kinds[kind]()


def ask(lab: Lab, source: str, to: str, *, protocol: str = "tcp", via: str = "", size: int = 0) -> Journey:
    """The journey of a request; what is lost is not waited for longer than a first packet takes."""
    return trace(lab.name, source, to, protocol=protocol, via=via or None, size=size, timeout=SECONDS)


def ask_of(fault: Fault, lab: Lab, names: Names) -> Journey:
    return ask(lab, fault.source, names.filled(fault.to), protocol=fault.protocol, via=fault.via, size=fault.size)


def run(lab: Lab, place: str, commands: tuple[str, ...]) -> None:
    for command in commands:
        lab.exec_(place, *shlex.split(command)).ok()


def mend(lab: Lab, lost: Loss) -> None:
    for one in lost.fix:
        run(lab, one.place, (one.command,))


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_is_named_and_mended(lab: LabFactory, fault: Fault) -> None:
    named_and_mended(lab("two-subnet"), fault)


@pytest.mark.parametrize("fault", NODE_PORT_FAULTS, ids=[fault.name for fault in NODE_PORT_FAULTS])
def test_a_blocked_node_port_is_named_and_mended(node_ports: Lab, fault: Fault) -> None:
    named_and_mended(node_ports, fault)


def test_input_never_meets_a_node_port(lab: LabFactory, file: Callable[[str], str], two_subnet_text: str) -> None:
    """A well-meant rule that does nothing: by then the packet is bound for a pod."""
    guarded = lab(file(with_node_port(two_subnet_text)))
    run(guarded, "node-2", ("iptables -I INPUT 1 -p tcp --dport 30080 -j DROP",))
    assert ask(guarded, POD_0, "node-2:30080", via="pod-3").verdict == "delivered"


def named_and_mended(broken: Lab, fault: Fault) -> None:
    names = Names(broken)
    for place, command in fault.done:
        run(broken, place, (names.filled(command),))
    lost = ask_of(fault, broken, names).lost
    assert lost is not None, "the fault does nothing"
    assert (lost.object_place, lost.cause, lost.direction) == (fault.place, fault.cause, fault.direction), lost.why
    assert names.filled(fault.object) in lost.object
    assert lost.why.endswith(".")
    if fault.mends:
        assert lost.fix, "there is a command that mends it"
        mend(broken, lost)
        # A neighbour that did not answer meanwhile is asked again by its node within a second or two.
        until(lambda: ask_of(fault, broken, names).verdict == "delivered", f"{lost.fix} has mended it")


def test_every_hop_of_a_healthy_journey_says_by_what_it_left(two_subnet: Lab) -> None:
    told = ask(two_subnet, POD_0, "myapp.namespace001", via="pod-3")
    assert told.lost is None
    said = {
        (hop.place, one.kind): one
        for hop in told.part("data", "request")
        for one in hop.decisions
        if one.kind != "rule"
    }
    assert said["node-0", "fdb"].text.endswith("dev vxlan.calico dst 10.0.2.10 self permanent")
    assert said["node-0", "fdb"].intent == "the tunnel's other end: eth0 of node-2"
    assert said["router", "route"].text.startswith("10.0.2.0/24 dev eth1")
    assert said["router", "neighbour"].text.startswith("10.0.2.10 dev eth1 lladdr ")
    assert said["node-2", "route"].text.startswith("10.244.0.129 dev cali")
    assert "172.16.10.10:80 became " in next(
        one.text
        for hop in told.part("data", "request")
        for one in hop.decisions
        if one.evidence == "kernel" and "→" in one.text
    )
    queried = [one for hop in told.hops for one in hop.decisions if one.evidence == "queried"]
    assert queried
    assert not [one for one in queried if one.verdict], "what was asked agrees with what was captured"


def test_only_the_places_that_translate_say_so(two_subnet: Lab) -> None:
    """The router tracks the tunnel's packets, which are a connection of their own, and translates nothing."""
    told = ask(two_subnet, POD_0, "myapp.namespace001", via="pod-3")
    translating = {hop.place for hop in told.part("data", "request") for one in hop.decisions if " became " in one.text}
    assert translating == {"node-0"}


def test_across_a_bridge_the_port_is_named(lab: LabFactory) -> None:
    bridged = lab("two-subnet-bridge")
    told = ask(bridged, POD_0, "pod-1")
    entries = [one for hop in told.hops for one in hop.decisions if one.kind == "fdb"]
    assert any("master cni0" in one.text for one in entries), entries


def test_outside_names_that_the_dns_server_cannot_ask_for(lab: LabFactory) -> None:
    broken = lab("two-subnet")
    for node in ("node-0", "node-1"):
        run(broken, node, ("iptables -t nat -F cali-nat-outgoing",))
    run(broken, "gateway", ("iptables -t nat -F POSTROUTING",))
    lost = ask(broken, POD_0, "www.example.com:80").lost
    assert lost is not None
    assert (lost.phase, lost.cause) == ("dns", "masquerade-missing"), lost.why
    assert "asks 203.0.113." in lost.why


@pytest.fixture(scope="module")
def node_ports(tmp_path_factory: pytest.TempPathFactory, two_subnet_text: str) -> Iterator[Lab]:
    file = tmp_path_factory.mktemp("node-ports") / "topology.yaml"
    file.write_text(with_node_port(two_subnet_text), encoding="utf-8")
    with standing(str(file)) as one:
        yield one


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    file = tmp_path_factory.mktemp("ends") / "topology.yaml"
    file.write_text(ENDS, encoding="utf-8")
    with standing(str(file)) as one:
        yield one


def test_a_node_port_without_endpoints(ends: Lab) -> None:
    lost = lost_in(ends, "node-1:30099")
    assert (lost.object_place, lost.cause, lost.evidence) == ("node-1", "no-endpoints", "kernel")
    assert "-A KUBE-EXTERNAL-SERVICES" in lost.object
    assert "shop/nobody has no endpoints" in lost.object


def test_a_port_of_a_node_that_is_no_node_port(ends: Lab) -> None:
    lost = lost_in(ends, "node-1:30098")
    assert (lost.object_place, lost.cause, lost.object) == ("node-1", "nobody-listens", "tcp port 30098")


def lost_in(lab: Lab, to: str) -> Loss:
    lost = ask(lab, "shop/client", to).lost
    assert lost is not None
    return lost


def test_a_service_without_endpoints(ends: Lab) -> None:
    lost = lost_in(ends, "nobody.shop")
    assert (lost.object_place, lost.cause, lost.evidence) == ("node-0", "no-endpoints", "kernel")
    assert "shop/nobody has no endpoints" in lost.object
    assert "no pod has the labels of its selector" in lost.why


def test_a_service_whose_pods_are_not_ready(ends: Lab) -> None:
    lost = lost_in(ends, "unwell.shop")
    assert (lost.object_place, lost.cause, lost.evidence) == ("node-0", "no-endpoints", "kernel")
    assert "none of its endpoints is ready: unwell (held back by the annotation hoplab.io/ready)" in lost.why


def test_a_service_with_the_wrong_target_port(ends: Lab) -> None:
    lost = lost_in(ends, "wrong-port.shop")
    assert (lost.object_place, lost.cause, lost.object) == ("shop/server", "nobody-listens", "tcp port 8081")
    assert "see its targetPort" in lost.why
    assert "tcp/8080" in lost.why


@pytest.mark.parametrize("rule", ["! -s 10.0.0.0/16", "-d 10.244.0.0/16"])
def test_a_clouds_source_check_hits_bare_pods(ends: Lab, rule: str) -> None:
    run(ends, "router", (f"iptables -I FORWARD 1 {rule} -j DROP",))
    lost = lost_in(ends, "server.shop")
    assert (lost.object_place, lost.cause, lost.object) == ("router", "source-check", f"-A FORWARD {rule} -j DROP")
    mend(ends, lost)
    assert ask(ends, "shop/client", "server.shop").verdict == "delivered"


def test_the_router_lost_the_route_to_a_block(ends: Lab) -> None:
    route = next(line for line in ends.in_("router", "ip route").splitlines() if "via 10.0.2.10" in line)
    run(ends, "router", (f"ip route del {route.split()[0]}",))
    lost = lost_in(ends, "server.shop")
    assert (lost.object_place, lost.cause) == ("router", "no-route")
    mend(ends, lost)
    assert ask(ends, "shop/client", "server.shop").verdict == "delivered"


def test_a_port_that_no_rule_is_for_goes_on_and_who_refuses_it_is_named(lab: LabFactory) -> None:
    """In iptables mode the ClusterIP is an address like any other then: the gateway says that there is no way."""
    told = ask(lab("two-subnet"), POD_0, "myapp:81")
    assert told.hops[-1].place == POD_0
    loss = told.lost
    assert loss is not None
    assert (loss.place, loss.object_place, loss.stage, loss.cause) == ("gateway", "node-0", "forward", "no-such-port")
    back = [hop.place for hop in told.part("data", "reply")]
    assert back[0] == "gateway", "the reply is its sender's"
    assert "it went on as if 172.16.10.10 were any address" in loss.why


def test_in_nftables_mode_the_node_itself_refuses_such_a_port(lab: LabFactory) -> None:
    loss = ask(lab("two-subnet", "--set", "services.proxy=nftables"), POD_0, "myapp:81").lost
    assert loss is not None
    assert (loss.place, loss.stage, loss.cause) == ("node-0", "service", "no-such-port")


def test_what_no_rule_ended_did_not_end_at_a_firewall(lab: LabFactory) -> None:
    downed = lab("two-subnet")
    downed.in_("node-2", "ip link set vxlan.calico down")
    loss = ask(downed, POD_0, "myapp", via="pod-3").lost
    assert loss is not None
    assert (loss.place, loss.stage, loss.cause) == ("node-2", "decapsulate", "interface-down")


def test_a_tunnel_that_takes_less_than_the_pods_send_is_named(lab: LabFactory) -> None:
    """The commonest mistake of a CNI's configuration: the pods have the nodes' MTU."""
    loss = ask(lab("two-subnet", "--set", "cni.mtu=1500"), POD_0, "pod-3", protocol="udp", size=1460).lost
    assert loss is not None
    assert (loss.place, loss.cause, loss.object) == ("node-0", "too-big", "vxlan.calico mtu 1450")
    assert "vxlan.calico takes 1450. namespace001/pod-0 sends up to 1500 bytes" in loss.why


HEADLESS = """
apiVersion: v1
kind: Service
metadata: {name: head, namespace: namespace001}
spec: {clusterIP: None, selector: {app: myapp}, ports: [{port: 80, targetPort: 8080}]}
"""


def test_the_port_of_a_headless_service_is_nobodys(lab: LabFactory) -> None:
    asked = lab("two-subnet")
    apply(asked, HEADLESS)
    loss = ask(asked, POD_0, "head").lost
    assert loss is not None
    assert loss.cause == "nobody-listens"
    assert "nobody turns port 80 into 8080; ask head.namespace001:8080." in loss.why
    assert ask(asked, POD_0, "head.namespace001:8080").verdict == "delivered"


def test_a_syn_that_was_sent_again_does_not_hide_the_loss_of_the_first(lab: LabFactory) -> None:
    """A pod behind a bridge asks itself, and its port does not hairpin: the kernel tries again, and may be luckier."""
    bridged = lab("two-subnet-bridge")
    names = Names(bridged)
    port = names.filled("{cali:namespace001/pod-2}")
    bridged.exec_("node-1", "bridge", "link", "set", "dev", port, "hairpin", "off").ok()
    for _ in range(4):
        told = ask_for_long(bridged, "namespace001/pod-2", "myapp", via="pod-2")
        assert told.lost is not None
        assert (told.lost.object_place, told.lost.cause) == ("node-1", "hairpin-off")


def ask_for_long(lab: Lab, source: str, to: str, via: str) -> Journey:
    return trace(lab.name, source, to, via=via)


def test_an_answer_to_a_syn_that_was_sent_again_says_so(lab: LabFactory) -> None:
    late = lab("two-subnet")
    once = "-p tcp --dport 8080 -m recent --name once ! --rcheck --seconds 60"
    late.exec_(
        "node-2", "iptables", "-I", "FORWARD", *once.split(), "-m", "recent", "--set", "--name", "once", "-j", "DROP"
    )
    told = trace(late.name, POD_0, "pod-3")
    assert told.verdict == "delivered"
    assert "to a SYN that was sent again after 1.0 s" in told.answer


def test_a_pool_that_is_not_masqueraded_is_named_where_nobody_finds_back(lab: LabFactory) -> None:
    loss = ask(lab("two-subnet", "--set", "cni.natOutgoing=false"), POD_0, "203.0.113.80").lost
    assert loss is not None
    assert (loss.place, loss.object_place, loss.cause) == ("gateway", "node-0", "masquerade-missing")
    assert "natOutgoing is false" in loss.why
    assert "gateway has no route back to it" in loss.why


CRASHING = """
apiVersion: v1
kind: Pod
metadata: {name: crashing, namespace: namespace001}
spec: {nodeName: node-1, containers: [{name: c, image: x, command: [sh, -c, exit 3]}]}
"""


def test_a_pod_in_which_nothing_listens_since_its_program_ended_says_so(lab: LabFactory) -> None:
    ended = lab("two-subnet")
    apply(ended, CRASHING)

    def waits() -> bool:
        place = LabMap.from_json(ended.map()).by_name["namespace001/crashing"]
        return "CrashLoopBackOff" in place.why

    until(waits, "its program has ended and is not started at once")
    loss = ask(ended, POD_0, "crashing:8080").lost
    assert loss is not None
    assert "Nothing listens on tcp port 8080 in namespace001/crashing. Its container c " in loss.why
