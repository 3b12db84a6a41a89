"""A Service's node port, asked of every node: who answers, and by which way.

subnet-a 10.0.1.0/24          router          subnet-b 10.0.2.0/24
node-0 ─────┬───── node-1 ─── eth0 eth1 ─────────── node-2
pod-0 pod-1        pod-2                            pod-3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lab.map.labmap import LabMap
from lab.map.path import Crossing, Walker
from lab.trace.journey import Hop
from lab.trace.trace import trace
from tests.integration.conftest import LabFactory
from tests.integration.labs import Lab, standing, with_node_port

POD_0 = "namespace001/pod-0"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, two_subnet_text: str) -> Iterator[Lab]:
    file = tmp_path_factory.mktemp("served") / "topology.yaml"
    file.write_text(with_node_port(two_subnet_text), encoding="utf-8")
    with standing(str(file)) as one:
        yield one


def seen(hops: tuple[Hop, ...]) -> tuple[Crossing, ...]:
    return tuple(
        Crossing(hop.place, hop.interface, hop.way, hop.packet.outer.kind if hop.packet.outer else "") for hop in hops
    )


@pytest.mark.parametrize("pod", ["pod-2", "pod-3"])
@pytest.mark.parametrize("node", ["node-0", "node-1", "node-2"])
def test_every_node_answers_by_the_way_that_the_design_expects(served: Lab, node: str, pod: str) -> None:
    told = trace(served.name, POD_0, f"{node}:30080", via=pod)
    assert (told.verdict, told.answered_by) == ("delivered", f"namespace001/{pod}")
    there, back = told.part("data", "request"), told.part("data", "reply")
    labmap = LabMap.from_json(served.map())
    asked = labmap.by_name[node].address
    expected = Walker(labmap).round_trip(POD_0, asked, labmap.find(pod).address)
    assert seen(there) == expected.request.crossings
    assert seen(back) == expected.reply.crossings
    translated = [hop.place for hop in there for one in hop.decisions if one.text.startswith("-A KUBE-EXT-")]
    assert set(translated) == {node}
    own = {link.address for link in labmap.by_name[node].links if link.address}
    assert there[-1].packet.src in own, "masqueraded: the endpoint sees the node that was asked"


def test_a_pod_reaches_itself_by_its_nodes_port(served: Lab) -> None:
    told = trace(served.name, "namespace001/pod-3", "node-2:30080", via="pod-3")
    assert (told.verdict, told.answered_by) == ("delivered", "namespace001/pod-3")


def test_get_services_prints_the_node_port(served: Lab) -> None:
    assert "80:30080/TCP" in served.get("services", "-n", "namespace001")


def test_behind_a_bridge_too(lab: LabFactory, file: Callable[[str], str], two_subnet_text: str) -> None:
    bridged = lab(
        file(with_node_port(two_subnet_text)), "--set", "cni.plugin=flannel", "--set", "cni.encapsulation=VXLAN"
    )
    for node, pod in (("node-0", "pod-3"), ("node-1", "pod-2"), ("node-2", "pod-2")):
        told = trace(bridged.name, POD_0, f"{node}:30080", via=pod)
        assert (told.verdict, told.answered_by) == ("delivered", f"namespace001/{pod}")
