"""An edited file changes what differs and nothing else.

node-0 (pod-0, pod-1) ── subnet-a ── node-1 (pod-2, and pod-4 when it is added)
                            │
                          router ── subnet-b ── node-2 (pod-3)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.integration.conftest import LabFactory
from tests.integration.labs import PYTHON, ROOT, Lab, inv

FileWriter = Callable[[str], str]

POD_4 = """---
apiVersion: v1
kind: Pod
metadata: {name: pod-4, namespace: namespace001, labels: {app: other}}
spec:
  nodeName: node-1
  containers: [{name: server, image: built-in}]
"""
NODE_3 = "    - {name: node-3, subnet: subnet-b, address: 10.0.2.11}\n"
PLACE_OF_NODE_2 = "    - {name: node-2, subnet: subnet-b, address: 10.0.2.10}\n"
CURL = ("curl", "-sS", "--max-time", "5")

# One socket, asked again for every line that comes on standard input.
CONVERSATION = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as s:
    stream = s.makefile("rb")
    for line in sys.stdin:
        s.sendall(b"GET /%s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % line.strip().encode())
        size = 0
        while (head := stream.readline().strip()):
            if head.lower().startswith(b"content-length:"):
                size = int(head.split()[1])
        print(stream.read(size).decode().replace("\\n", " "), s.getsockname()[1], flush=True)
"""


@contextmanager
def conversation(lab: Lab, place: str, address: str, port: int) -> Iterator[Callable[[], str]]:
    """A connection from a pod, held open for the block; each call is one more request on it, and gives the answer."""
    process = lab.start_exec(place, PYTHON, "-S", "-c", CONVERSATION, address, str(port))
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None

    def ask() -> str:
        process.stdin.write(b"again\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        answer: str = process.stdout.readline().decode()  # type: ignore[union-attr]
        assert answer, f"the connection was lost: {process.stderr.read().decode()}"  # type: ignore[union-attr]
        return answer

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
        process.stderr.close()


def headings(script: str) -> list[str]:
    """The groups of a plan: `# ── node-1 ──` → node-1."""
    return [line.strip("# ─") for line in script.splitlines() if line.startswith("# ──")]


def with_pod_in_the_middle(text: str) -> str:
    at = text.index("---\n# In the client's subnet")
    return text[:at] + POD_4 + text[at:]


@pytest.mark.parametrize("where", ["at the end", "in the middle"])
def test_a_pod_more_is_that_pods_steps_and_what_follows_from_them(
    lab: LabFactory, file: FileWriter, two_subnet_text: str, where: str
) -> None:
    one = lab(file(two_subnet_text))
    before = {pod: one.in_(pod, "ip -br addr show eth0") for pod in ("pod-0", "pod-1", "pod-2", "pod-3")}
    with (
        conversation(one, "pod-0", "10.244.0.129", 8080) as ask,
        conversation(one, "pod-1", "172.16.10.10", 80) as ask_too,
    ):
        first, first_too = ask(), ask_too()

        edited = file(two_subnet_text + POD_4 if where == "at the end" else with_pod_in_the_middle(two_subnet_text))
        planned = one.plan()
        assert headings(planned) == ["places", "node-1", "namespace001/pod-4"], planned
        assert "pod-2" not in planned, f"pod-2's part of node-1 is as it was\n{planned}"
        told = one.up(topology=edited).ok()
        assert "no changes" not in told

        assert (ask(), ask_too()) == (first, first_too), "the same connections, from the same ports, to the same pods"
    assert one.exec_("pod-0", *CURL, "http://10.244.0.67:8080").ok().startswith("pod-4\n")
    assert one.exec_("pod-4", *CURL, "http://myapp").ok()
    assert {pod: one.in_(pod, "ip -br addr show eth0") for pod in before} == before, "nobody has moved"

    file(two_subnet_text)
    assert "ip netns del namespace001.pod-4" in one.plan()
    one.up().ok()
    assert one.plan() == "# no changes"
    assert "10.244.0.67" not in one.in_("node-1", "ip route") + one.in_("node-1", "iptables-save")


def test_a_port_of_a_service_is_another(lab: LabFactory, file: FileWriter, two_subnet_text: str) -> None:
    one = lab(file(two_subnet_text))
    with conversation(one, "pod-0", "172.16.10.10", 80) as ask:
        first = ask()
        file(two_subnet_text.replace("port: 80, targetPort", "port: 81, targetPort"))
        planned = one.plan()
        assert {"node-0", "node-1", "node-2"} <= set(headings(planned))
        assert not any(line.startswith(("ip -n", "bridge -n")) for line in planned.splitlines()), planned
        one.up().ok()
        assert ask() == first, "a connection that is open is not of the new rules' concern"
    assert one.exec_("pod-0", *CURL, "http://myapp:81").ok()
    refused = one.exec_("pod-0", *CURL, "http://myapp:80")
    assert refused.status != 0, f"nobody serves port 80 of the Service any more\n{refused}"


def test_a_node_comes_and_goes(lab: LabFactory, file: FileWriter, two_subnet_text: str) -> None:
    one = lab(file(two_subnet_text))
    with conversation(one, "pod-0", "10.244.0.129", 8080) as ask:
        first = ask()
        more = two_subnet_text.replace(PLACE_OF_NODE_2, PLACE_OF_NODE_2 + NODE_3)
        one.up(topology=file(more + POD_4.replace("node-1", "node-3"))).ok()
        assert one.exec_("pod-0", *CURL, "http://pod-4.namespace001.pod.cluster.local:8080").status != 0
        address = json.loads(one.get("pods", "-n", "namespace001", "-o", "json"))["items"][-1]["status"]["podIP"]
        assert one.exec_("pod-0", *CURL, f"http://{address}:8080").ok().startswith("pod-4\n")
        assert ask() == first
        one.up(topology=file(two_subnet_text)).ok()
        assert ask() == first
    assert one.plan() == "# no changes"
    assert "node-3" not in one.inspect()
    assert "10.0.2.11" not in one.in_("node-0", "bridge fdb show dev vxlan.calico")


def test_a_service_more_and_the_others_stay_where_they_are(
    lab: LabFactory, file: FileWriter, two_subnet_text: str
) -> None:
    service = """---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: namespace001}
spec: {selector: {app: other}, ports: [{port: 80, targetPort: 8080}]}
"""
    one = lab(file(two_subnet_text + service.replace("NAME", "zebra")))
    zebra = one.get("services").split("zebra")[1].split()[1]
    one.up(topology=file(two_subnet_text + service.replace("NAME", "ant") + service.replace("NAME", "zebra"))).ok()
    assert one.get("services").split("zebra")[1].split()[1] == zebra
    for name in ("ant", "zebra", "zebra.namespace001.svc.cluster.local"):
        assert one.exec_("pod-0", *CURL, f"http://{name}").ok().startswith("pod-1\n"), name


def test_a_setting_for_this_once(lab: LabFactory) -> None:
    one = lab("minimal", "--set", "dns.domain=example.test")
    assert "search default.svc.example.test" in one.in_("pod-0", "cat /etc/resolv.conf")
    assert "# no changes" not in one.plan(), "without the setting the file says something else"
    assert one.plan("--set", "dns.domain=example.test") == "# no changes"
    assert "no-such" in inv("up", "--topology", "minimal", "--lab", one.name, "--set", "no-such=1").refused()
    assert one.plan("--set", "dns.domain=example.test") == "# no changes", "a refused file has changed nothing"


def test_the_last_pod_of_a_node_with_a_bridge_goes(lab: LabFactory, file: FileWriter) -> None:
    """A bridge that was born with its MTU gives it up with its last port: it was told its MTU afterwards."""
    text = (ROOT / "topologies" / "two-subnet-bridge.yaml").read_text(encoding="utf-8")
    documents = text.split("\n---\n")
    without = "\n---\n".join(document for document in documents if "name: pod-3" not in document)
    one = lab(file(text))
    one.up(topology=file(without)).ok()
    assert one.plan() == "# no changes"
    assert "mtu 1450" in one.in_("node-2", "ip link show cni0")
    one.up(topology=file(text)).ok()
    assert one.exec_("pod-0", *CURL, "http://10.244.2.2:8080").ok().startswith("pod-3\n")
