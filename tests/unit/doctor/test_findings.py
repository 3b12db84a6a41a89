"""From requests that failed, and from what differs, to findings: one for each cause, worst first."""

from __future__ import annotations

from dataclasses import replace

from lab.doctor.errand import Errand, errands
from lab.doctor.examination import Examination
from lab.doctor.finding import findings
from lab.doctor.report import told
from lab.map.labmap import LabMap
from lab.map.place import Place
from lab.map.services import Endpoint, Service, ServicePort
from lab.network.components import Stop
from lab.trace.journey import Journey, Loss, Mending, Request

NODES = tuple(Place(f"node-{one}", "node", subnets=(f"subnet-{one}",)) for one in range(3))
PODS = tuple(Place(f"shop/pod-{one}", "pod", node=f"node-{one}") for one in range(3))
LAB = LabMap("x", places=(*NODES, *PODS))
RULE = "-A INPUT -p udp -m udp --dport 4789 -j DROP"
FIX = Mending("node-2", "iptables -D INPUT -p udp -m udp --dport 4789 -j DROP")
BLOCKED = Loss(
    "node-2", "request", "data", "firewall", "firewall-drop", "It is dropped.", RULE, (FIX,), "kernel", "node-2"
)
NO_ROUTE = Loss("node-1", "request", "data", "route", "no-route", "There is none.", "10.0.0.0/8", object_place="node-1")


def lost(source: str, to: str, loss: Loss) -> tuple[Errand, Journey]:
    errand = Errand("pods of different subnets", source, to)
    return errand, Journey("x", Request(source, to, 8080, "tcp"), "lost", lost=loss)


def drifted(place: str, line: str, *key: str) -> dict[str, object]:
    return {"place": place, "key": [*key], "mends": [line], "missing": [], "foreign": [], "wanted": []}


def test_what_fails_of_one_cause_is_one_finding_and_the_worst_comes_first() -> None:
    failed = [
        lost("shop/pod-0", "shop/pod-1", NO_ROUTE),
        lost("shop/pod-0", "shop/pod-2", BLOCKED),
        lost("shop/pod-1", "shop/pod-2", BLOCKED),
    ]
    first, second = findings(failed, [], LAB)
    assert (first.cause, first.places, first.object, first.fix) == ("firewall-drop", ("node-2",), RULE, (FIX,))
    assert first.affects == ("shop/pod-0 → shop/pod-2", "shop/pod-1 → shop/pod-2")
    assert (second.cause, second.places) == ("no-route", ("node-1",))


def test_drift_that_a_finding_mends_is_not_told_twice_and_other_drift_is() -> None:
    drift = [
        drifted("node-2", FIX.command, "chain", "node-2", "filter", "INPUT"),
        drifted("node-0", "ip route add 10.244.0.128/26", "route", "node-0", "10.244.0.128/26"),
    ]
    first, second = findings([lost("shop/pod-0", "shop/pod-2", BLOCKED)], drift, LAB)
    assert first.cause == "firewall-drop"
    assert (second.cause, second.places, second.object) == ("drift", ("node-0",), "route 10.244.0.128/26")
    assert second.fix == (Mending("node-0", "ip route add 10.244.0.128/26"),)


def test_a_route_put_in_the_stead_of_another_is_one_that_is_added() -> None:
    fix = (Mending("node-1", "ip route replace 10.244.0.128/26 via 10.0.1.1"),)
    drift = [drifted("node-1", "ip route add 10.244.0.128/26 via 10.0.1.1", "route", "node-1", "10.244.0.128/26")]
    (only,) = findings([lost("shop/pod-1", "shop/pod-2", replace(NO_ROUTE, fix=fix))], drift, LAB)
    assert only.cause == "no-route"


def test_services_without_endpoints_and_stopped_components_are_found_without_a_request() -> None:
    empty = Service(
        "shop", "web", "172.16.0.9", ports=(ServicePort(80, endpoints=(Endpoint("10.0.0.9", 80, ready=False),)),)
    )
    alias = Service("shop", "elsewhere", external_name="example.com")
    found = findings([], [], replace(LAB, services=(empty, alias), stopped=(Stop("kube-proxy", "node-1"),)))
    assert [(one.cause, one.object) for one in found] == [
        ("no-endpoints", "shop/web"),
        ("component-stopped", "kube-proxy on node-1"),
    ]


def test_what_another_mode_of_kube_proxy_left_is_one_finding_with_one_command() -> None:
    line = "nft 'delete table ip kube-proxy'"
    drift = [
        drifted("node-1", line, "nft-table", "node-1", "kube-proxy"),
        drifted("node-1", line, "nft-chain", "node-1", "kube-proxy", "services"),
        drifted("node-1", "ip route del 10.9.0.0/16", "route", "node-1", "10.9.0.0/16"),
    ]
    first, second = findings([], drift, LAB)
    assert (first.cause, first.places, first.object) == ("leftovers", ("node-1",), "table ip kube-proxy")
    assert first.fix == (Mending("node-1", line),)
    assert (second.cause, second.object) == ("drift", "route 10.9.0.0/16")


def test_what_one_kubectl_mends_is_one_finding_of_several_places() -> None:
    fix = (Mending("", "kubectl patch service web -n shop -p '{}'"),)
    losses = [
        Loss(f"shop/pod-{one}", "request", "data", "deliver", "nobody-listens", "It is not.", "tcp port 81", fix)
        for one in (1, 2)
    ]
    failed = [lost("shop/pod-0", f"10.0.0.{number}:80", loss) for number, loss in enumerate(losses)]
    (found,) = findings(failed, [], LAB)
    assert (found.places, len(found.affects)) == (("shop/pod-1", "shop/pod-2"), 2)
    lines = list(told(Examination("x", (found,), 30, 40, 1.25)))
    assert "   ./inv kubectl --lab x -- patch service web -n shop -p '{}'" in lines


def test_of_many_places_few_are_asked_and_how_many_there_were_is_told() -> None:
    many = LabMap("x", places=tuple(Place(f"node-{one}", "node", subnets=("s",)) for one in range(60)))
    asked, possible = errands(many)
    assert possible == 60 * 59
    assert len(asked) == 12
    assert len({one.source for one in asked}) > 5, "they are not all of one node"


def test_a_report_tells_findings_and_a_healthy_lab_that_it_is() -> None:
    found = findings([lost("shop/pod-0", "shop/pod-2", BLOCKED)], [], LAB)
    lines = list(told(Examination("x", found, 30, 40, 1.25)))
    assert lines[0] == "lab x: 1 finding (30 of 40 requests, 1.2 s)"
    assert f"1  firewall-drop at node-2: {RULE}" in lines
    assert "   fails: shop/pod-0 → shop/pod-2" in lines
    assert f"   ./inv exec node-2 --lab x -- {FIX.command}" in lines
    (line,) = told(Examination("x", (), 30, 30, 0.2))
    assert line == "lab x is healthy: 30 requests answered, every place as in the file (0.2 s)"
