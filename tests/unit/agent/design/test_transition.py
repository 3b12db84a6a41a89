"""From one design to the next: the steps of a part come to the same as comparing whole networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.agent.design.blueprint import Design, read_design
from lab.agent.design.transition import FEW, Following, NodeProxies, adds_little
from lab.network.objects import Chain, Network
from lab.plan import Plan, RuleStep, Step, plan
from lab.plan.steps import NftStep

TOPOLOGIES = Path(__file__).resolve().parents[4] / "topologies"
MORE_PODS = """\
---
apiVersion: v1
kind: Pod
metadata: {name: pod-9, namespace: namespace001, labels: {app: myapp}}
spec: {nodeName: node-1, containers: [{name: server, image: built-in}]}
"""
MORE_SERVICES = """\
---
apiVersion: v1
kind: Service
metadata: {name: other, namespace: namespace001}
spec: {type: NodePort, selector: {app: other}, ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: everyone, namespace: namespace001}
spec: {clusterIP: None, selector: {app: myapp}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: checked, namespace: namespace001}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 32100
  selector: {app: myapp}
  ports: [{name: http, port: 80, targetPort: 8080}]
"""
UNREADY = "labels: {app: myapp}, annotations: {hoplab.io/ready: 'false'}}"

EDITS = {
    "a pod comes": lambda text: text + MORE_PODS,
    "Services come": lambda text: text + MORE_SERVICES,
    "an endpoint of a Service with health checks comes": lambda text: text + MORE_SERVICES + MORE_PODS,
    "an endpoint is not ready": lambda text: text.replace("labels: {app: myapp}}", UNREADY, 1),
    "a pod moves": lambda text: text.replace("nodeName: node-2", "nodeName: node-0"),
    "a pod listens elsewhere": lambda text: text.replace(
        "containers: [{name: client, image: built-in}]",
        "containers: [{name: client, image: built-in, ports: [{containerPort: 9000}]}]",
    ),
    "all of it": lambda text: (text + MORE_PODS + MORE_SERVICES).replace("labels: {app: myapp}}", UNREADY, 1),
}


def design(text: str, settings: tuple[str, ...]) -> Design:
    return read_design(text, str(TOPOLOGIES / "two-subnet.yaml"), settings)


def outcome(network: Network, *plans: Plan) -> set[object]:
    """What is there after the steps, in whatever order; of chains, with their rules in order."""
    held = dict(network.by_key)
    for steps in plans:
        for step in steps.steps:
            for change in [step] if isinstance(step, Step) else step.changes:
                item = change.chain if isinstance(step, RuleStep) else change.object  # type: ignore[union-attr]
                if change.action == "remove":
                    held.pop(item.key)
                    if item.key[0] == "netns":
                        held = {key: one for key, one in held.items() if one.place != item.place}
                else:
                    held[item.key] = item
    return set(held.values())


def strides(before: Design, after: Design) -> list[Plan]:
    # A file read twice is two topologies; a lab that lives has one.
    after = Design(before.read, after.cluster, after.addresses)
    return [steps for steps, _ in Following(NodeProxies(), before, after).strides()]


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize("plugin", ["calico", "flannel"])
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("forth", [True, False], ids=["forth", "back"])
def test_parts_lead_to_the_whole(edit: object, plugin: str, mode: str, forth: bool) -> None:
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    settings = (
        f"services.proxy={mode}",
        *(("cni.plugin=flannel", "cni.encapsulation=VXLAN") if plugin == "flannel" else ()),
    )
    assert callable(edit)
    before, after = design(text, settings), design(edit(text), settings)
    after = Design(before.read, after.cluster, after.addresses)
    if not forth:
        before, after = after, before
    made = strides(before, after)
    whole = plan(after.network, before.network)
    assert len(made) == 2, "a change of pods and Services needs no look at the whole network"
    assert outcome(before.network, *made) == outcome(before.network, whole)


def test_nothing_changed_means_nothing_to_do() -> None:
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    before = design(text, ())
    assert not any(strides(before, Design(before.read, before.cluster, before.addresses)))


def test_rules_of_a_node_are_loaded_at_one_go() -> None:
    """Calico's chains for a new pod and kube-proxy's for its Service are one step of the node."""
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    made = strides(design(text, ()), design(text + MORE_PODS, ()))
    rules = [step for steps in made for step in steps.steps if isinstance(step, RuleStep | NftStep)]
    assert sorted(step.place for step in rules) == ["node-0", "node-1", "node-2"]
    of_node = next(step for step in rules if step.place == "node-1")
    names = {change.chain.name[:5] for change in of_node.changes if isinstance(change.chain, Chain)}  # type: ignore[union-attr]
    assert {"cali-", "KUBE-"} <= names


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_a_stopped_kube_proxy_follows_nothing_and_catches_up_when_it_is_started(mode: str) -> None:
    """Also where nothing is remembered of what the nodes have, as after an `up`."""
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    settings = (f"services.proxy={mode}",)
    first, second = design(text, settings), design(text + MORE_SERVICES, settings)
    stale = {"node-0": (first.cluster, first.addresses)}
    before = Design(first.read, first.cluster, first.addresses, stale=stale)
    during = Design(first.read, second.cluster, second.addresses, stale=stale)
    after = Design(first.read, second.cluster, second.addresses)
    followed = [steps for steps, _ in Following(NodeProxies(), before, during).strides()]
    assert outcome(before.network, *followed) == set(during.network.by_key.values())
    assert "node-0" not in {step.place for step in followed[0].steps}
    caught_up = [steps for steps, _ in Following(NodeProxies(), during, after).strides()]
    assert outcome(during.network, *caught_up) == set(after.network.by_key.values())
    assert {step.place for step in caught_up[0].steps} == {"node-0"}


LEAVING = ("a pod comes", "an endpoint of a Service with health checks comes", "a pod moves", "all of it")


@pytest.mark.parametrize("edit", EDITS)
def test_what_adds_little(edit: str) -> None:
    """Whoever moves leaves a place, and of more than a few pods each is not worth a way of its own."""
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    before, after = design(text, ()), design(EDITS[edit](text), ())
    assert adds_little(before, after) is (edit != "a pod moves")
    assert not adds_little(before, design(EDITS[edit](text), ("services.proxy=nftables",)))
    assert adds_little(after, before) is (edit not in LEAVING)


def test_ipvs_is_looked_at_in_whole() -> None:
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    settings = ("services.proxy=ipvs",)
    assert not adds_little(design(text, settings), design(text + MORE_PODS, settings))


def test_many_pods_are_more_than_a_little() -> None:
    text = (TOPOLOGIES / "two-subnet.yaml").read_text(encoding="utf-8")
    many = "".join(MORE_PODS.replace("pod-9", f"pod-{number}") for number in range(9, 9 + FEW + 1))
    assert not adds_little(design(text, ()), design(text + many, ()))
