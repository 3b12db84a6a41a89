"""What the agent holds of a lab is what there is of it, not what there ever was."""

from __future__ import annotations

from lab.kernel.holdings import Holdings
from lab.network.objects import File, Interface, Namespace
from lab.network.place_names import UNDERLAY
from tests.integration.sandboxed import sandboxed


def pod(name: str) -> tuple[Namespace, File, Interface]:
    link = Interface(name, "eth0", "veth", "", 1500, peer_place="node-0", peer_name=f"cali-{name}", primary=True)
    return Namespace(name, "pod", "node-0"), File(name, f"/etc/netns/{name}/hosts", "x"), link


@sandboxed
def test_places_that_are_gone_are_forgotten() -> None:
    holdings = Holdings()
    node = Namespace("node-0", "node")
    wire = Interface("node-0", "eth0", "veth", "", 1500, peer_place=UNDERLAY, peer_name="node-0", primary=True)
    holdings.learn((node, wire))
    for number in range(1000):
        holdings.learn(pod(f"default/pod-{number}"))
        holdings.forget_gone(("node-0", f"default/pod-{number}"))
    assert len(holdings.kinds) <= 8
    assert len(holdings.files) <= 8
    assert len(holdings.peers) <= 16
    assert holdings.kinds["node-0"] == node
    assert holdings.peers["node-0", "eth0"] == (UNDERLAY, "node-0")
    assert holdings.peers["default/pod-999", "eth0"] == ("node-0", "cali-default/pod-999")
