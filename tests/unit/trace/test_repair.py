"""What is said after a loss's commands were run; and what is listened to when a pod is followed."""

from __future__ import annotations

from dataclasses import replace

from lab.trace import repair
from lab.trace.follow.follower import places
from lab.trace.journey import DATA, LOST, REQUEST, Journey, Loss, Mending, Request
from lab.trace.show import reasons
from lab.trace.witness.filter.selection import selection
from tests.unit.trace.recordings import journey, labmap

REQUESTED = Request("namespace001/pod-0", "myapp", 80)
LOSS = Loss(
    "node-2",
    REQUEST,
    DATA,
    "firewall",
    "firewall-drop",
    "A rule drops it.",
    "-A INPUT -j DROP",
    (Mending("node-2", "true"),),
)
BEFORE = Journey("two-subnet", REQUESTED, LOST, lost=LOSS)


def test_mended() -> None:
    (line,) = repair.tell(BEFORE, journey("delivered-vxlan"))
    assert line.startswith("mended: delivered by namespace001/pod-3 in ")


def test_the_same_loss_again() -> None:
    assert repair.tell(BEFORE, BEFORE) == (
        "not mended: lost at node-2 (firewall), on the way there",
        "A rule drops it.",
        "It is the same loss as before.",
    )


def test_another_loss_behind_the_first() -> None:
    after = replace(
        BEFORE, lost=replace(LOSS, place="node-0", fix=(Mending("node-0", "ip route add default via 10.0.1.1"),))
    )
    told = repair.tell(BEFORE, after)
    assert told[-1] == "  ./inv exec node-0 --lab two-subnet -- ip route add default via 10.0.1.1"


def test_nothing_to_run() -> None:
    assert repair.nothing(journey("delivered-vxlan")) == "nothing to mend: delivered by namespace001/pod-3"
    assert repair.nothing(BEFORE) == "nothing to run: no command is known that mends it"
    stopped = replace(BEFORE, stopped=("kube-proxy on node-0 is stopped",))
    assert "is started from outside" in repair.nothing(stopped), "the story has just said by what"


def test_the_pod_that_a_service_chose_is_asked_again() -> None:
    assert repair.chosen(labmap("two-subnet"), journey("delivered-vxlan")) == "namespace001/pod-3"
    assert repair.chosen(labmap("two-subnet"), BEFORE) == ""


def test_a_pod_is_followed_wherever_its_requests_may_come_by() -> None:
    there = labmap("two-subnet")
    pod = there.by_name["namespace001/pod-0"]
    listened = places(there, pod)
    assert listened[0] == pod.name
    assert set(listened) == {place.name for place in there.places if place.kind != "underlay"}
    told = selection(there, (pod.address, "10.99.0.1")).matches
    outside = [match.server for match in told if match.server]
    assert outside, "a NAT hides the pod's address there"
    assert {match.protocol for match in told} == {"tcp", "udp", "icmp"}
    assert {match.client for match in told if match.client} == {pod.address, "10.99.0.1"}


def test_a_command_of_many_lines_is_told_by_its_beginning() -> None:
    whole = "\n".join(
        ["sh -c 'iptables-restore --noflush <<EOF", "*nat", *(f"-A X {one}" for one in range(50)), "EOF'"]
    )
    told = reasons.begun(whole).splitlines()
    assert told[:4] == whole.splitlines()[:4]
    assert told[4:] == ["… and 49 lines more: --fix runs them, --json has them"]
    assert reasons.begun("ip link set eth0 up") == "ip link set eth0 up"
