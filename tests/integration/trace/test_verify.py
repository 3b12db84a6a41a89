"""`verify`: what a file expects of requests, asked of a lab by real ones.

node-0 ─────┬───── node-1 ───────router─────────────── node-2
pod-0 pod-1         pod-2                               pod-3
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from lab.running.lab import RunningLab
from tests.integration.labs import ROOT, Lab, inv

SCHEMA, TRACE = (
    Draft202012Validator(json.loads((ROOT / "docs" / name).read_text(encoding="utf-8")))
    for name in ("verify-v1.schema.json", "trace-v2.schema.json")
)
DROP = "-A INPUT -p udp -m udp --dport 4789 -j DROP"
ELSEWHERE = """
- {name: a node, from: pod-1, to: node-2, protocol: icmp}
- {name: a closed port, from: pod-0, to: pod-1, port: 81, verdict: refused, cause: nobody-listens, place: pod-1}
- {name: nobody has it, from: pod-0, to: 10.244.0.77, verdict: lost, cause: no-such-address}
- {name: no such name, from: pod-0, to: nothing.namespace001, verdict: unresolved, cause: dns-nxdomain}
- {name: no such place, from: pod-9, to: pod-1}
- {name: no such endpoint, from: pod-0, to: myapp, via: pod-1}
- {name: another answers, from: pod-0, to: myapp, via: pod-3, answeredBy: pod-2}
"""


def test_the_labs_own_file_and_another_are_asked(two_subnet: Lab, tmp_path: Path) -> None:
    own = inv("verify", "--lab", two_subnet.name).ok().splitlines()
    assert own == [
        "ok      same subnet: delivered to namespace001/pod-2",
        "ok      other subnet: delivered to namespace001/pod-3",
        "ok      the outside: delivered to internet",
        "3 expectations: all met",
    ]
    outputs = ("--junit", str(tmp_path / "junit.xml"), "--json", str(tmp_path / "verified.json"))
    done = inv("verify", "--lab", two_subnet.name, "--file", "-", *outputs, given=ELSEWHERE)
    assert done.status == 3, str(done)
    lines = done.out.splitlines()
    marks = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert marks == ["ok"] * 4 + ["failed"] * 3 + ["7"], f"in the file's order:\n{done}"
    assert "(standard input:6): it cannot be asked: lab " in done.out, done.out
    assert "is not an endpoint of namespace001/myapp port 80" in done.out, done.out
    assert lines[-2:] == [
        "        expected an answer from pod-2; it came from namespace001/pod-3",
        "7 expectations: 4 met, 3 not",
    ]

    told = json.loads((tmp_path / "verified.json").read_text(encoding="utf-8"))
    SCHEMA.validate(told)
    for one in filter(None, (each["journey"] for each in told["expectations"])):
        TRACE.validate(one)
    cases = ET.parse(tmp_path / "junit.xml").findall("testsuite/testcase")  # noqa: S314  our own
    assert [case.get("name") for case in cases] == [one["name"] for one in told["expectations"]]
    failed = {case.get("name"): case.findtext("failure", "") for case in cases if case.find("failure") is not None}
    assert list(failed) == ["no such place", "no such endpoint", "another answers"]
    assert "namespace001/pod-3  eth0 →" in failed["another answers"], "the journey is there"

    (tmp_path / "nodes.yaml").write_text(
        "- {name: nodes, from: node-0, to: node-1, protocol: icmp}\n", encoding="utf-8"
    )
    verified = RunningLab(two_subnet.name).verify(str(tmp_path / "nodes.yaml"))
    assert not verified.failed, str(verified)
    assert str(verified) == "ok      nodes: delivered to node-1\n1 expectation: all met"


def test_a_rule_that_breaks_one_is_named_and_the_lab_stays(
    lab: Callable[..., Lab], file: Callable[[str], str], two_subnet_text: str
) -> None:
    one = lab("two-subnet", up=False)
    # The servers of DNS are on the client's side of the firewall.
    broken = two_subnet_text.replace(
        "  expect:", f"  firewalls: [{{on: node-2, rules: ['{DROP.replace('-A', '-I')}']}}]\n  expect:"
    ).replace("domain: cluster.local", "domain: cluster.local, replicas: 1")
    done = one.up("--verify", topology=file(broken))
    assert done.status == 3, str(done)
    line = broken[: broken.index("name: other subnet")].count("\n") + 1
    held = broken[: broken.index("firewalls:")].count("\n") + 1
    assert "ok      same subnet: delivered to namespace001/pod-2" in done.out, done.out
    told = (
        f"failed  other subnet (topology.yaml:{line}): "
        "lost at node-2 (firewall), on the way there: firewall-drop\n        expected delivered\n"
    )
    assert told in done.out, done.out
    assert f"\n          {DROP}\n" in done.out
    fix = f"./inv exec node-2 --lab {one.name} -- iptables -D {DROP.removeprefix('-A ')}"
    assert f"\n          {fix}\n" in done.out, done.out
    assert f"The next `up` brings it back: it is in topology.yaml:{held}." in done.out, done.out
    assert done.out.endswith("3 expectations: 2 met, 1 not\n")
    assert one.is_listed(), "the lab stays"

    bug = broken.replace("through: [router]", "verdict: lost, cause: firewall-drop, place: node-2")
    assert "no changes" in one.up("--verify", topology=file(bug)).ok(), "the bug is what is expected now"

    wrong = one.up(topology=file(bug.replace("cause: firewall-drop", "cause: firewall-drops"))).refused()
    assert f"topology.yaml:{line}:" in wrong and "did you mean 'firewall-drop'?" in wrong, wrong


def test_what_cannot_be_asked_of_anybody_is_refused_before_anything_is_done(two_subnet: Lab, tmp_path: Path) -> None:
    asked = ("verify", "--lab", two_subnet.name, "--file", "-")
    told = inv(*asked, given="- {from: pod-0, to: pod-1, verdict: lost, cause: no-routes}\n").refused()
    assert told.startswith("standard input:1:50: [0].cause: there is no cause 'no-routes'; did you mean 'no-route'?\n")
    assert "nothing was asked" in told
    assert "standard input expects nothing" in inv(*asked, given="[]").refused()
    junit = tmp_path / "junit.xml"
    assert "spec.expect" in inv(*asked, "--junit", str(junit), given="pods: 3\n").refused()
    assert not junit.exists()
    assert "minimal.yaml expects nothing" in inv("up", "--topology", "minimal", "--verify").refused()
    assert inv("up", "--topology", "minimal", "--verify", "--plan").refused()
