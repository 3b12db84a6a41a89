"""kube-proxy in ipvs mode: what a real node shows of it, a journey through it, what is lost, and changes of the mode.

pod-0 on node-0 ── virtual server 172.16.10.10:80 on node-0 ── pod-2 on node-1, pod-3 on node-2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lab.topology.schema import SCHEDULERS
from tests.integration.labs import PYTHON, finish, inv, start, until
from tests.vm.labs import InMachine

MODE = ("--set", "services.proxy=ipvs")
OTHER = ("--set", "services.proxy=nftables")
DEPRECATED = "Kubernetes has deprecated kube-proxy's ipvs mode since 1.35"
WEB = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: namespace001}
spec:
  type: NodePort
  clusterIP: 172.16.20.20
  sessionAffinity: ClientIP
  selector: {app: myapp}
  externalIPs: [198.51.100.7]
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: namespace001}
spec:
  clusterIP: 172.16.20.21
  selector: {app: nobody}
  ports: [{port: 80, targetPort: 8080}]
"""
# One connection, through which it asks for each line that it is given; it prints the first line of the answer. It ends
# with a reset, which IPVS remembers for 10 seconds: what ends in order it remembers for 2 minutes (TIME_WAIT).
HELD = """
import http.client, socket, struct, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=20)
connection.connect()
connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
for _ in sys.stdin:
    connection.request("GET", "/")
    print(connection.getresponse().read().decode().partition("\\n")[0], flush=True)
    assert connection.sock is not None, "the server has ended the connection"
"""


@pytest.fixture(scope="module", autouse=True)
def _balanced(machine: InMachine) -> None:
    told = machine.up(*MODE)
    told.ok()
    assert DEPRECATED in str(told)
    assert "no changes" in machine.up(*MODE).ok(), "what is there is what was asked for"


def decisions(journey: dict[str, Any], kind: str) -> list[dict[str, str]]:
    return [
        one for hop in journey["hops"] for one in hop["decisions"] if hop["phase"] == "data" and one["kind"] == kind
    ]


def servers(machine: InMachine, node: str = "node-0") -> list[str]:
    return machine.exec_(node, "ipvsadm", "-Sn").ok().splitlines()


def kubectl(machine: InMachine, *words: str) -> None:
    inv("kubectl", "--lab", machine.name, "--", "-n", "namespace001", *words).ok()


def test_a_node_shows_it_as_a_real_one_does(machine: InMachine) -> None:
    listed = machine.exec_("node-0", "ipvsadm", "-Ln").ok()
    device = machine.exec_("node-0", "ip", "addr", "show", "kube-ipvs0").ok()

    assert "TCP  172.16.10.10:80 rr" in listed
    for endpoint in ("10.244.0.66:8080", "10.244.0.129:8080"):
        assert " ".join(("->", endpoint, "Masq", "1")) in " ".join(listed.split())
    assert "inet 172.16.10.10/32 scope global kube-ipvs0" in device
    assert "<BROADCAST,NOARP>" in device, "it is down"
    settings = ("net.ipv4.vs.conntrack", "net.ipv4.vs.expire_nodest_conn", "net.ipv4.vs.expire_quiescent_template")
    assert machine.exec_("node-0", "sysctl", "-n", *settings).ok().split() == ["1", "1", "1"]


@pytest.mark.parametrize(("pod", "endpoint"), [("pod-2", "10.244.0.66:8080"), ("pod-3", "10.244.0.129:8080")])
def test_a_journey_is_delivered_and_names_virtual_and_real_server(machine: InMachine, pod: str, endpoint: str) -> None:
    journey = machine.trace("pod-0", "myapp", "--via", pod)

    assert journey["verdict"] == "delivered"
    (chosen,) = decisions(journey, "ipvs")
    assert chosen["text"] == f"TCP 172.16.10.10:80 rr -> {endpoint} Masq weight 1"
    assert chosen["intent"] == f"endpoint {pod} of Service namespace001/myapp:80, one of 2 real servers"
    assert next(one["verdict"] for one in decisions(journey, "nat") if "became" in one["text"]) == "IPVS"


def test_every_kind_of_service_is_balanced_and_changes_in_small_steps(machine: InMachine) -> None:
    inv("apply", "--file", "-", "--lab", machine.name, given=WEB).ok()
    made = servers(machine)
    for address in ("172.16.20.20:80", "198.51.100.7:80", "10.0.1.10:30080", "10.244.0.0:30080"):
        assert f"-A -t {address} -s rr -p 10800" in made
        assert f"-a -t {address} -r 10.244.0.66:8080 -m -w 1" in made

    for source, target in (("pod-0", "web"), ("node-0", "web"), ("node-1", "10.0.1.10:30080"), ("pod-0", "pod-0")):
        assert machine.trace(source, target)["verdict"] == "delivered", f"{source} asks {target}"
    answered = {machine.trace("pod-0", "web")["answered_by"] for _ in range(3)}
    assert len(answered) == 1, "with affinity a client stays where it was"

    kubectl(machine, "annotate", "pod", "pod-2", "hoplab.io/ready=false")
    until(lambda: not any("10.244.0.66" in one and "-w 1" in one for one in servers(machine)), "pod-2 gets nobody new")
    kubectl(machine, "annotate", "pod", "pod-2", "hoplab.io/ready-")
    until(lambda: "-a -t 172.16.10.10:80 -r 10.244.0.66:8080 -m -w 1" in servers(machine), "pod-2 is back")


def test_an_endpoint_that_goes_keeps_its_connection_and_is_gone_with_it(machine: InMachine) -> None:
    """Its weight is 0 meanwhile; that the connection has ended is seen within a minute, and those
    that earlier requests had in 2 more.
    """
    with held_connection(machine, "172.16.10.10", 80) as ask:
        pod = ask()
        (other,) = {"pod-2", "pod-3"} - {pod}
        endpoint = {"pod-2": "10.244.0.66:8080", "pod-3": "10.244.0.129:8080"}[pod]
        resting, working = (f"-a -t 172.16.10.10:80 -r {endpoint} -m -w {weight}" for weight in (0, 1))
        kubectl(machine, "annotate", "pod", pod, "hoplab.io/ready=false")
        until(lambda: resting in servers(machine), f"{pod} gets nobody new")
        assert ask() == pod, "who was connected before stays so"
        assert machine.trace("pod-0", "myapp")["answered_by"] == f"namespace001/{other}"
        assert "no changes" in machine.up(*MODE).ok(), "that it waits is no difference"
        assert resting in servers(machine)
    until(lambda: not any(endpoint in one for one in servers(machine)), f"{pod} is gone", seconds=240)
    kubectl(machine, "annotate", "pod", pod, "hoplab.io/ready-")
    until(lambda: working in servers(machine), f"{pod} is back")


@contextmanager
def held_connection(machine: InMachine, host: str, port: int) -> Iterator[Callable[[], str]]:
    """One TCP connection of pod-0's for the block; what is yielded asks through it, and gives who answered."""
    words = ("exec", "--lab", machine.name, "pod-0", "--", PYTHON, "-c", HELD, host, str(port))
    running = start(*words)

    def ask() -> str:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b"\n")
        running.stdin.flush()
        return running.stdout.readline().decode().strip()

    try:
        yield ask
    finally:
        finish(running).ok()


@pytest.mark.parametrize("scheduler", [one for one in SCHEDULERS if one != "rr"])
def test_every_scheduler_serves(machine: InMachine, scheduler: str) -> None:
    chosen = ("--set", f"services.ipvs.scheduler={scheduler}")
    machine.up(*MODE, *chosen).ok()
    assert "no changes" in machine.up(*MODE, *chosen).ok()
    flags = " -b mh-port" if scheduler == "mh" else ""
    assert f"-A -t 172.16.10.10:80 -s {scheduler}{flags}" in servers(machine)
    journey = machine.trace("pod-0", "myapp")
    assert journey["verdict"] == "delivered", journey["lost"]
    (balanced,) = decisions(journey, "ipvs")
    assert balanced["text"].startswith(f"TCP 172.16.10.10:80 {scheduler} "), balanced


def test_what_is_lost_is_named(machine: InMachine) -> None:
    machine.up(*MODE).ok()
    inv("apply", "--file", "-", "--lab", machine.name, given=WEB).ok()
    nobody = machine.trace("pod-0", "nobody")
    assert (nobody["verdict"], nobody["lost"]["cause"]) == ("refused", "no-endpoints")
    assert nobody["lost"]["object"].endswith("has no real server")

    at = ("-t", "172.16.10.10:80")
    for pod in ("10.244.0.66:8080", "10.244.0.129:8080"):
        machine.exec_("node-0", "ipvsadm", "-e", *at, "-r", pod, "-m", "-w", "0").ok()
    resting = machine.trace("pod-0", "myapp")["lost"]
    assert (resting["place"], resting["cause"]) == ("node-0", "no-real-server"), resting
    assert "weight 0" in resting["why"]

    machine.exec_("node-0", "ipvsadm", "-D", *at).ok()
    gone = machine.trace("pod-0", "myapp")["lost"]
    assert (gone["place"], gone["cause"]) == ("node-0", "no-virtual-server"), gone
    assert "ipvsadm -A -t 172.16.10.10:80 -s rr" in gone["fix"][0]["command"]

    machine.up(*MODE).ok()
    machine.exec_("node-0", "ip", "addr", "del", "172.16.10.10/32", "dev", "kube-ipvs0").ok()
    homeless = machine.trace("pod-0", "myapp")["lost"]
    assert (homeless["place"], homeless["cause"]) == ("node-0", "address-missing"), homeless
    machine.up(*MODE).ok()


def test_another_mode_cleans_up_and_leftovers_are_what_it_does_not(machine: InMachine) -> None:
    inv("apply", "--file", "-", "--lab", machine.name, given=WEB).ok()
    machine.up(*OTHER, "--leftovers").ok()
    assert "172.16.20.21/32" in machine.exec_("node-0", "ip", "addr", "show", "kube-ipvs0").ok()
    assert "KUBE-IPVS-FILTER" in machine.exec_("node-0", "iptables-save").ok()
    assert machine.trace("pod-0", "myapp")["verdict"] == "delivered"
    inv("delete", "--file", "-", "--lab", machine.name, given=WEB).ok()
    lost = machine.trace("pod-0", "172.16.20.21:80")["lost"]
    assert (lost["place"], lost["cause"]) == ("node-0", "stale-rules"), lost
    assert "left it behind" in lost["why"]

    machine.up(*OTHER).ok()
    assert machine.exec_("node-0", "ip", "link", "show", "kube-ipvs0").status != 0
    assert servers(machine) == []
    assert "KUBE-IPVS" not in machine.exec_("node-0", "iptables-save").ok()
    assert "KUBE-" not in machine.exec_("node-0", "ipset", "list", "-n").ok()
    assert machine.trace("pod-0", "myapp")["verdict"] == "delivered"
    machine.up(*MODE).ok()
    assert machine.trace("pod-0", "myapp")["verdict"] == "delivered"
