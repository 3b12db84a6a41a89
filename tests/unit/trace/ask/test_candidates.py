"""Who of a Service's endpoints is a candidate, why others are not, and how that is told.

two-subnet: pod-0 on node-0 asks myapp; pod-2 is on node-1, pod-3 on node-2.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lab.errors import UsageError
from lab.map.labmap import LabMap
from lab.map.services import Endpoint, Service, ServicePort
from lab.trace.ask import candidates as endpoints
from lab.trace.ask.candidates import candidates, choosable, line, lines
from lab.trace.ask.target import aim, service_at, via
from lab.trace.journey import Candidate, Journey
from lab.trace.show import story
from lab.trace.show.journey_json import read_journey
from lab.trace.show.page import page
from lab.trace.show.tracediff import difference
from tests.unit.trace.recordings import journey, labmap

POD_0, POD_2, POD_3 = "namespace001/pod-0", "namespace001/pod-2", "namespace001/pod-3"
CLUSTER_IP, EXTERNAL, BALANCED = "172.16.10.10", "198.51.100.7", "198.51.100.9"
FAILS = "its readiness probe fails: HTTP probe failed with statuscode: 503"
READY_2 = Endpoint("10.244.0.66", 8080, POD_2)
READY_3 = Endpoint("10.244.0.129", 8080, POD_3)
FAILING_3 = replace(READY_3, ready=False, why=FAILS)
LEAVING_2 = replace(
    READY_2, ready=False, serving=True, terminating=True, why="terminating, still serving: a last resort"
)


def lab(*behind: Endpoint, **fields: object) -> LabMap:
    """two-subnet with these endpoints behind myapp, which has a node port and addresses for the outside."""
    there = labmap("two-subnet-node-port")

    def changed(service: Service) -> Service:
        if service.name != "myapp":
            return service
        ports = tuple(replace(port, endpoints=behind) for port in service.ports)
        return replace(service, ports=ports, external_ips=(EXTERNAL,), load_balancer_ips=(BALANCED,), **fields)  # type: ignore[arg-type]

    return replace(there, services=tuple(changed(service) for service in there.services))


def myapp(there: LabMap) -> tuple[Service, ServicePort]:
    service = next(one for one in there.services if one.name == "myapp")
    return service, service.ports[0]


def asked(there: LabMap, address: str) -> list[str]:
    """The candidates when pod-0 asks that address."""
    return [one.name for one in choosable(there, there.by_name[POD_0], address, *myapp(there))]


def told(there: LabMap, address: str, chosen: str = "") -> tuple[Candidate, ...]:
    return candidates(there, there.by_name[POD_0], address, *myapp(there), chosen)


def test_who_is_not_ready_is_no_candidate() -> None:
    found = told(lab(READY_2, FAILING_3), CLUSTER_IP, "10.244.0.66")
    assert found == (
        Candidate(POD_2, "10.244.0.66", 8080, True, True, True),
        Candidate(POD_3, "10.244.0.129", 8080, False, False, False, FAILS),
    )
    assert line(found) == f"candidates: pod-2; not pod-3 ({FAILS})"
    assert list(lines(found)) == [
        "chosen     pod-2  10.244.0.66:8080",
        f"not        pod-3  10.244.0.129:8080  {FAILS}",
    ]


def test_who_serves_while_it_terminates_is_the_last_resort() -> None:
    assert asked(lab(LEAVING_2, READY_3), CLUSTER_IP) == [POD_3]
    assert asked(lab(LEAVING_2, FAILING_3), CLUSTER_IP) == [POD_2]
    found = told(lab(LEAVING_2, FAILING_3), CLUSTER_IP)
    assert (found[0].ready, found[0].candidate) == (False, True)
    assert line(found) == f"candidates: pod-2 (terminating, still serving: a last resort); not pod-3 ({FAILS})"


@pytest.mark.parametrize(
    ("address", "fields", "expected", "policy"),
    [
        (CLUSTER_IP, {"internal_policy": "Local"}, [], "node-0, and internalTrafficPolicy is Local"),
        (CLUSTER_IP, {"external_policy": "Local"}, [POD_2, POD_3], ""),
        ("10.0.1.11", {"external_policy": "Local"}, [POD_2], "node-1, and externalTrafficPolicy is Local"),
        ("10.0.1.11", {"internal_policy": "Local"}, [POD_2, POD_3], ""),
        ("10.0.1.10", {"external_policy": "Local"}, [POD_2, POD_3], ""),
        (EXTERNAL, {"external_policy": "Local"}, [POD_2, POD_3], ""),
        (BALANCED, {"external_policy": "Local"}, [POD_2, POD_3], ""),
    ],
)
def test_a_local_policy_leaves_the_choosing_nodes_own(
    address: str, fields: dict[str, str], expected: list[str], policy: str
) -> None:
    there = lab(READY_2, READY_3, **fields)
    assert asked(there, address) == expected
    elsewhere = [one.why for one in told(there, address) if not one.candidate]
    assert elsewhere == [f"not on {policy}"] * (2 - len(expected))


def test_dns_names_only_those_of_a_headless_service_that_are_ready() -> None:
    there = lab(LEAVING_2, FAILING_3)
    service, port = myapp(there)
    headless = replace(service, cluster_ip="")
    assert headless.is_headless
    assert choosable(there, there.by_name[POD_0], "", headless, port) == ()


def test_those_of_the_same_reason_are_told_together_and_of_many_only_some() -> None:
    many = [Candidate(f"shop/web-{n}", f"10.0.0.{n}", 80, n < 9, n < 9, why="" if n < 9 else FAILS) for n in range(11)]
    assert line(many) == (f"candidates: web-0, web-1, web-2, web-3, web-4 and 4 more; not web-9, web-10 ({FAILS})")
    bare = (*many[:1], Candidate("192.0.2.1", "192.0.2.1", 80, True, True))
    assert line(bare) == "candidates: shop/web-0, 192.0.2.1", "names of different kinds stay whole"


@pytest.mark.parametrize(
    ("address", "port"),
    [(CLUSTER_IP, 80), (EXTERNAL, 80), (BALANCED, 80), ("10.0.2.10", 30080)],
)
def test_every_way_in_is_the_service(address: str, port: int) -> None:
    there = lab(READY_2, READY_3)
    found = service_at(there, address, port, "tcp")
    assert found is not None
    assert (found[0].full_name, found[1] is not None) == ("namespace001/myapp", True)
    target = aim(there, there.by_name[POD_0], f"{address}:{port}", None, "tcp")
    assert target.service is not None
    assert target.candidates == (READY_2, READY_3)


def test_services_may_share_an_external_address() -> None:
    there = lab(READY_2)
    service, port = myapp(there)
    other = replace(service, name="other", cluster_ip="172.16.10.11", ports=(replace(port, port=443, node_port=0),))
    both = replace(there, services=(*there.services, other))
    at_80, at_443, at_81 = (service_at(both, EXTERNAL, number, "tcp") for number in (80, 443, 81))
    assert at_80 is not None
    assert at_443 is not None
    assert at_81 is not None
    assert (at_80[0].name, at_443[0].name, at_81[1]) == ("myapp", "other", None)
    target = aim(both, both.by_name[POD_0], f"{EXTERNAL}:443", None, "tcp")
    assert target.service is not None
    assert target.service.name == "other"


def test_a_pod_that_is_no_candidate_cannot_be_wanted() -> None:
    there = lab(READY_2, FAILING_3)
    with pytest.raises(UsageError, match=f"pod-3 gets nothing .*: {FAILS}") as refused:
        via(there, aim(there, there.by_name[POD_0], "myapp", None, "tcp"), "pod-3")
    assert refused.value.hint == f"its candidates: {POD_2}"
    elsewhere = lab(READY_2, READY_3, internal_policy="Local")
    with pytest.raises(UsageError, match="its traffic policy is Local"):
        via(elsewhere, aim(elsewhere, elsewhere.by_name[POD_0], "myapp", None, "tcp"), "pod-3")


def with_failing_pod_4() -> Journey:
    one = journey("delivered-vxlan")
    failing = Candidate("namespace001/pod-4", "10.244.0.5", 8080, False, False, why=f"{FAILS} <b>")
    return replace(one, candidates=(*one.candidates, failing))


def test_the_story_has_them_where_the_service_chooses() -> None:
    texts = [one.text for one in story.tell(with_failing_pod_4())]
    at = next(number for number, text in enumerate(texts) if text.startswith("2 service"))
    assert texts[at + 1].strip().startswith("candidates: pod-2, pod-3; not pod-4 (its readiness probe fails:")
    assert all(len(text) <= 100 for text in texts)
    whole = "\n".join(one.text for one in story.tell(with_failing_pod_4(), verbose=True))
    assert "chosen     pod-3  10.244.0.129:8080\n" in whole
    assert "not        pod-4  10.244.0.5:8080  its readiness probe fails" in whole


def test_of_a_lost_question_the_dns_pods_are_told() -> None:
    told = [one.text.strip() for one in story.tell(journey("lost-question"))]
    assert told[told.index("candidates: dns-0, dns-1") - 1].startswith("1 resolve")


def test_the_page_has_them_and_no_markup_of_theirs() -> None:
    told = page(with_failing_pod_4(), labmap("two-subnet"))
    assert "<li>chosen pod-3 10.244.0.129:8080</li>" in told
    assert f"{FAILS} &lt;b&gt;</li>" in told


def test_other_candidates_are_a_difference_unless_a_file_does_not_tell() -> None:
    one, other = journey("delivered-vxlan"), with_failing_pod_4()
    told = difference(one, other)
    assert told[0] == "the first difference: the Service's candidates, step 2 service"
    assert f"not pod-4 ({FAILS} <b>)" in told[2]
    older = {name: value for name, value in one.to_json().items() if name != "endpoints"}
    assert difference(read_journey(json.dumps(older), "old.json"), other) == ()


def test_why_a_probe_fails_is_no_difference() -> None:
    one = with_failing_pod_4()
    *known, failing = one.candidates
    assert difference(one, replace(one, candidates=(*known, replace(failing, why="otherwise")))) == ()


def test_the_node_that_chooses() -> None:
    there = lab(READY_2)
    source = there.by_name[POD_0]
    assert endpoints.choosing_node(there, source, "10.0.2.10") == "node-2"
    assert {endpoints.choosing_node(there, source, one) for one in (CLUSTER_IP, EXTERNAL, "")} == {"node-0"}
