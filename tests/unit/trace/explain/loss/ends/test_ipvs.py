"""In ipvs mode what differs of the virtual server that was asked is the cause, and what another kube-proxy left is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.network.objects import Address, Interface, Object, RealServer, VirtualServer
from lab.plan import Step
from lab.plan.drift import Drift
from lab.plan.drift import drifts as drifts_of
from lab.plan.steps import Plan
from lab.trace.explain.loss.ends import ipvs
from lab.trace.explain.loss.examination import Case
from lab.trace.explain.loss.facts import Facts, PlaceFacts
from tests.unit.trace.explain.loss.broken import passage

ASKED = ("tcp", "172.16.10.10", 80)
SERVER = VirtualServer("node-0", *ASKED)
REAL = RealServer("node-0", *ASKED, "10.244.0.66:8080")
HELD = Address("node-0", "kube-ipvs0", "172.16.10.10/32")


def case(*steps: Step) -> Case:
    """What node-0 holds otherwise, and a request of pod-0 to myapp that came to it and went no further."""
    found: tuple[Drift, ...] = tuple(drifts_of(Plan(steps)))
    known = Facts({"node-0": PlaceFacts("node-0", drifts=found)})
    return Case(passage("lost-before-choice"), (), known)


@pytest.mark.parametrize(
    ("missing", "cause", "said"),
    [
        ((SERVER, REAL), "no-virtual-server", "virtual server TCP 172.16.10.10:80 rr"),
        ((REAL,), "no-real-server", "real server 10.244.0.66:8080 weight 1 of TCP 172.16.10.10:80"),
        ((HELD,), "address-missing", "172.16.10.10/32 dev kube-ipvs0"),
    ],
)
def test_what_is_missing_is_the_cause_and_is_made_again(missing: tuple[Object, ...], cause: str, said: str) -> None:
    found = ipvs.differs(case(*(Step("add", one) for one in missing)))
    assert found is not None
    assert (found.place, found.cause, found.object) == ("node-0", cause, said)
    assert len(found.fix) == len(missing)


def test_a_weight_of_nothing_is_told_as_such() -> None:
    found = ipvs.differs(case(Step("change", REAL, replace(REAL, weight=0))))
    assert found is not None
    assert "weight 0" in found.why
    assert found.fix == ("ipvsadm -e -t 172.16.10.10:80 -r 10.244.0.66:8080 -m -w 1",)


def test_servers_of_others_are_no_cause() -> None:
    assert ipvs.differs(case(Step("add", replace(SERVER, port=443)))) is None
    left = Interface("node-0", "kube-ipvs0", "dummy", "", 1500, up=False)
    assert ipvs.left_over(case(Step("remove", left))) is None, "a Service has the address"
