"""Rare faults: the trace's JSON names place, cause and object, its commands mend it and take away nothing else.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2        gateway ─── internet
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, inv, until
from tests.integration.rare_losses import RARE, SERVICE, UPSTREAM, Rare


def asked(lab: Lab, of: tuple[str, ...]) -> dict[str, Any]:
    source, to, *options = of
    done = inv("trace", "--lab", lab.name, "--from", source, "--to", to, *options, "--json", "-")
    assert done.status in (0, 3), str(done)
    told: dict[str, Any] = json.loads(done.out)
    return told


def broken(lab: Lab, fault: Rare) -> dict[str, Any]:
    """What is lost once the fault is made; where an endpoint is chosen at random, the first request that is."""
    for place, command in fault.done:
        lab.exec_(place, "sh", "-c", command).ok()
    lost: dict[str, Any] | None = until(lambda: asked(lab, fault.asked)["lost"], "a request is lost")
    assert lost is not None
    return lost


@pytest.mark.parametrize("fault", RARE, ids=[fault.name for fault in RARE])
def test_a_rare_fault_is_named_and_mended(lab: LabFactory, fault: Rare) -> None:
    here = lab(fault.topology, *fault.options)
    before = here.plan()
    lost = broken(here, fault)
    assert (lost["object_place"], lost["cause"]) == (fault.place, fault.cause), lost
    assert not [word for word in fault.words if word not in lost["object"]], lost
    assert fault.why in lost["why"]
    assert bool(lost["fix"]) is fault.mends, lost
    if fault.mends:
        until(lambda: mended(here, fault, lost), f"{lost['fix']} has mended it")
        assert fault.leaves or here.plan() == before, "what the design has is there again, and nothing too many"


def mended(lab: Lab, fault: Rare, lost: dict[str, Any]) -> bool:
    """Whether the request is delivered once the commands were run; those of a second fault behind the first as well."""
    for one in lost["fix"]:
        lab.exec_(one["place"], *shlex.split(one["command"]))
    told = asked(lab, fault.asked)
    lost.update(told["lost"] or {})
    return bool(told["verdict"] == "delivered")


def test_the_same_question_to_the_outside_is_told_twice(lab: LabFactory) -> None:
    """A DNS server that waits for an answer already does not ask again for the same name."""
    here = lab("two-subnet")
    first = broken(here, UPSTREAM)
    again = asked(here, UPSTREAM.asked)["lost"]
    third = asked(here, UPSTREAM.asked)["lost"]
    told = {(one["object_place"], one["object"], one["cause"]) for one in (first, again, third)}
    assert told == {(UPSTREAM.place, UPSTREAM.words[0], UPSTREAM.cause)}


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
def test_what_is_cut_in_pieces_is_answered_by_who_really_did(two_subnet: Lab, protocol: str) -> None:
    """A node gives what its pods send to other nodes its own address, and puts the pieces together for that."""
    told = asked(two_subnet, ("namespace001/pod-0", "node-2", "--protocol", protocol, "--size", "4000"))
    if protocol == "icmp":
        assert (told["verdict"], told["answered_by"]) == ("delivered", "node-2")
    else:
        assert (told["verdict"], told["lost"]["place"], told["lost"]["cause"]) == (
            "refused",
            "node-2",
            "nobody-listens",
        )


def test_what_a_stopped_kube_proxy_left_is_no_mistake_of_the_service(lab: LabFactory) -> None:
    """The Service's port was changed while the node's rules did not follow: it is they that lead elsewhere."""
    here = lab("two-subnet")
    changed = '{"spec": {"ports": [{"name": "http", "port": 80, "targetPort": %d}]}}'
    patch = ("kubectl", "--lab", here.name, "--", "patch", "svc", "myapp", "-n", "namespace001", "-p")
    inv(*patch, changed % 8081).ok()
    until(lambda: asked(here, SERVICE[:2])["verdict"] == "refused", "rules lead to where nobody listens")
    inv("component.stop", "kube-proxy", "--lab", here.name, "--on", "node-0").ok()
    inv(*patch, changed % 8080).ok()
    lost = asked(here, SERVICE[:2])["lost"]
    assert (lost["object_place"], lost["cause"], lost["fix"]) == ("node-0", "stale-rules", []), lost
    assert lost["object"] in {f"Service namespace001/myapp:80 leads to 10.244.0.{pod}:8081" for pod in (66, 129)}
    inv("component.start", "kube-proxy", "--lab", here.name, "--on", "node-0").ok()
    for _ in range(4):
        assert asked(here, SERVICE[:2])["verdict"] == "delivered"
