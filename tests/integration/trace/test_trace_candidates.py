"""A trace says who of a Service's pods might have been chosen, and why the others were not; and what each rule is for.

node-0 (pod-0, web-0) ── subnet-a ── node-1 (web-1: its probe fails)
                            │
                          router ── subnet-b ── node-2 (web-2: held back by an annotation, web-3)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from lab.map.labmap import LabMap
from lab.trace.journey import Candidate, Journey
from lab.trace.trace import trace
from tests.integration.labs import ROOT, Lab, inv, standing, until
from tests.integration.living import Api, apply, condition, settle, switch

CLIENT = "namespace001/pod-0"
FAILS = "its readiness probe fails: HTTP probe failed with statuscode: 503"
HELD = "held back by the annotation hoplab.io/ready"
EXTERNAL, BALANCED, GUARDED = "198.51.100.7", "198.51.100.9", "198.51.100.10"

POD = """
---
apiVersion: v1
kind: Pod
metadata: {name: web-%d, namespace: well, labels: {app: web}, annotations: {hoplab.io/ready: "%s"}}
spec:
  nodeName: node-%d
  containers:
    - name: web
      image: built-in
      ports: [{containerPort: 8080, name: http}]
      readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1, failureThreshold: 1}
"""
SERVICES = """
---
apiVersion: v1
kind: Namespace
metadata: {name: well}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: well}
spec:
  type: LoadBalancer
  selector: {app: web}
  externalIPs: [198.51.100.7]
  sessionAffinity: ClientIP
  ports: [{port: 80, targetPort: http, nodePort: 30090}]
status: {loadBalancer: {ingress: [{ip: 198.51.100.9}]}}
---
apiVersion: v1
kind: Service
metadata: {name: local, namespace: well}
spec:
  type: NodePort
  selector: {app: web}
  internalTrafficPolicy: Local
  externalTrafficPolicy: Local
  ports: [{port: 80, targetPort: http, nodePort: 30091}]
---
apiVersion: v1
kind: Service
metadata: {name: guarded, namespace: well}
spec:
  type: LoadBalancer
  selector: {app: web}
  loadBalancerSourceRanges: [192.0.2.0/24]
  ports: [{port: 80, targetPort: http}]
status: {loadBalancer: {ingress: [{ip: 198.51.100.10}]}}
---
apiVersion: v1
kind: Service
metadata: {name: webs, namespace: well}
spec:
  clusterIP: None
  selector: {app: web}
  ports: [{port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: unwell, namespace: well}
spec:
  selector: {app: web, unwell: "yes"}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: unwells, namespace: well}
spec:
  clusterIP: None
  selector: {app: web, unwell: "yes"}
  ports: [{port: 8080, targetPort: http}]
"""
PLACED = ((0, "true", 0), (1, "true", 1), (2, "false", 2), (3, "true", 2))


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """web-0 and web-3 are well; the probe of web-1 fails, and its label and that of web-2 say `unwell`."""
    text = (ROOT / "topologies" / "two-subnet.yaml").read_text(encoding="utf-8")
    file: Path = tmp_path_factory.mktemp("candidates") / "topology.yaml"
    pods = "".join(POD % one for one in PLACED)
    file.write_text(text.replace("proxy: iptables", f"proxy: {request.param}") + SERVICES + pods, encoding="utf-8")
    with standing(str(file)) as one:
        api = Api(one)
        for name in ("web-1", "web-2"):
            api.patch("Pod", "well", name, {"metadata": {"labels": {"unwell": "yes"}}})
        address = api.get("Pod", "well", "web-1")["status"]["podIP"]
        switch(one, address, "/ready/false")
        until(lambda: condition(api.get("Pod", "well", "web-1")) == "False", "the probe of web-1 has failed")
        settle(one)
        yield one


def by_name(told: Journey) -> dict[str, Candidate]:
    return {one.name.rpartition("/")[2]: one for one in told.candidates}


def intents(told: Journey) -> set[str]:
    return {one.intent for hop in told.hops if hop.phase == "data" for one in hop.decisions}


@pytest.mark.parametrize(
    "to", ["web.well", "node-0:30090", "node-2:30090", f"{EXTERNAL}:80", f"{BALANCED}:80", "webs.well:8080"]
)
def test_by_every_way_in_the_candidates_are_the_ready_pods(lab: Lab, to: str) -> None:
    told = trace(lab.name, CLIENT, to)
    assert told.verdict == "delivered", told.lost
    found = by_name(told)
    assert {name: one.candidate for name, one in found.items()} == {
        "web-0": True, "web-1": False, "web-2": False, "web-3": True
    }  # fmt: skip
    assert (found["web-1"].why, found["web-2"].why) == (FAILS, HELD)
    assert [f"well/{name}" for name, one in found.items() if one.chosen] == [told.answered_by]
    last = told.part("data", "request")[-1]
    assert (last.place, last.stage) == (told.answered_by, "deliver"), "it was listened on where it went"


def test_under_a_local_policy_the_others_are_on_another_node(lab: Lab) -> None:
    told = trace(lab.name, CLIENT, "local.well")
    assert told.answered_by == "well/web-0"
    assert by_name(told)["web-3"].why == "not on node-0, and internalTrafficPolicy is Local"
    assert any("on this node" in one for one in intents(told)), intents(told)
    told = trace(lab.name, CLIENT, "node-2:30091")
    assert told.answered_by == "well/web-3"
    assert by_name(told)["web-0"].why == "not on node-2, and externalTrafficPolicy is Local"


def test_where_no_candidate_is_on_the_node_it_says_where_they_are(lab: Lab) -> None:
    told = trace(lab.name, "namespace001/pod-2", "local.well")  # on node-1
    assert told.lost is not None
    assert (told.lost.place, told.lost.cause, told.lost.fix) == ("node-1", "no-endpoints", ())
    assert "web-0, web-3 (not on node-1, and internalTrafficPolicy is Local)" in told.lost.why
    assert FAILS in told.lost.why


def test_a_service_of_which_no_pod_is_ready_says_of_each_why(lab: Lab) -> None:
    told = trace(lab.name, CLIENT, "unwell.well")
    assert told.verdict == "refused"
    assert told.lost is not None
    assert told.lost.cause == "no-endpoints"
    assert f"none of its endpoints is ready: web-1 ({FAILS}), web-2 ({HELD})" in told.lost.why
    assert [(one.place, one.command) for one in told.lost.fix] == [
        ("", "kubectl annotate pods web-2 -n well hoplab.io/ready-")
    ]
    assert not any(one.candidate for one in told.candidates)


def test_a_headless_one_too(lab: Lab) -> None:
    told = trace(lab.name, CLIENT, "unwells.well")
    assert told.verdict == "unresolved"
    assert told.lost is not None
    assert f"None of its pods is ready: web-1 ({FAILS}), web-2 ({HELD})." in told.lost.why


def test_the_rules_say_what_they_are_for(lab: Lab) -> None:
    expected = {
        "node-1:30090": "node port 30090 of Service well/web:80",
        f"{EXTERNAL}:80": f"external IP {EXTERNAL} of Service well/web:80",
        f"{BALANCED}:80": f"load balancer's address {BALANCED} of Service well/web:80",
        "web.well": "session affinity: ",
    }
    for to, intent in expected.items():
        for _ in range(2):  # the second is remembered by its affinity
            said = intents(trace(lab.name, CLIENT, to))
        assert any(intent in one for one in said), (to, said)
    said = intents(trace(lab.name, CLIENT, "node-0:30091"))
    assert any("a pod may reach any endpoint, externalTrafficPolicy Local is not for it" in one for one in said), said


def test_who_is_not_in_the_source_ranges_is_told_so(lab: Lab) -> None:
    told = trace(lab.name, CLIENT, f"{GUARDED}:80")
    assert told.lost is not None
    assert (told.lost.place, told.lost.cause, told.lost.fix) == ("node-0", "firewall-drop", ())
    assert "is not in the loadBalancerSourceRanges of Service well/guarded" in told.lost.why


def test_the_command_tells_it_in_all_its_forms(lab: Lab, tmp_path: Path) -> None:
    written, drawn = tmp_path / "a.json", tmp_path / "a.html"
    asked = ("trace", "--from", "pod-0", "--to", "web.well", "--lab", lab.name)
    story = inv(*asked, "--json", str(written), "--html", str(drawn)).ok()
    told = " ".join(story.split())
    assert f"candidates: web-0, web-3; not web-1 ({FAILS}), web-2 ({HELD})" in told
    found = json.loads(written.read_text(encoding="utf-8"))
    Draft202012Validator(json.loads((ROOT / "docs" / "trace-v2.schema.json").read_text())).validate(found)
    assert [one["name"] for one in found["endpoints"] if one["candidate"]] == ["well/web-0", "well/web-3"]
    assert FAILS in drawn.read_text(encoding="utf-8")
    assert "endpoints" not in inv(*asked, "--minimal").ok()
    refused = inv(*asked, "--via", "well/web-1").refused()
    assert f"well/web-1 gets nothing that is for well/web port 80: {FAILS}" in refused


def test_inspect_shows_who_is_not_ready_and_why(lab: Lab) -> None:
    told = lab.inspect()
    rows = {words[0]: words for line in told.splitlines() if (words := line.split())}
    assert [rows[f"well/web-{number}"][2] for number in range(4)] == ["1/1", "0/1", "0/1", "1/1"]
    assert f"well/web-1: {FAILS}" in told
    assert f"well/web-2: {HELD}" in told
    assert "in trouble" not in told


LEAVING = """
apiVersion: v1
kind: Pod
metadata: {name: last, namespace: well, labels: {app: last}}
spec:
  nodeName: node-1
  terminationGracePeriodSeconds: 60
  containers:
    - name: web
      image: built-in
      ports: [{containerPort: 8080}]
      lifecycle: {preStop: {sleep: {seconds: 60}}}
---
apiVersion: v1
kind: Service
metadata: {name: last, namespace: well}
spec: {selector: {app: last}, ports: [{port: 80, targetPort: 8080}]}
"""


def test_the_last_one_serves_while_it_terminates(lab: Lab) -> None:
    apply(lab, LEAVING)
    api = Api(lab)
    api.delete("Pod", "well", "last")
    settle(lab)
    told = trace(lab.name, CLIENT, "last.well")
    assert told.answered_by == "well/last"
    found = by_name(told)["last"]
    assert (found.ready, found.candidate, found.chosen) == (False, True, True)
    assert found.why == "terminating, still serving: a last resort"
    api.delete("Pod", "well", "last", grace=0)
    settle(lab)
    assert "no pod has the labels of its selector" in str(trace(lab.name, CLIENT, "last.well").lost)


def test_what_is_well_again_is_a_candidate_again(lab: Lab) -> None:
    api = Api(lab)

    def annotated(value: str | None, ready: str) -> Candidate:
        api.patch("Pod", "well", "web-2", {"metadata": {"annotations": {"hoplab.io/ready": value}}})
        until(lambda: condition(api.get("Pod", "well", "web-2")) == ready, f"that web-2 is ready is {ready}")
        settle(lab)
        return by_name(trace(lab.name, CLIENT, "web.well"))["web-2"]

    found = annotated(None, "True")
    assert (found.candidate, found.why) == (True, "")
    found = annotated("false", "False")
    assert (found.candidate, found.why) == (False, HELD)


def test_a_pod_that_affinity_holds_off_is_told_with_it(lab: Lab) -> None:
    held = trace(lab.name, CLIENT, "web.well").answered_by
    other = "well/web-0" if held == "well/web-3" else "well/web-3"
    refused = inv("trace", "--lab", lab.name, "--from", CLIENT, "--to", "web.well", "--via", other)
    assert refused.status == 1, str(refused)
    assert f"did not choose {other} of its 2 pods" in refused.err
    assert "a sessionAffinity may hold its clients" in refused.err


def test_an_answer_of_a_stranger_is_told_as_such(lab: Lab) -> None:
    service = next(one.cluster_ip for one in LabMap.from_json(lab.map()).services if one.full_name == "well/web")
    chain = "chain ip stranger c { type nat hook prerouting priority -101; }"
    rule = f"add rule ip stranger c ip daddr {service} tcp dport 80 dnat to 203.0.113.80:80"
    lab.in_("node-0", f"nft add table ip stranger; add {chain}; {rule}")
    try:
        told = inv("trace", "--lab", lab.name, "--from", CLIENT, "--to", "web.well")
    finally:
        lab.in_("node-0", "nft delete table ip stranger")
    assert told.status == 0, str(told)
    assert "internet is no endpoint of the Service that was asked: a rule on the way sent it there." in told.out
