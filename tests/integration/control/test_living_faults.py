"""What people break by hand stays broken while the API is followed, as on a real node; `up` mends it.

node-0 (pod-0, pod-1) ── subnet-a ── node-1 (pod-2)     router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.labs import Lab, standing, until
from tests.integration.living import Api, apply, condition, kubectl, settle

CURL = ("curl", "-sS", "--max-time", "5")
FAULT = "INPUT -p udp -m udp --dport 4789 -j DROP"

CHANGES = """
apiVersion: v1
kind: Pod
metadata: {name: more, namespace: namespace001, labels: {app: myapp}}
spec: {nodeName: node-2, containers: [{name: c, image: built-in}]}
---
apiVersion: v1
kind: Service
metadata: {name: more, namespace: namespace001}
spec: {selector: {app: myapp}, ports: [{port: 80, targetPort: 8080}]}
"""


@pytest.fixture
def living() -> Iterator[Lab]:
    with standing("two-subnet") as one:
        yield one


def change(lab: Lab) -> None:
    """A pod and a Service more, a label, and the pod's end: all of it reaches every node."""
    apply(lab, CHANGES)
    api = Api(lab)
    until(lambda: condition(api.get("Pod", "namespace001", "more")) == "True", "the pod is ready")
    settle(lab)
    kubectl(lab, "-n", "namespace001", "label", "pod", "pod-3", "app-").ok()
    settle(lab)
    kubectl(lab, "-n", "namespace001", "delete", "pod", "more").ok()
    settle(lab)


@pytest.mark.parametrize(
    ("place", "broken", "seen", "shown"),
    [
        ("node-2", f"iptables -I {FAULT}", f"-A {FAULT}", "iptables-save -t filter"),
        (
            "node-0",
            "iptables -t nat -I PREROUTING -d 172.16.10.10 -j RETURN",
            "-A PREROUTING -d 172.16.10.10/32 -j RETURN",
            "iptables-save -t nat",
        ),
        ("node-0", "ip route add blackhole 10.244.0.129", "blackhole 10.244.0.129", "ip route"),
        (
            "namespace001/pod-2",
            "iptables -I INPUT -p tcp --dport 8080 -j DROP",
            "--dport 8080 -j DROP",
            "iptables-save",
        ),
    ],
)
def test_a_fault_made_by_hand_outlives_changes_of_the_api_until_up(
    living: Lab, place: str, broken: str, seen: str, shown: str
) -> None:
    living.in_(place, broken)
    change(living)
    assert seen in living.in_(place, shown), "it is as it was left"
    made = until(lambda: Api(living).get("Service", "namespace001", "more")["spec"]["clusterIP"], "it has an address")
    assert made in living.in_("node-1", "iptables-save -t nat"), "what the API asked for was done"
    if not place.startswith("namespace001"):  # what people do inside a pod is theirs
        assert living.drift()
        living.up().ok()
        assert seen not in living.in_(place, shown)
        assert living.drift() == []
        assert living.plan() == "# no changes"


def test_a_link_cut_by_hand_stays_cut_and_other_pods_are_built_beside_it(living: Lab) -> None:
    living.in_("node-2", "ip link set eth0 down")
    change(living)
    assert "state DOWN" in living.in_("node-2", "ip link show eth0")
    assert living.exec_("pod-0", *CURL, "http://pod-3.invalid").status != 0
    living.up().ok()
    assert living.drift() == []
    assert living.exec_("pod-0", *CURL, "http://myapp").ok()


def test_where_a_change_needs_what_was_taken_away_it_is_put_back(living: Lab) -> None:
    """A table that somebody flushed and emptied of its chains: the next Service needs them."""
    living.exec_("node-1", "sh", "-c", "iptables -t nat -F && iptables -t nat -X").ok()
    apply(living, CHANGES)
    api = Api(living)
    until(lambda: condition(api.get("Pod", "namespace001", "more")) == "True", "the pod is ready")
    settle(living)
    assert living.exec_("pod-2", *CURL, "http://more").ok()
